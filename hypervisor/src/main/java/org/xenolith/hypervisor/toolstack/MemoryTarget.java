package org.xenolith.hypervisor.toolstack;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.xenstore.DomainTree;
import org.xenolith.hypervisor.xenstore.XenstoreClient;

/** How much memory a domain may have, and how much its balloon driver is to leave it with, as {@code xl mem-set} sets it. */
public final class MemoryTarget {
    /** What a domain may have beyond its memory, in pages: 1 MiB (LIBXL_MAXMEM_CONSTANT), for tables and special pages. */
    public static final long SLACK_PAGES = 256;

    private MemoryTarget() {
    }

    /**
     * Sets the domain's maximum and tells its balloon driver by xenstore, which follows in its own time.
     *
     * @param kib at least 1, at most the domain's {@code memory/static-max}
     * @throws IllegalArgumentException for more or less than that
     */
    public static void set(Domain d, XenstoreClient client, long kib) {
        String memory = DomainTree.home(d.domid()) + "/memory";
        long most = client.read(memory + "/static-max").map(Long::parseLong).orElse(0L);
        if (kib < 1 || kib > most) {
            throw new IllegalArgumentException("memory of " + d.name() + " can be set to 1 to " + most + " KiB, not "
                    + kib);
        }
        long pages = (kib >>> 2) + SLACK_PAGES;
        d.setMaxPages(pages);
        d.setOnDemandPages(pages);
        client.write(memory + "/target", kib);
    }
}

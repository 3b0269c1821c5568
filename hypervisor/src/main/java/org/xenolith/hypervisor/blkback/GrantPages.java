package org.xenolith.hypervisor.blkback;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.shared.SharedPage;

/**
 * The pages that the requests of one ring name by grant reference. With {@code feature-persistent} a page stays mapped for
 * later requests, up to a limit; the one not used for the longest time goes first.
 */
final class GrantPages implements AutoCloseable {
    /** Pages that stay mapped at most: those of 32 requests of 33 segments, as in Linux. */
    static final int MAX_PERSISTENT = 1056;

    private final ControlDomain control;
    private final int domid;
    private final boolean persistent;
    private final Map<Integer, PinnedGrant> kept = new LinkedHashMap<>(16, 0.75f, true);
    private PinnedGrant current;

    GrantPages(ControlDomain control, int domid, boolean persistent) {
        this.control = control;
        this.domid = domid;
        this.persistent = persistent;
    }

    /**
     * Maps a page; it may be used until {@link #release}, and one at a time.
     *
     * @param write whether it will be written; persistent pages always may be
     */
    SharedPage use(int ref, boolean write) throws GrantException {
        if (!persistent) {
            current = control.map(domid, ref, write);
            return current.page();
        }
        PinnedGrant p = kept.get(ref);
        if (p == null) {
            p = control.map(domid, ref, true);
            kept.put(ref, p);
        }
        return p.page();
    }

    /** Ends the use that began last. */
    void release() {
        if (current != null) {
            current.close();
            current = null;
        } else if (kept.size() > MAX_PERSISTENT) {
            Iterator<PinnedGrant> oldest = kept.values().iterator();
            oldest.next().close();
            oldest.remove();
        }
    }

    /** Pages that are mapped now. */
    int count() {
        return kept.size();
    }

    @Override
    public void close() {
        kept.values().forEach(PinnedGrant::close);
        kept.clear();
    }
}

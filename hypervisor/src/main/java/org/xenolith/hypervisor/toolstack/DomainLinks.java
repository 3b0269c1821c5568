package org.xenolith.hypervisor.toolstack;

import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.console.ConsoleRing;
import org.xenolith.hypervisor.ring.GuestRingPage;
import org.xenolith.hypervisor.xenstore.XenstoreRing;
import org.xenolith.hypervisor.xenstore.Xenstored;

/**
 * Connects the two rings that every domain is born with. First {@link #offer} allocates the guest's event channels,
 * tells the guest of
 * page and port by HVM parameters and grants the pages to domain 0; then each service is bound at the other end.
 */
public final class DomainLinks {
    /** Grant references that are kept for these pages (public/grant_table.h). */
    private static final int GRANT_CONSOLE = 0;
    private static final int GRANT_XENSTORE = 1;

    private DomainLinks() {
    }

    /** Domain 0's end of an event channel; signals before it is bound go nowhere. */
    private static final class Signal implements Runnable {
        private final ControlDomain control;
        private int localPort;

        private Signal(Domain d) {
            control = d.host().control();
        }

        private void bind(Domain d, int portParam, Runnable handler) {
            localPort = control.bind(d.domid(), (int) d.params().get(portParam), handler);
        }

        @Override
        public void run() {
            if (localPort != 0) {
                control.notify(localPort);
            }
        }
    }

    /**
     * Allocates the guest's ends of both rings.
     *
     * @param storeGfn the xenstore page, RAM of the domain
     * @param consoleGfn the console page, RAM of the domain
     */
    public static void offer(Domain d, long storeGfn, long consoleGfn) {
        offer(d, storeGfn, HvmParams.STORE_PFN, HvmParams.STORE_EVTCHN, GRANT_XENSTORE);
        offer(d, consoleGfn, HvmParams.CONSOLE_PFN, HvmParams.CONSOLE_EVTCHN, GRANT_CONSOLE);
    }

    private static void offer(Domain d, long gfn, int pfnParam, int portParam, int ref) {
        if (!d.isRam(gfn << 12, 4096)) {
            throw new IllegalArgumentException("gfn 0x" + Long.toHexString(gfn) + " is not RAM of domain " + d.domid());
        }
        if (d.pv() != null && !d.pv().holdForLife(gfn)) {
            throw new IllegalArgumentException("mfn 0x" + Long.toHexString(gfn) + " is in use as a page table");
        }
        d.params().set(pfnParam, gfn);
        d.params().set(portParam, d.events().allocUnbound(ControlDomain.DOMID));
        d.grants().grant(ref, ControlDomain.DOMID, gfn);
    }

    /** The guest's xenstore port, once offered. */
    public static int storePort(Domain d) {
        return (int) d.params().get(HvmParams.STORE_EVTCHN);
    }

    /** The guest's console port, once offered. */
    public static int consolePort(Domain d) {
        return (int) d.params().get(HvmParams.CONSOLE_EVTCHN);
    }

    /** Serves the domain's console; {@code sink} takes what the guest writes. */
    public static ConsoleRing console(Domain d, ConsoleRing.Sink sink) {
        Signal signal = new Signal(d);
        ConsoleRing ring = new ConsoleRing(new GuestRingPage(d, d.params().get(HvmParams.CONSOLE_PFN)), sink, signal);
        signal.bind(d, HvmParams.CONSOLE_EVTCHN, ring::onNotify);
        return ring;
    }

    /** Introduces the domain to the xenstore daemon. A later connection of the same domain is served, too. */
    public static XenstoreRing xenstore(Domain d, Xenstored daemon) {
        Signal signal = new Signal(d);
        int domid = d.domid();
        XenstoreRing ring = daemon.introduce(domid, new GuestRingPage(d, d.params().get(HvmParams.STORE_PFN)), signal);
        signal.bind(d, HvmParams.STORE_EVTCHN, () -> {
            if (daemon.isIntroduced(domid)) {
                daemon.ring(domid).onNotify();
            }
        });
        return ring;
    }
}

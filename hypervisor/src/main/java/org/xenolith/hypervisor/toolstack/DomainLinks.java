package org.xenolith.hypervisor.toolstack;

import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.console.ConsoleRing;
import org.xenolith.hypervisor.ring.GuestRingPage;
import org.xenolith.hypervisor.xenstore.XenstoreRing;
import org.xenolith.hypervisor.xenstore.Xenstored;

/**
 * Connects the two rings that every domain is born with: allocates the guest's event channel, tells the guest of it by
 * HVM parameters,
 * grants the page to domain 0, and binds the service at the other end.
 */
public final class DomainLinks {
    /** Grant references that are kept for these pages (public/grant_table.h). */
    private static final int GRANT_CONSOLE = 0;
    private static final int GRANT_XENSTORE = 1;

    private DomainLinks() {
    }

    /** A service that a local port's handler calls once it is known. */
    private static final class Handler implements Runnable {
        private Runnable target = () -> {};

        @Override
        public void run() {
            target.run();
        }
    }

    /**
     * Gives the domain a PV console.
     *
     * @param gfn the console page, which must be RAM of the domain
     * @param sink where the guest's output goes
     */
    public static ConsoleRing console(Domain d, long gfn, ConsoleRing.Sink sink) {
        Handler handler = new Handler();
        int local = link(d, gfn, HvmParams.CONSOLE_PFN, HvmParams.CONSOLE_EVTCHN, GRANT_CONSOLE, handler);
        ConsoleRing ring = new ConsoleRing(new GuestRingPage(d, gfn), sink, () -> d.host().control().notify(local));
        handler.target = ring::onNotify;
        return ring;
    }

    /**
     * Introduces the domain to the xenstore daemon.
     *
     * @param gfn the xenstore page, which must be RAM of the domain
     */
    public static XenstoreRing xenstore(Domain d, long gfn, Xenstored daemon) {
        Handler handler = new Handler();
        int local = link(d, gfn, HvmParams.STORE_PFN, HvmParams.STORE_EVTCHN, GRANT_XENSTORE, handler);
        XenstoreRing ring = daemon.introduce(d.domid(), new GuestRingPage(d, gfn),
                () -> d.host().control().notify(local));
        handler.target = ring::onNotify;
        return ring;
    }

    private static int link(Domain d, long gfn, int pfnParam, int portParam, int ref, Runnable handler) {
        if (!d.isRam(gfn << 12, 4096)) {
            throw new IllegalArgumentException("gfn 0x" + Long.toHexString(gfn) + " is not RAM of domain " + d.domid());
        }
        int port = d.events().allocUnbound(ControlDomain.DOMID);
        d.params().set(pfnParam, gfn);
        d.params().set(portParam, port);
        d.grants().grant(ref, ControlDomain.DOMID, gfn);
        return d.host().control().bind(d.domid(), port, handler);
    }
}

package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.GuestAbi;

/** HYPERVISOR_set_timer_op: the vCPU's one-shot timer, as an absolute system time in nanoseconds; 0 stops it. */
final class SetTimerOp implements Hypercall {
    /**
     * A time so far ahead, or negative, is taken for an overflow: the guest gets a tick soon and can correct itself, as
     * in Xen.
     */
    private static final int FAR_BITS = 50;
    private static final long SOON = 100_000_000L;

    @Override
    public long call(HypercallContext c) {
        long at = c.abi() == GuestAbi.X86_64 ? c.arg(0) : c.arg(0) & 0xffff_ffffL | c.arg(1) << 32;
        long now = c.vcpu().now();
        if (at == 0) {
            c.vcpu().timers().stopSingleshot();
        } else if (at < 0 || at > now && at - now >>> FAR_BITS != 0) {
            c.vcpu().timers().setSingleshot(now + SOON);
        } else {
            c.vcpu().timers().setSingleshot(at);
        }
        return 0;
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.evtchn.EventChannels;

/** HYPERVISOR_sched_op (public/sched.h): giving the processor up, and shutting down. */
final class SchedOp implements Hypercall {
    static final Struct POLL = Struct.of("struct sched_poll", word("ports"), u32("nr_ports"), u64("timeout"));
    static final Struct WATCHDOG = Struct.of("struct sched_watchdog", u32("id"), u32("timeout"));
    static final Struct REMOTE_SHUTDOWN = Struct.of("struct sched_remote_shutdown", u16("domain_id"), u32("reason"));

    private static final int MAX_POLL_PORTS = 128;

    private final SubOperations operations = new SubOperations("sched_op")
            .add(0, "yield", (c, arg) -> {
                c.vcpu().cpu().requestAttention();
                return 0;
            })
            .add(1, "block", (c, arg) -> {
                c.vcpu().block();
                return 0;
            })
            .add(2, "shutdown", (c, arg) -> {
                c.domain().shutdown(c.read32(arg));
                return 0;
            })
            .add(3, "poll", SchedOp::poll)
            .add(4, "remote_shutdown", (c, arg) -> {
                int domid = c.read(REMOTE_SHUTDOWN, arg).get32("domain_id");
                return c.host().domain(domid) == null && domid != 0 ? -Errno.ESRCH : -Errno.EPERM;
            })
            .add(5, "shutdown_code", (c, arg) -> {
                // told in advance by a guest that is about to crash; only debuggers look at it
                c.read32(arg);
                return 0;
            })
            .add(6, "watchdog", (c, arg) -> {
                StructView w = c.read(WATCHDOG, arg);
                return c.domain().watchdog().set(w.get32("id"), w.get("timeout"));
            })
            .refuse(7, "pin_override", Errno.EPERM);

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0), c.arg(1));
    }

    private static long poll(HypercallContext c, long arg) {
        StructView p = c.read(POLL, arg);
        int n = p.get32("nr_ports");
        if (Integer.compareUnsigned(n, MAX_POLL_PORTS) > 0) {
            return -Errno.EINVAL;
        }
        EventChannels events = c.domain().events();
        int port = 0;
        for (int i = 0; i < n; i++) {
            port = c.read32(p.get("ports") + 4L * i);
            if (!events.validPort(port)) {
                return -Errno.EINVAL;
            }
            if (events.isPending(port)) {
                return 0;
            }
        }
        c.vcpu().poll(n == 1 ? port : 0, p.get("timeout"));
        return 0;
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;

import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.VcpuTimers;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.SharedPage;

/** HYPERVISOR_vcpu_op (public/vcpu.h): arguments are command, vCPU, structure. */
final class VcpuOp implements Hypercall {
    static final Struct REGISTER_VCPU_INFO = Struct.of("struct vcpu_register_vcpu_info", u64("mfn"), u32("offset"),
            u32("rsvd"));
    static final Struct SET_SINGLESHOT = Struct.of("struct vcpu_set_singleshot_timer", u64("timeout_abs_ns"),
            u32("flags"));

    private final SubOperations operations = new SubOperations("vcpu_op")
            .add(0, "initialise", VcpuOp::initialise)
            .add(1, "up", (c, arg) -> {
                Vcpu v = target(c);
                if (!v.initialised()) {
                    return -Errno.EINVAL;
                }
                if (v.down()) {
                    v.up();
                }
                return 0;
            })
            .add(2, "down", (c, arg) -> {
                target(c).takeDown();
                return 0;
            })
            .add(3, "is_up", (c, arg) -> target(c).down() ? 0 : 1)
            .add(4, "get_runstate_info", (c, arg) -> {
                c.writeBytes(arg, target(c).runstate().bytes(c.abi(), c.vcpu().now()));
                return 0;
            })
            .add(5, "register_runstate_memory_area", (c, arg) -> {
                // struct { union { handle h; uint64_t p; } addr; }
                long gva = c.readWord(arg, 0);
                if (gva != 0 && !c.vcpu().access().readable(gva)) {
                    return -Errno.EFAULT;
                }
                target(c).setRunstateArea(gva);
                return 0;
            })
            .add(6, "set_periodic_timer", (c, arg) -> {
                long period = c.read64(arg);
                if (period < VcpuTimers.MIN_PERIOD || period > Long.MAX_VALUE / 4) {
                    return -Errno.EINVAL;
                }
                target(c).timers().setPeriodic(period);
                return 0;
            })
            .add(7, "stop_periodic_timer", (c, arg) -> {
                target(c).timers().stopPeriodic();
                return 0;
            })
            .add(8, "set_singleshot_timer", (c, arg) -> {
                if (!target(c).equals(c.vcpu())) {
                    return -Errno.EINVAL;
                }
                // VCPU_SSHOTTMR_future is a wish that Xen no longer grants: a past deadline fires at once
                c.vcpu().timers().setSingleshot(c.read(SET_SINGLESHOT, arg).get("timeout_abs_ns"));
                return 0;
            })
            .add(9, "stop_singleshot_timer", (c, arg) -> {
                if (!target(c).equals(c.vcpu())) {
                    return -Errno.EINVAL;
                }
                c.vcpu().timers().stopSingleshot();
                return 0;
            })
            .add(10, "register_vcpu_info", VcpuOp::registerInfo)
            .add(11, "send_nmi", (c, arg) -> {
                if (arg != 0) {
                    return -Errno.EINVAL;
                }
                Vcpu v = target(c);
                v.cpu().setNmiPending(true);
                v.wake();
                return 0;
            })
            // only told to domains that are pinned to physical CPUs
            .add(12, "get_physid", (c, arg) -> -Errno.EINVAL)
            .add(13, "register_vcpu_time_memory_area", (c, arg) -> {
                long gva = c.readWord(arg, 0);
                if (gva != 0 && !c.vcpu().access().readable(gva)) {
                    return -Errno.EFAULT;
                }
                target(c).setTimeArea(gva);
                return 0;
            });

    @Override
    public long call(HypercallContext c) {
        return target(c) == null ? -Errno.ENOENT : operations.call(c, c.arg32(0), c.arg(2));
    }

    private static Vcpu target(HypercallContext c) {
        return c.domain().vcpu(c.arg32(1));
    }

    private static long initialise(HypercallContext c, long arg) {
        Vcpu v = target(c);
        if (v.info() == null) {
            return -Errno.EINVAL;
        }
        if (v.initialised()) {
            return -Errno.EEXIST;
        }
        return v.pv() == null ? HvmContext.apply(c, v, arg) : PvContext.apply(c, v, arg);
    }

    private static long registerInfo(HypercallContext c, long arg) {
        StructView r = c.read(REGISTER_VCPU_INFO, arg);
        Vcpu v = target(c);
        if (r.get("offset") > 4096 - SharedInfo.VCPU_INFO_SIZE || v.infoRegistered()
                || !v.equals(c.vcpu()) && !v.down()) {
            return -Errno.EINVAL;
        }
        SharedPage page = c.domain().borrow(r.get("mfn"));
        if (page == null) {
            return -Errno.EINVAL;
        }
        v.registerInfo(page, r.get32("offset"));
        return 0;
    }
}

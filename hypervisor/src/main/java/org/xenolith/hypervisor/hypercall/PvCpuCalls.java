package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u8;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.pv.Callback;
import org.xenolith.hypervisor.pv.PvContainer;
import org.xenolith.hypervisor.pv.PvRegisters;

/** The hypercalls by which a PV kernel sets up its virtual processor (public/xen.h, public/callback.h, public/nmi.h). */
final class PvCpuCalls {
    static final Struct TRAP_INFO = Struct.of("struct trap_info", u8("vector"), u8("flags"), u16("cs"),
            word("address"));
    static final Struct CALLBACK_REGISTER_64 = Struct.of("struct callback_register", u16("type"), u16("flags"),
            word("address"));
    /** xen_callback_t of a 32-bit guest is a selector and an offset. */
    static final Struct CALLBACK_REGISTER_32 = Struct.of("struct callback_register", u16("type"), u16("flags"),
            word("cs"), word("address"));
    static final Struct CALLBACK_UNREGISTER = Struct.of("struct callback_unregister", u16("type"), u16("_unused"));
    static final Struct SET_IOPL = Struct.of("struct physdev_set_iopl", u32("iopl"));
    static final Struct SET_IOBITMAP = Struct.of("struct physdev_set_iobitmap", word("bitmap"), u32("nr_ports"));
    static final Struct XENNMI_CALLBACK = Struct.of("struct xennmi_callback", word("handler_address"), word("pad"));

    private static final int SEGBASE_FS = 0;
    private static final int SEGBASE_GS_USER = 1;
    private static final int SEGBASE_GS_KERNEL = 2;
    private static final int SEGBASE_GS_USER_SEL = 3;
    private static final int MAX_PORTS = 65536;

    private PvCpuCalls() {
    }

    private static PvContainer pv(HypercallContext c) {
        return c.vcpu().pv();
    }

    private static PvRegisters registers(HypercallContext c) {
        return c.vcpu().pv().registers();
    }

    private static boolean wide(HypercallContext c) {
        return c.abi() == GuestAbi.X86_64;
    }

    private static boolean addressAllowed(HypercallContext c, long address) {
        return !wide(c) || Mmu.isCanonical(address);
    }

    // ---- tables of entry points ----

    static long setTrapTable(HypercallContext c) {
        long list = c.arg(0);
        if (list == 0) {
            registers(c).traps().clear();
            return 0;
        }
        for (int i = 0; i < HypercallContext.WORK_LIMIT; i++) {
            StructView t = c.read(TRAP_INFO, list);
            if (t.get("address") == 0) {
                return 0;
            }
            if (!addressAllowed(c, t.get("address"))) {
                return -Errno.EINVAL;
            }
            registers(c).traps().set(t.get32("vector"), t.get32("flags"), t.get32("cs"), t.get("address"));
            list += TRAP_INFO.size(c.abi());
        }
        return c.again(list);
    }

    static long setCallbacks(HypercallContext c) {
        Callback.Table t = registers(c).callbacks();
        if (wide(c)) {
            for (int i = 0; i < 3; i++) {
                if (!addressAllowed(c, c.arg(i))) {
                    return -Errno.EINVAL;
                }
            }
            t.set(Callback.EVENT, 0, c.arg(0), true);
            t.set(Callback.FAILSAFE, 0, c.arg(1), false);
            t.set(Callback.SYSCALL, 0, c.arg(2), false);
        } else {
            t.set(Callback.EVENT, c.arg32(0), c.arg(1), true);
            t.set(Callback.FAILSAFE, c.arg32(2), c.arg(3), false);
        }
        return 0;
    }

    static long registerCallback(HypercallContext c, long arg) {
        StructView r = c.read(wide(c) ? CALLBACK_REGISTER_64 : CALLBACK_REGISTER_32, arg);
        Callback which = Callback.of(r.get32("type"));
        boolean known = which != null && (wide(c) || which != Callback.SYSCALL && which != Callback.SYSCALL32);
        if (!known) {
            return -Errno.ENOSYS;
        }
        if (!addressAllowed(c, r.get("address"))) {
            return -Errno.EINVAL;
        }
        registers(c).callbacks().set(which, wide(c) ? 0 : r.get32("cs"), r.get("address"),
                (r.get("flags") & Callback.MASK_EVENTS) != 0);
        return 0;
    }

    static long unregisterCallback(HypercallContext c, long arg) {
        Callback which = Callback.of(c.read(CALLBACK_UNREGISTER, arg).get32("type"));
        return which == null ? -Errno.ENOSYS : registers(c).callbacks().remove(which);
    }

    static long registerNmi(HypercallContext c, long arg) {
        long address = c.read(XENNMI_CALLBACK, arg).get("handler_address");
        if (c.vcpu().id() != 0 || !addressAllowed(c, address)) {
            return -Errno.EINVAL;
        }
        registers(c).callbacks().set(Callback.NMI, wide(c) ? 0 : 0xe019, address, true);
        return 0;
    }

    static long unregisterNmi(HypercallContext c, long arg) {
        return registers(c).callbacks().remove(Callback.NMI);
    }

    // ---- stack, descriptors, segments ----

    static long stackSwitch(HypercallContext c) {
        registers(c).setKernelStack(c.arg32(0), c.arg(1));
        return 0;
    }

    static long setGdt(HypercallContext c) {
        int entries = c.arg32(1);
        if (entries < 0 || entries > 8192) {
            return -Errno.EINVAL;
        }
        long[] frames = new long[(entries + 511) / 512];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = c.readWord(c.arg(0), i);
        }
        return c.domain().pv().setGdt(c.vcpu(), frames, entries);
    }

    static long updateDescriptor(HypercallContext c) {
        return wide(c)
                ? c.domain().pv().updateDescriptor(c.arg(0), c.arg(1))
                : c.domain().pv().updateDescriptor(c.arg(0) & 0xffff_ffffL | c.arg(1) << 32,
                        c.arg(2) & 0xffff_ffffL | c.arg(3) << 32);
    }

    static long setSegmentBase(HypercallContext c) {
        if (!wide(c)) {
            return -Errno.ENOSYS;
        }
        Cpu cpu = c.vcpu().cpu();
        long base = c.arg(1);
        int which = c.arg32(0);
        if (which != SEGBASE_GS_USER_SEL && !Mmu.isCanonical(base)) {
            return -Errno.EINVAL;
        }
        switch (which) {
            case SEGBASE_FS -> cpu.setSegmentBase(CpuState.FS, base);
            case SEGBASE_GS_USER -> cpu.setField(CpuState.KERNEL_GS_BASE, base);
            case SEGBASE_GS_KERNEL -> cpu.setSegmentBase(CpuState.GS, base);
            case SEGBASE_GS_USER_SEL -> loadUserGs(cpu, (int) base & 0xffff);
            default -> {
                return -Errno.EINVAL;
            }
        }
        return 0;
    }

    /** SWAPGS, MOV to GS, SWAPGS: the program's base comes from the descriptor; a bad selector is loaded as null. */
    private static void loadUserGs(Cpu cpu, int selector) {
        long kernelBase = cpu.segmentBase(CpuState.GS);
        try {
            Segmentation.load(cpu, CpuState.GS, (selector & 0xfffc) == 0 ? selector : selector | 3);
        } catch (GuestFault _) {
            Segmentation.load(cpu, CpuState.GS, 0);
        }
        cpu.setField(CpuState.KERNEL_GS_BASE, cpu.segmentBase(CpuState.GS));
        cpu.setSegmentBase(CpuState.GS, kernelBase);
    }

    // ---- processor state ----

    static long fpuTaskswitch(HypercallContext c) {
        pv(c).taskSwitched(c.arg32(0) != 0);
        return 0;
    }

    static long setDebugreg(HypercallContext c) {
        return c.arg(0) >= 0 && c.arg(0) < 8 && pv(c).setDebug(c.arg32(0), c.arg(1)) ? 0 : -Errno.EINVAL;
    }

    static long getDebugreg(HypercallContext c) {
        return c.arg(0) >= 0 && c.arg(0) < 8 ? pv(c).debug(c.arg32(0)) : -Errno.EINVAL;
    }

    static long setIopl(HypercallContext c, long arg) {
        int iopl = c.read(SET_IOPL, arg).get32("iopl");
        if (iopl < 0 || iopl > 3) {
            return -Errno.EINVAL;
        }
        registers(c).setIopl(iopl);
        return 0;
    }

    static long setIoBitmap(HypercallContext c, long arg) {
        StructView s = c.read(SET_IOBITMAP, arg);
        if (Long.compareUnsigned(s.get("nr_ports"), MAX_PORTS) > 0) {
            return -Errno.EINVAL;
        }
        registers(c).setIoBitmap(s.get("bitmap"), s.get32("nr_ports"));
        return 0;
    }

    // ---- calls of the first interface ----

    /** HYPERVISOR_sched_op_compat: the argument of shutdown is the reason itself. */
    static long schedOpCompat(HypercallContext c) {
        switch (c.arg32(0)) {
            case 0 -> c.vcpu().cpu().requestAttention();
            case 1 -> c.vcpu().block();
            case 2 -> c.domain().shutdown(c.arg32(1) & 0xff);
            default -> {
                return -Errno.ENOSYS;
            }
        }
        return 0;
    }

    /** A call whose structure begins with the command: made as the present form of it. */
    static long compat(HypercallContext c, Hypercall present) {
        long at = c.arg(0);
        return present.call(new HypercallContext(c.vcpu(), c.abi(), new long[]{c.read32(at), at + 4, 0, 0, 0, 0}));
    }
}

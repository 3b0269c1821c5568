package org.xenolith.hypervisor.hypercall;

import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.pv.Callback;
import org.xenolith.hypervisor.pv.PvContainer;
import org.xenolith.hypervisor.pv.mm.PvMemory;

/** VCPUOP_initialise of a PV guest: a whole {@code struct vcpu_guest_context} (public/arch-x86/xen.h) for a vCPU that has not run yet. */
final class PvContext {
    private static final int IN_KERNEL = 1 << 2;
    private static final int FAILSAFE_MASKS = 1 << 3;
    private static final int SYSCALL_MASKS = 1 << 4;
    private static final int USER_REGS_AFTER_FLAGS = 512;
    private static final int TRAPS = 256;
    /** Registers in the order of struct cpu_user_regs, by their encoding. */
    private static final int[] REGISTERS_64 = {15, 14, 13, 12, CpuState.RBP, CpuState.RBX, 11, 10, 9, 8, CpuState.RAX,
        CpuState.RCX, CpuState.RDX, CpuState.RSI, CpuState.RDI};
    private static final int[] REGISTERS_32 = {CpuState.RBX, CpuState.RCX, CpuState.RDX, CpuState.RSI, CpuState.RDI,
        CpuState.RBP, CpuState.RAX};
    private static final int SIZE_64 = 5168;
    private static final int SIZE_32 = 2800;

    private final byte[] b;
    private final int word;
    private int at;

    private PvContext(byte[] bytes, int wordBytes) {
        b = bytes;
        word = wordBytes;
    }

    static long apply(HypercallContext c, Vcpu v, long arg) {
        boolean wide = c.abi() == GuestAbi.X86_64;
        return new PvContext(c.readBytes(arg, wide ? SIZE_64 : SIZE_32), wide ? 8 : 4).load(v);
    }

    private long next(int bytes) {
        long r = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            r = r << 8 | b[at + i] & 0xff;
        }
        at += bytes;
        return r;
    }

    private long next() {
        return next(word);
    }

    private long load(Vcpu v) {
        boolean wide = word == 8;
        PvContainer pv = v.pv();
        PvMemory m = v.domain().pv();
        at = USER_REGS_AFTER_FLAGS;
        long flags = next();
        PvContainer.UserRegisters r = new PvContainer.UserRegisters();
        for (int reg : wide ? REGISTERS_64 : REGISTERS_32) {
            r.general[reg] = next();
        }
        at += wide ? 8 : 4;
        r.rip = next();
        r.cs = (int) next(2);
        at += 2;
        boolean masked = next(1) != 0;
        at += wide ? 3 : 1;
        // rflags.IF says the same
        r.rflags = next();
        r.general[CpuState.RSP] = next();
        r.ss = selector();
        r.es = selector();
        r.ds = selector();
        r.fs = selector();
        r.gs = selector();
        for (int i = 0; i < TRAPS; i++) {
            int vector = (int) next(1);
            int trapFlags = (int) next(1);
            int cs = (int) next(2);
            if (wide) {
                at += 4;
            }
            pv.registers().traps().set(vector, trapFlags, cs, next());
        }
        long ldtBase = next();
        int ldtEntries = (int) next();
        long[] frames = new long[16];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = next();
        }
        int gdtEntries = (int) next();
        int ss = (int) next();
        pv.registers().setKernelStack(ss, next());
        long[] cr = new long[8];
        for (int i = 0; i < cr.length; i++) {
            cr[i] = next();
        }
        at += 8 * word;
        callbacks(pv.registers().callbacks(), wide, flags);
        next();
        if (wide) {
            r.fsBase = next();
            r.gsKernel = next();
            r.gsUser = next();
        }
        if (gdtEntries < 0 || gdtEntries > 8192) {
            return -Errno.EINVAL;
        }
        int rc = m.setGdt(v, java.util.Arrays.copyOf(frames, (gdtEntries + 511) / 512), gdtEntries);
        if (rc == 0) {
            rc = m.newBaseptr(v, wide ? cr[3] >>> 12 : cr[3] >>> 12 | (cr[3] & 0xfff) << 20);
        }
        if (rc == 0 && wide && cr[1] != 0) {
            rc = m.newUserBaseptr(v, cr[1] >>> 12);
        }
        if (rc == 0) {
            rc = m.setLdt(v, ldtBase, ldtEntries);
        }
        if (rc != 0) {
            return rc;
        }
        if (!pv.initialise(r, (flags & IN_KERNEL) != 0, masked || (r.rflags & 0x200) == 0)) {
            return -Errno.EINVAL;
        }
        v.setInitialised();
        return 0;
    }

    private int selector() {
        int s = (int) next(2);
        at += word - 2;
        return s;
    }

    private void callbacks(Callback.Table t, boolean wide, long flags) {
        boolean failsafeMasks = (flags & FAILSAFE_MASKS) != 0;
        if (wide) {
            t.set(Callback.EVENT, 0, next(), true);
            t.set(Callback.FAILSAFE, 0, next(), failsafeMasks);
            t.set(Callback.SYSCALL, 0, next(), (flags & SYSCALL_MASKS) != 0);
        } else {
            int cs = (int) next();
            t.set(Callback.EVENT, cs, next(), true);
            cs = (int) next();
            t.set(Callback.FAILSAFE, cs, next(), failsafeMasks);
        }
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.get32;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.mmu.Tlb;

/**
 * What a translation depends on beside its bytes and its address: whose rights its accesses have (bits 0 and 1) and which instructions are
 * denied ({@code InsnDef.NEEDS_*}, from bit 2 up).
 */
final class Mode {
    /** All SSE exceptions masked. */
    private static final int MXCSR_MASKS = 0x1f80;
    /** All x87 exceptions masked. */
    private static final int FCW_MASKS = 0x3f;

    /** No emitted code for this state. */
    static final int NONE = -1;

    private Mode() {
    }

    /** CR4.SMAP, by which STAC and CLAC change the rights. */
    private static final int SMAP = 1 << 16;
    private static final int SCE = 1 << 17;
    private static final int TSD = 1 << 18;
    private static final int FSGSBASE = 1 << 19;
    /** 32-bit code with flat segments. */
    private static final int CODE32 = 1 << 20;
    /** A guest whose kernel is in ring 3 as well: there is no other ring to come to. */
    private static final int DEPRIVILEGED = 1 << 21;
    private static final int CPL_NOT_0 = InsnDef.NEEDS_CPL0 << 2;

    static int rights(int mode) {
        return mode & 3;
    }

    static int denied(int mode) {
        return mode >>> 2 & 0xff;
    }

    /** What a mode's translations depend on beside their rights and the CPL. */
    static int apartFromRights(int mode) {
        return mode & ~(3 | CPL_NOT_0);
    }

    static boolean code32(int mode) {
        return (mode & CODE32) != 0;
    }

    /** Which of the jump caches the mode's code uses: that of its rights, but 32-bit user code has one of its own beside 64-bit programs'. */
    static int jumpTable(int mode) {
        return code32(mode) && rights(mode) == Tlb.USER ? JumpCaches.USER_32 : rights(mode);
    }

    /** True when code of a mode can come to code of a jump cache without the run loop: by a jump, SYSCALL, SYSRET, STAC or CLAC. */
    static boolean reaches(int mode, int table) {
        if (!code32(mode)) {
            return table != JumpCaches.USER_32;
        }
        return rights(mode) == Tlb.USER
                ? table == JumpCaches.USER_32
                : table == Tlb.SUPERVISOR || table == Tlb.SUPERVISOR_ANY;
    }

    /** What the entries of a jump cache have in common while code of a mode runs, beside their rights. */
    static int jumpKey(int mode, int table) {
        boolean user = table == Tlb.USER || table == JumpCaches.USER_32;
        int ring = user ? CPL_NOT_0 : rights(mode) == Tlb.USER && (mode & DEPRIVILEGED) == 0 ? 0 : mode & CPL_NOT_0;
        return apartFromRights(mode) | ring;
    }

    /** SYSCALL and SYSRET are enabled. Rings 1 and 2 leave them to the interpreter: they share jump caches with ring 0. */
    static boolean systemCalls(int mode) {
        return (mode & (SCE | CODE32)) == SCE && (supervisor(mode) || rights(mode) == Tlb.USER);
    }

    static boolean segmentBases(int mode) {
        return (mode & FSGSBASE) != 0;
    }

    static boolean timeStampAllowed(int mode) {
        return (mode & (TSD | CPL_NOT_0)) != (TSD | CPL_NOT_0);
    }

    /** CPL is 0. */
    static boolean supervisor(int mode) {
        return (mode & CPL_NOT_0) == 0;
    }

    /** The mode after SYSCALL, with RFLAGS.AC clear. */
    static int afterSyscall(int mode) {
        return apartFromRights(mode) | ((mode & SMAP) != 0 ? Tlb.SUPERVISOR : Tlb.SUPERVISOR_ANY);
    }

    /** The mode after SYSRET. */
    static int afterSysret(int mode) {
        return apartFromRights(mode) | CPL_NOT_0 | Tlb.USER;
    }

    /** The mode after STAC (or CLAC). */
    static int withAccess(int mode, boolean any) {
        return (mode & SMAP) == 0 ? mode : mode & ~3 | (any ? Tlb.SUPERVISOR_ANY : Tlb.SUPERVISOR);
    }

    static String rightsName(int mode) {
        return switch (rights(mode)) {
            case Tlb.USER -> "user";
            case Tlb.SUPERVISOR -> "supervisor";
            default -> "supervisor (no SMAP)";
        };
    }

    /** All x87 exceptions are masked. */
    static boolean x87Masked(Cpu cpu) {
        return (get32(cpu.stateAddress() + CpuState.FCW) & FCW_MASKS) == FCW_MASKS;
    }

    /** The CPU's present mode, or {@link #NONE}. */
    static int of(Cpu cpu) {
        boolean code64 = cpu.codeBits() == 64;
        if (!code64 && !FlatSegments.flat32(cpu) || cpu.mmu().watched()) {
            return NONE;
        }
        int denied = cpu.denied();
        if ((get32(cpu.stateAddress() + CpuState.MXCSR) & MXCSR_MASKS) != MXCSR_MASKS) {
            // an SSE instruction could raise #XM on the host: none runs there
            denied |= InsnDef.NEEDS_SSE | InsnDef.NEEDS_AVX;
        }
        if (!x87Masked(cpu)) {
            // likewise for #MF
            denied |= InsnDef.NEEDS_X87 | InsnDef.NEEDS_MMX;
        }
        int code32 = code64 ? 0 : CODE32;
        int smap = (cpu.cr4() & ControlRegisters.CR4_SMAP) != 0 ? SMAP : 0;
        int sce = (cpu.efer() & ControlRegisters.EFER_SCE) != 0 ? SCE : 0;
        int tsd = (cpu.cr4() & ControlRegisters.CR4_TSD) != 0 ? TSD : 0;
        int deprivileged = cpu.deprivileged() ? DEPRIVILEGED : 0;
        return denied << 2 | cpu.mmu().rights() | code32 | smap | sce | tsd | deprivileged
                | ((cpu.cr4() & ControlRegisters.CR4_FSGSBASE) != 0 ? FSGSBASE : 0);
    }
}

package org.xenolith.cpu;

/** Implicit stack references in the current stack size, with the checks of SS (SDM vol. 1, 6.2). Offsets are from RSP, in bytes. */
public final class StackAccess {
    private StackAccess() {
    }

    private static long linear(Cpu c, long sp, int bytes, boolean write) {
        if (c.code64()) {
            return sp;
        }
        return Segmentation.linear(c, CpuState.SS, c.stackBits() == 16 ? sp & 0xffff : sp & 0xffff_ffffL, bytes, write);
    }

    /** Pushes; RSP changes only when the store did not fault. */
    public static void push(Cpu c, int bits, long v) {
        long sp = c.reg(CpuState.RSP) - (bits >>> 3);
        c.mmu().write(linear(c, sp, bits >>> 3, true), CpuState.SS, bits, v);
        c.setReg(CpuState.RSP, sp, c.stackBits());
    }

    public static long pop(Cpu c, int bits) {
        long v = peek(c, 0, bits);
        adjust(c, bits >>> 3);
        return v;
    }

    /** Reads at RSP + offset. */
    public static long peek(Cpu c, long offset, int bits) {
        return c.mmu().read(linear(c, c.reg(CpuState.RSP) + offset, bits >>> 3, false), CpuState.SS, bits);
    }

    /** Writes at RSP + offset. */
    public static void poke(Cpu c, long offset, int bits, long v) {
        c.mmu().write(linear(c, c.reg(CpuState.RSP) + offset, bits >>> 3, true), CpuState.SS, bits, v);
    }

    /** Reads at an offset in the stack segment. */
    public static long readAt(Cpu c, long offset, int bits) {
        return c.mmu().read(linear(c, offset, bits >>> 3, false), CpuState.SS, bits);
    }

    /** Faults unless {@code bytes} below RSP can be written. */
    public static void probePush(Cpu c, int bytes) {
        probeAt(c, c.reg(CpuState.RSP) - bytes, bytes);
    }

    /** Faults unless {@code bytes} at an offset in the stack segment can be written. */
    public static void probeAt(Cpu c, long offset, int bytes) {
        c.mmu().probe(linear(c, offset, bytes, true), CpuState.SS, bytes, true);
    }

    public static void adjust(Cpu c, long bytes) {
        c.setReg(CpuState.RSP, c.reg(CpuState.RSP) + bytes, c.stackBits());
    }
}

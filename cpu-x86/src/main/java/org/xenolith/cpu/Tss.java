package org.xenolith.cpu;

/** Inner-ring stacks and the interrupt stack table in the current task-state segment (SDM vol. 3, 8.2 and 8.7). */
final class Tss {
    private Tss() {
    }

    /** An 8-byte stack pointer of a 64-bit TSS; #TS(TR) past its limit. */
    static long stack64(Cpu c, int offset, int ext) {
        if (offset + 7 > c.segmentLimit(CpuState.TR)) {
            throw c.fault(Vector.TS, Descriptors.error(c.selector(CpuState.TR), ext));
        }
        return c.mmu().readSystem(c.segmentBase(CpuState.TR) + offset, 64);
    }

    /** True for a 32-bit TSS in TR. */
    static boolean is32(Cpu c) {
        return (c.segmentAttributes(CpuState.TR) & 8) != 0;
    }

    private static int stackOffset(Cpu c, int cpl) {
        return is32(c) ? 8 * cpl + 4 : 4 * cpl + 2;
    }

    /** SS of the ring {@code cpl}; #TS(TR) when the TSS ends before it. */
    static int innerStackSelector(Cpu c, int cpl, int ext) {
        int offset = stackOffset(c, cpl);
        boolean wide = is32(c);
        if (offset + (wide ? 5 : 3) > c.segmentLimit(CpuState.TR)) {
            throw c.fault(Vector.TS, Descriptors.error(c.selector(CpuState.TR), ext));
        }
        return (int) read(c, offset + (wide ? 4 : 2), 16);
    }

    /** ESP or SP of the ring {@code cpl}, after {@link #innerStackSelector} has checked the limit. */
    static long innerStackPointer(Cpu c, int cpl) {
        return read(c, stackOffset(c, cpl), is32(c) ? 32 : 16);
    }

    /** The descriptor of an inner stack taken from the TSS: #TS for a wrong one, #SS for one that is not present. */
    static long checkInnerStack(Cpu c, int selector, int cpl, int ext) {
        if (Descriptors.isNull(selector)) {
            throw c.fault(Vector.TS, ext);
        }
        return Segmentation.checkStack(c, selector, cpl, Vector.TS, ext);
    }

    /** Reads a field of the current TSS. */
    static long read(Cpu c, int offset, int bits) {
        long va = c.segmentBase(CpuState.TR) + offset;
        return c.mmu().readSystem(c.longMode() ? va : va & 0xffff_ffffL, bits);
    }

    /** True when the interrupt redirection bitmap, the 32 bytes below the I/O map, has the bit of the vector clear. */
    static boolean redirects(Cpu c, int vector) {
        long limit = c.segmentLimit(CpuState.TR);
        if (!is32(c) || limit < 103) {
            return false;
        }
        int at = (int) read(c, 102, 16) - 32 + (vector >>> 3);
        return at >= 0 && at <= limit && (read(c, at, 8) >>> (vector & 7) & 1) == 0;
    }
}

package org.xenolith.cpu;

/**
 * Descriptors of the GDT, LDT and IDT as 64-bit words (SDM vol. 3, 3.4.5, 3.5 and 5.8.3): fetching them by selector, and their fields.
 *
 * <p>Faults carry {@code ext}: bit 0 of the error code, 1 while an event external to the program is being delivered.
 */
final class Descriptors {
    /** Types of system descriptors (SDM vol. 3, table 3-2). */
    static final int TSS16 = 1;
    static final int LDT = 2;
    static final int TSS16_BUSY = 3;
    static final int CALL_GATE16 = 4;
    static final int TASK_GATE = 5;
    static final int INTERRUPT_GATE16 = 6;
    static final int TRAP_GATE16 = 7;
    static final int TSS32 = 9;
    static final int TSS32_BUSY = 11;
    static final int CALL_GATE32 = 12;
    static final int INTERRUPT_GATE32 = 14;
    static final int TRAP_GATE32 = 15;

    private Descriptors() {
    }

    /** Error code of a selector: its index and table bits, with EXT. */
    static int error(int selector, int ext) {
        return selector & 0xfffc | ext;
    }

    static boolean isNull(int selector) {
        return (selector & 0xfffc) == 0;
    }

    /**
     * Linear address of a selector's descriptor, after the check of its table's limit.
     *
     * @param bytes 8, or 16 for the system descriptors of long mode
     * @param vector raised with the selector as error code when the table ends before it
     */
    static long address(Cpu c, int selector, int bytes, int vector, int ext) {
        long base;
        long limit;
        int offset = selector & 0xfff8;
        if ((selector & 4) != 0) {
            base = c.segmentBase(CpuState.LDTR);
            boolean usable = (c.segmentAttributes(CpuState.LDTR) & (Segmentation.UNUSABLE | 0x80)) == 0x80;
            limit = usable ? c.segmentLimit(CpuState.LDTR) : -1;
        } else {
            base = c.field(CpuState.GDTR_BASE);
            limit = c.field(CpuState.GDTR_LIMIT);
        }
        if (offset + bytes - 1 > limit) {
            throw c.fault(vector, error(selector, ext));
        }
        long va = base + offset;
        return c.longMode() ? va : va & 0xffff_ffffL;
    }

    /** The descriptor that a selector names; {@code vector} with the selector when it is outside its table. */
    static long read(Cpu c, int selector, int vector, int ext) {
        return c.mmu().readSystem(address(c, selector, 8, vector, ext), 64);
    }

    /** True when the table of a selector holds {@code bytes} of descriptor for it; a null selector names none. */
    static boolean exists(Cpu c, int selector, int bytes) {
        if (isNull(selector)) {
            return false;
        }
        long limit = (selector & 4) == 0
                ? c.field(CpuState.GDTR_LIMIT)
                : (c.segmentAttributes(CpuState.LDTR) & (Segmentation.UNUSABLE | 0x80)) == 0x80
                        ? c.segmentLimit(CpuState.LDTR)
                        : -1;
        return (selector & 0xfff8) + bytes - 1 <= limit;
    }

    /** Second half of a 16-byte system descriptor. */
    static long readHigh(Cpu c, int selector, int vector, int ext) {
        return c.mmu().readSystem(address(c, selector, 16, vector, ext) + 8, 64);
    }

    /** Sets the accessed bit (and writes memory only when it was clear); returns the descriptor with it set. */
    static long setAccessed(Cpu c, int selector, long d) {
        if ((d >>> 40 & 1) == 0) {
            setTypeBits(c, selector, 1);
        }
        return d | 1L << 40;
    }

    /** ORs bits into the access byte of a descriptor in memory. */
    static void setTypeBits(Cpu c, int selector, int bits) {
        long va = address(c, selector, 8, Vector.GP, 0) + 5;
        c.mmu().writeSystem(va, 8, c.mmu().readSystem(va, 8) | bits);
    }

    static void clearTypeBits(Cpu c, int selector, int bits) {
        long va = address(c, selector, 8, Vector.GP, 0) + 5;
        c.mmu().writeSystem(va, 8, c.mmu().readSystem(va, 8) & ~bits);
    }

    static long base(long d) {
        return d >>> 16 & 0xff_ffff | d >>> 32 & 0xff00_0000L;
    }

    /** Highest offset, granularity applied. */
    static long limit(long d) {
        long limit = d & 0xffff | d >>> 32 & 0xf_0000;
        return (d & 1L << 55) != 0 ? limit << 12 | 0xfff : limit;
    }

    /** Access rights in the layout of {@link CpuState#SEGMENT_ATTRIBUTES}. */
    static int attributes(long d) {
        return (int) (d >>> 40) & 0xf0ff;
    }

    static int type(long d) {
        return (int) (d >>> 40) & 15;
    }

    /** The S bit: code or data, not a system descriptor. */
    static boolean isSegment(long d) {
        return (d & 1L << 44) != 0;
    }

    static boolean isCode(long d) {
        return isSegment(d) && (type(d) & 8) != 0;
    }

    static boolean isConforming(long d) {
        return (type(d) & 4) != 0;
    }

    static boolean isWritableData(long d) {
        return isSegment(d) && (type(d) & 10) == 2;
    }

    static boolean isPresent(long d) {
        return (d & 1L << 47) != 0;
    }

    static int dpl(long d) {
        return (int) (d >>> 45) & 3;
    }

    static boolean isLong(long d) {
        return (d & 1L << 53) != 0;
    }

    static boolean isBig(long d) {
        return (d & 1L << 54) != 0;
    }

    // ---- gates ----

    static int gateSelector(long d) {
        return (int) (d >>> 16) & 0xffff;
    }

    /** Offset of a 32-bit gate; of a 16-bit one the upper half is zero. */
    static long gateOffset(long d) {
        long low = d & 0xffff;
        return (type(d) & 8) != 0 ? low | d >>> 32 & 0xffff_0000L : low;
    }
}

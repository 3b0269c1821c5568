package org.xenolith.cpu;

/**
 * Flat segments: those that SYSCALL, SYSRET, SYSENTER and SYSEXIT load without reading a descriptor (SDM vol. 2): base 0, 4 GiB, present, accessed; in the
 * layout of {@link CpuState#SEGMENT_ATTRIBUTES}.
 */
public final class FlatSegments {
    public static final int CODE64 = 0xa09b;
    public static final int CODE32 = 0xc09b;
    public static final int DATA = 0xc093;
    /** Added to the attributes for DPL 3. */
    public static final int RING3 = 3 << 5;
    public static final long LIMIT = 0xffff_ffffL;
    /** RFLAGS bits that SYSRET takes from R11. */
    public static final long SYSRET_FLAGS = 0x3c7fd7;

    /** Present; neither null, code nor expand-down; writable. */
    private static final int WRITABLE_DATA = 0x82;
    private static final int WRITABLE_DATA_MASK = Segmentation.UNUSABLE | 0x8e;

    private FlatSegments() {
    }

    /**
     * True for 32-bit code in protected or compatibility mode whose CS, SS, DS and ES all begin at 0 and reach to 4 GiB, with ESP as stack
     * pointer: then no data access through them can fail a segment check, except one that wraps.
     */
    public static boolean flat32(Cpu c) {
        return c.codeBits() == 32 && c.stackBits() == 32 && c.protectedMode() && !c.vm86()
                && c.segmentBase(CpuState.CS) == 0 && c.segmentLimit(CpuState.CS) == LIMIT
                && data(c, CpuState.SS) && data(c, CpuState.DS) && data(c, CpuState.ES);
    }

    private static boolean data(Cpu c, int seg) {
        return c.segmentBase(seg) == 0 && unlimited(c, seg);
    }

    /** True for a writable data segment that reaches to 4 GiB, wherever it begins. */
    public static boolean unlimited(Cpu c, int seg) {
        return c.segmentLimit(seg) == LIMIT && (c.segmentAttributes(seg) & WRITABLE_DATA_MASK) == WRITABLE_DATA;
    }
}

package org.xenolith.cpu;

/**
 * The segments that SYSCALL, SYSRET, SYSENTER and SYSEXIT load without reading a descriptor (SDM vol. 2): base 0, 4 GiB, present, accessed; in the
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

    private FlatSegments() {
    }
}

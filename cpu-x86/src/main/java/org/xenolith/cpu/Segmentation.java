package org.xenolith.cpu;

/** Segment checks and linear addresses (SDM vol. 3, chapters 3 and 5). */
public final class Segmentation {
    private static final int UNUSABLE = 1 << 16;

    private Segmentation() {
    }

    /**
     * The linear address of an access after the limit and type checks of the current mode.
     *
     * @param offset already cut to the address size
     */
    public static long linear(Cpu c, int seg, long offset, int bytes, boolean write) {
        if (c.code64()) {
            return seg >= CpuState.FS ? c.segmentBase(seg) + offset : offset;
        }
        int attributes = c.segmentAttributes(seg);
        long limit = c.segmentLimit(seg);
        long last = offset + bytes - 1;
        boolean ok;
        int type = attributes & 15;
        if ((type & 12) == 4) {
            // expand-down: valid offsets are above the limit
            long top = (attributes & 0x4000) != 0 ? 0xffff_ffffL : 0xffffL;
            ok = offset > limit && last <= top;
        } else {
            ok = last <= limit && last >= offset;
        }
        if (c.protectedMode() && !c.vm86()) {
            if ((attributes & (UNUSABLE | 0x80)) != 0x80) {
                ok = false;
            } else if ((type & 8) != 0) {
                ok &= !write && (type & 2) != 0;
            } else if (write) {
                ok &= (type & 2) != 0;
            }
        }
        if (!ok) {
            throw c.fault(seg == CpuState.SS ? Vector.SS : Vector.GP, 0);
        }
        return c.segmentBase(seg) + offset & 0xffff_ffffL;
    }
}

package org.xenolith.hypervisor.pv.mm;

/**
 * Which segment descriptors a PV guest may have in its tables (SDM vol. 3, 3.4.5): no system segments, nothing for ring
 * 0, no long mode in 32-bit guests. Descriptors are the 8 bytes as a little-endian number.
 */
public final class Descriptors {
    private static final long PRESENT = 1L << 47;
    private static final long CODE_OR_DATA = 1L << 44;
    private static final long LONG = 1L << 53;
    private static final long GRANULARITY = 1L << 55;
    private static final int DPL_SHIFT = 45;
    private static final int TYPE_SHIFT = 40;
    private static final int CALL_GATE = 0xc;
    private static final int FIRST_RESERVED_SELECTOR = XenSlots.RESERVED_GDT_PAGE << 12;

    private Descriptors() {
    }

    /** True for a descriptor that {@link #fix} makes safe. */
    public static boolean allowed(long d, boolean wide) {
        if ((d & PRESENT) == 0) {
            return true;
        }
        if ((d & CODE_OR_DATA) != 0) {
            return wide || (d & LONG) == 0;
        }
        int type = (int) (d >>> TYPE_SHIFT) & 0xf;
        if (type == 0) {
            return true;
        }
        long reserved = wide ? 0xffL << 32 : 0xe0L << 32;
        return type == CALL_GATE && gateSelectorAllowed((int) (d >>> 16) & 0xffff, wide) && (d & reserved) == 0;
    }

    /** Code selectors that a trap or call gate may name: of the hypervisor's only the guest kernel's flat one. */
    public static boolean gateSelectorAllowed(int selector, boolean wide) {
        return selector < FIRST_RESERVED_SELECTOR || (selector & 4) != 0 || selector == (wide ? 0xe033 : 0xe019);
    }

    /** The descriptor as it is stored: rings of the hypervisor become the guest kernel's; call gates always trap. */
    public static long fix(long d, boolean wide) {
        if ((d & PRESENT) == 0) {
            return d;
        }
        long dpl = Math.max(d >>> DPL_SHIFT & 3, wide ? 3 : 1);
        long out = d & ~(3L << DPL_SHIFT) | dpl << DPL_SHIFT;
        if ((d & CODE_OR_DATA) != 0) {
            return wide ? out : widen(out);
        }
        if (((int) (d >>> TYPE_SHIFT) & 0xf) == 0) {
            return d;
        }
        // DPL 0 makes each use fault; the RPL of the target remembers the real one
        return out & ~(3L << DPL_SHIFT) & ~(3L << 16) | dpl << 16;
    }

    /** Old kernels end their segments below a smaller machine-to-physical table than a 64-bit hypervisor has. */
    private static long widen(long d) {
        long base = d >>> 16 & 0xff_ffff | d >>> 32 & 0xff00_0000L;
        long limit = (d & 0xffff | d >>> 32 & 0xf_0000) + 1;
        if ((d & GRANULARITY) != 0) {
            limit <<= 12;
        }
        return base == 0 && limit > MachineToPhys.START_32 ? d | 0xffffL | 0xf_0000L << 32 : d;
    }
}

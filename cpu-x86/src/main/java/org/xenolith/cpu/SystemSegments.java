package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;

/** LLDT, LTR and the descriptor queries LAR, LSL, VERR and VERW (SDM vol. 2; vol. 3, 5.10). */
public final class SystemSegments {
    private SystemSegments() {
    }

    /** LLDT; a null selector makes the LDT unusable. */
    public static void loadLdt(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            c.setSegment(CpuState.LDTR, selector, 0, 0, Segmentation.UNUSABLE | Descriptors.LDT);
            return;
        }
        long d = system(c, selector);
        if (Descriptors.isSegment(d) || Descriptors.type(d) != Descriptors.LDT) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
        c.setSegment(CpuState.LDTR, selector, base(c, selector, d), Descriptors.limit(d), Descriptors.attributes(d));
    }

    /** LTR; marks the TSS busy. */
    public static void loadTask(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp0();
        }
        long d = system(c, selector);
        int type = Descriptors.type(d);
        boolean available = type == Descriptors.TSS32 || type == Descriptors.TSS16 && !c.longMode();
        if (Descriptors.isSegment(d) || !available) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
        long base = base(c, selector, d);
        Descriptors.setTypeBits(c, selector, 2);
        c.setSegment(CpuState.TR, selector, base, Descriptors.limit(d), Descriptors.attributes(d) | 2);
    }

    private static long system(Cpu c, int selector) {
        if ((selector & 4) != 0) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        return Descriptors.read(c, selector, Vector.GP, 0);
    }

    private static void checkPresent(Cpu c, int selector, long d) {
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, Descriptors.error(selector, 0));
        }
    }

    /** The base, 64 bits wide in long mode, where the descriptor has 16 bytes. */
    private static long base(Cpu c, int selector, long d) {
        if (!c.longMode()) {
            return Descriptors.base(d);
        }
        long high = Descriptors.readHigh(c, selector, Vector.GP, 0);
        long base = Descriptors.base(d) | high << 32;
        if ((high >>> 40 & 0x1f) != 0 || !Mmu.isCanonical(base)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        return base;
    }

    /** True when LAR ({@code limit} false) or LSL may show the descriptor of the selector at the current privilege. */
    public static boolean visible(Cpu c, int selector, boolean limit) {
        if (!Descriptors.exists(c, selector, 8)) {
            return false;
        }
        long d = Descriptors.read(c, selector, Vector.GP, 0);
        if (!Descriptors.isSegment(d)) {
            boolean known = switch (Descriptors.type(d)) {
                case Descriptors.LDT, Descriptors.TSS32, Descriptors.TSS32_BUSY -> true;
                case Descriptors.TSS16, Descriptors.TSS16_BUSY -> !c.longMode();
                case Descriptors.CALL_GATE16, Descriptors.TASK_GATE -> !limit && !c.longMode();
                case Descriptors.CALL_GATE32 -> !limit;
                default -> false;
            };
            if (!known || c.longMode() && !Descriptors.exists(c, selector, 16)) {
                return false;
            }
        } else if ((Descriptors.type(d) & 12) == 12) {
            return true;
        }
        return admits(c, selector, d);
    }

    private static boolean admits(Cpu c, int selector, long d) {
        int dpl = Descriptors.dpl(d);
        return dpl >= c.cpl() && dpl >= (selector & 3);
    }

    /** The second word of a visible descriptor, as LAR stores it. */
    public static long accessRights(Cpu c, int selector) {
        return Descriptors.read(c, selector, Vector.GP, 0) >>> 32 & 0x00ff_ff00L;
    }

    /** The limit of a visible descriptor in bytes. */
    public static long limit(Cpu c, int selector) {
        return Descriptors.limit(Descriptors.read(c, selector, Vector.GP, 0));
    }

    /** VERR and VERW: true when the segment may be read (written) at the current privilege. */
    public static boolean verify(Cpu c, int selector, boolean write) {
        if (!Descriptors.exists(c, selector, 8)) {
            return false;
        }
        long d = Descriptors.read(c, selector, Vector.GP, 0);
        int type = Descriptors.type(d);
        if (!Descriptors.isSegment(d)) {
            return false;
        }
        if ((type & 8) != 0) {
            return !write && (type & 2) != 0 && ((type & 4) != 0 || admits(c, selector, d));
        }
        return (!write || (type & 2) != 0) && admits(c, selector, d);
    }
}

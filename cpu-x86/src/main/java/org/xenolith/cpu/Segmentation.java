package org.xenolith.cpu;

/** Segment checks, linear addresses and loads of segment registers (SDM vol. 3, chapters 3 and 5). */
public final class Segmentation {
    /** Attribute bit of a segment register that holds a null selector. */
    public static final int UNUSABLE = 1 << 16;

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
        boolean ok = within(attributes, c.segmentLimit(seg), offset, bytes);
        if (c.protectedMode() && !c.vm86()) {
            int type = attributes & 15;
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

    /**
     * True when all of [offset, offset + bytes) is inside a segment's limit, where 64-bit code has none.
     *
     * @param bytes 1 to 4096
     */
    public static boolean holds(Cpu c, int seg, long offset, int bytes) {
        return c.code64() || within(c.segmentAttributes(seg), c.segmentLimit(seg), offset, bytes);
    }

    /** True when all of [offset, offset + bytes) is inside a segment of these attributes and limit. */
    static boolean within(int attributes, long limit, long offset, int bytes) {
        long last = offset + bytes - 1;
        if ((attributes & 12) == 4) {
            // expand-down: valid offsets are above the limit
            long top = (attributes & 0x4000) != 0 ? 0xffff_ffffL : 0xffffL;
            return offset > limit && last <= top;
        }
        return last <= limit && last >= offset;
    }

    /**
     * Loads ES, SS, DS, FS or GS with the checks of MOV Sreg in the current mode; nothing has changed when it faults.
     *
     * @param selector 16 bits
     */
    public static void load(Cpu c, int seg, int selector) {
        if (!c.protectedMode() || c.vm86()) {
            loadReal(c, seg, selector);
            return;
        }
        if (seg == CpuState.SS) {
            loadStack(c, selector);
            return;
        }
        if (Descriptors.isNull(selector)) {
            loadNull(c, seg, selector);
            return;
        }
        loadDescriptor(c, seg, selector, checkData(c, selector, c.cpl(), Vector.GP, 0));
    }

    /**
     * The descriptor of a data or readable code segment that {@code cpl} may load into a data segment register; {@code vector} with the selector
     * for a wrong one, #NP for one that is not present.
     */
    static long checkData(Cpu c, int selector, int cpl, int vector, int ext) {
        long d = Descriptors.read(c, selector, vector, ext);
        int type = Descriptors.type(d);
        boolean ok = Descriptors.isSegment(d) && (type & 10) != 8;
        if ((type & 12) != 12) {
            int dpl = Descriptors.dpl(d);
            ok &= (selector & 3) <= dpl && cpl <= dpl;
        }
        if (!ok) {
            throw c.fault(vector, Descriptors.error(selector, ext));
        }
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, Descriptors.error(selector, ext));
        }
        return d;
    }

    private static void loadStack(Cpu c, int selector) {
        int cpl = c.cpl();
        if (Descriptors.isNull(selector)) {
            if (!c.code64() || cpl == 3 || (selector & 3) != cpl) {
                throw c.gp0();
            }
            setNullStack(c, selector, cpl);
            return;
        }
        long d = checkStack(c, selector, cpl, Vector.GP, 0);
        loadDescriptor(c, CpuState.SS, selector, d);
        c.updateMode();
    }

    /**
     * The descriptor of a stack segment for privilege level {@code cpl}; {@code vector} with the selector for a wrong one, #SS for one that
     * is not present.
     */
    static long checkStack(Cpu c, int selector, int cpl, int vector, int ext) {
        long d = Descriptors.read(c, selector, vector, ext);
        if ((selector & 3) != cpl || !Descriptors.isWritableData(d) || Descriptors.dpl(d) != cpl) {
            throw c.fault(vector, Descriptors.error(selector, ext));
        }
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.SS, Descriptors.error(selector, ext));
        }
        return d;
    }

    /** Loads the hidden part from a checked descriptor and marks it accessed; the caller calls {@link Cpu#updateMode} for CS and SS. */
    static void loadDescriptor(Cpu c, int seg, int selector, long d) {
        long accessed = Descriptors.setAccessed(c, selector, d);
        c.setSegment(seg, selector, Descriptors.base(accessed), Descriptors.limit(accessed),
                Descriptors.attributes(accessed));
    }

    /**
     * Loads CS and SS for a hypervisor that takes its guest to a handler in any ring; the caller has chosen the RPLs. Raises #GP, #NP or #SS
     * with the selector for one that cannot be loaded, and has then changed nothing.
     */
    public static void loadCodeAndStack(Cpu c, int cs, int ss) {
        long code = Descriptors.read(c, cs, Vector.GP, 0);
        if (Descriptors.isNull(cs) || !Descriptors.isCode(code)) {
            throw c.fault(Vector.GP, Descriptors.error(cs, 0));
        }
        if (!Descriptors.isPresent(code)) {
            throw c.fault(Vector.NP, Descriptors.error(cs, 0));
        }
        long stack = checkStack(c, ss, cs & 3, Vector.GP, 0);
        loadDescriptor(c, CpuState.CS, cs, code);
        loadDescriptor(c, CpuState.SS, ss, stack);
        c.updateMode();
    }

    /** A null selector in a data segment register. */
    static void loadNull(Cpu c, int seg, int selector) {
        c.setSegment(seg, selector, 0, 0, UNUSABLE);
    }

    /** A null SS, as 64-bit mode allows below ring 3: its DPL still says the privilege level. */
    static void setNullStack(Cpu c, int selector, int cpl) {
        c.setSegment(CpuState.SS, selector, 0, 0xffff_ffffL, UNUSABLE | 0xc000 | cpl << 5);
        c.updateMode();
    }

    /** Base from the selector. In real mode the limit stays (so that a limit set in protected mode survives), in virtual-8086 mode it is 64 KiB. */
    static void loadReal(Cpu c, int seg, int selector) {
        if (c.vm86()) {
            c.setSegment(seg, selector, (long) selector << 4, 0xffff, 0xf3);
        } else {
            int kept = c.segmentAttributes(seg) & 0xd000;
            c.setSegment(seg, selector, (long) selector << 4, c.segmentLimit(seg), kept | 0x93);
        }
        if (seg == CpuState.SS || seg == CpuState.CS) {
            c.updateMode();
        }
    }

    /**
     * After a return to an outer ring: data segment registers that the new CPL could not have loaded become null (SDM vol. 3, 5.8.6). Bases of FS
     * and GS stay, as 64-bit code keeps them apart from the selectors.
     */
    static void dropInnerSegments(Cpu c, int cpl) {
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            if (seg == CpuState.CS || seg == CpuState.SS) {
                continue;
            }
            int a = c.segmentAttributes(seg);
            boolean conforming = (a & 12) == 12;
            if ((a & UNUSABLE) != 0 || !conforming && (a >>> 5 & 3) < cpl) {
                c.setSegment(seg, 0, c.segmentBase(seg), 0, UNUSABLE);
            }
        }
    }
}

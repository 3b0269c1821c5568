package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;

/** Far JMP, CALL and RET in every mode, with call gates (SDM vol. 2, JMP, CALL and RET; vol. 3, 5.8). */
public final class FarTransfer {
    private FarTransfer() {
    }

    /**
     * Far jump.
     *
     * @param offset zero-extended from the operand size
     * @param bits operand size: 16, 32 or 64
     */
    public static void jump(Cpu c, int selector, long offset, int bits) {
        if (!c.protectedMode() || c.vm86()) {
            checkLimit(c, c.segmentLimit(CpuState.CS), offset);
            Segmentation.loadReal(c, CpuState.CS, selector);
            c.setRip(offset);
            return;
        }
        long d = target(c, selector);
        if (Descriptors.isSegment(d)) {
            checkDirect(c, selector, d);
            checkOffset(c, d, offset);
            enter(c, selector, Descriptors.setAccessed(c, selector, d), c.cpl(), offset);
            return;
        }
        int type = gateType(c, selector, d);
        if (type == Descriptors.CALL_GATE16 || type == Descriptors.CALL_GATE32) {
            checkGate(c, selector, d);
            long to = gateOffset(c, selector, d);
            int code = Descriptors.gateSelector(d);
            long cd = gateCode(c, code);
            boolean ok = Descriptors.isConforming(cd) ? Descriptors.dpl(cd) <= c.cpl() : Descriptors.dpl(cd) == c.cpl();
            if (!ok) {
                throw c.fault(Vector.GP, Descriptors.error(code, 0));
            }
            checkPresent(c, code, cd);
            checkOffset(c, cd, to);
            enter(c, code, Descriptors.setAccessed(c, code, cd), c.cpl(), to);
        } else {
            TaskSwitch.jump(c, selector, d);
        }
    }

    /** Far call; see {@link #jump}. The return address is RIP. */
    public static void call(Cpu c, int selector, long offset, int bits) {
        StackFrame stack = c.stackFrame();
        if (!c.protectedMode() || c.vm86()) {
            stack.current();
            stack.reserve(bits >>> 2, 0);
            checkLimit(c, c.segmentLimit(CpuState.CS), offset);
            pushReturn(c, stack, bits);
            stack.commitPointer();
            Segmentation.loadReal(c, CpuState.CS, selector);
            c.setRip(offset);
            return;
        }
        long d = target(c, selector);
        if (Descriptors.isSegment(d)) {
            checkDirect(c, selector, d);
            stack.current();
            stack.reserve(bits >>> 2, 0);
            checkOffset(c, d, offset);
            long accessed = Descriptors.setAccessed(c, selector, d);
            pushReturn(c, stack, bits);
            stack.commitPointer();
            enter(c, selector, accessed, c.cpl(), offset);
            return;
        }
        int type = gateType(c, selector, d);
        if (type == Descriptors.CALL_GATE16 || type == Descriptors.CALL_GATE32) {
            checkGate(c, selector, d);
            callGate(c, d, gateOffset(c, selector, d));
        } else {
            TaskSwitch.call(c, selector, d);
        }
    }

    private static void callGate(Cpu c, long gate, long to) {
        int selector = Descriptors.gateSelector(gate);
        long d = gateCode(c, selector);
        if (Descriptors.dpl(d) > c.cpl()) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
        int bits = c.longMode() ? 64 : (Descriptors.type(gate) & 8) != 0 ? 32 : 16;
        StackFrame stack = c.stackFrame();
        int cpl = Descriptors.dpl(d);
        if (Descriptors.isConforming(d) || cpl == c.cpl()) {
            if (bits == 64) {
                stack.flat(c.cpl(), c.reg(CpuState.RSP));
            } else {
                stack.current();
            }
            stack.reserve(bits >>> 2, 0);
            checkOffset(c, d, to);
            long accessed = Descriptors.setAccessed(c, selector, d);
            pushReturn(c, stack, bits);
            stack.commitPointer();
            enter(c, selector, accessed, c.cpl(), to);
            return;
        }
        long oldSp = c.reg(CpuState.RSP);
        if (bits == 64) {
            stack.flat(cpl, Tss.stack64(c, 4 + 8 * cpl, 0));
            stack.reserve(32, cpl);
            checkOffset(c, d, to);
            long accessed = Descriptors.setAccessed(c, selector, d);
            stack.push(64, c.selector(CpuState.SS));
            stack.push(64, oldSp);
            pushReturn(c, stack, 64);
            Segmentation.setNullStack(c, cpl, cpl);
            stack.commitPointer();
            enter(c, selector, accessed, cpl, to);
            return;
        }
        int ss = Tss.innerStackSelector(c, cpl, 0);
        long sp = Tss.innerStackPointer(c, cpl);
        long sd = Tss.checkInnerStack(c, ss, cpl, 0);
        int parameters = (int) (gate >>> 32) & 31;
        int bytes = bits >>> 3;
        stack.segment(cpl, sd, sp);
        stack.reserve(bytes * (4 + parameters), Descriptors.error(ss, 0));
        checkOffset(c, d, to);
        for (int k = 0; k < parameters; k++) {
            StackAccess.peek(c, (long) k * bytes, bits);
        }
        long accessed = Descriptors.setAccessed(c, selector, d);
        stack.push(bits, c.selector(CpuState.SS));
        stack.push(bits, oldSp);
        for (int k = parameters - 1; k >= 0; k--) {
            stack.push(bits, StackAccess.peek(c, (long) k * bytes, bits));
        }
        pushReturn(c, stack, bits);
        Segmentation.loadDescriptor(c, CpuState.SS, ss, sd);
        stack.commitPointer();
        enter(c, selector, accessed, cpl, to);
    }

    /**
     * Far return.
     *
     * @param bits operand size
     * @param release bytes of parameters to drop from the stack (of both stacks, when the ring changes)
     */
    public static void ret(Cpu c, int bits, int release) {
        int bytes = bits >>> 3;
        long offset = StackAccess.peek(c, 0, bits);
        int selector = (int) StackAccess.peek(c, bytes, bits) & 0xffff;
        if (!c.protectedMode() || c.vm86()) {
            checkLimit(c, c.segmentLimit(CpuState.CS), offset);
            StackAccess.adjust(c, 2L * bytes + release);
            Segmentation.loadReal(c, CpuState.CS, selector);
            c.setRip(offset);
            return;
        }
        long d = returnCode(c, selector);
        int rpl = selector & 3;
        if (rpl == c.cpl()) {
            checkOffset(c, d, offset);
            long accessed = Descriptors.setAccessed(c, selector, d);
            StackAccess.adjust(c, 2L * bytes + release);
            enter(c, selector, accessed, rpl, offset);
            return;
        }
        long sp = StackAccess.peek(c, 2L * bytes + release, bits);
        int ss = (int) StackAccess.peek(c, 3L * bytes + release, bits) & 0xffff;
        outer(c, selector, d, offset, ss, sp, release);
        Segmentation.dropInnerSegments(c, rpl);
    }

    /** Loads CS:RIP and SS:RSP for a return to the ring of the selector's RPL (or, in 64-bit mode, IRET to the same ring). */
    static void outer(Cpu c, int selector, long code, long offset, int ss, long sp, int release) {
        int rpl = selector & 3;
        boolean to64 = c.longMode() && Descriptors.isLong(code);
        long sd = 0;
        if (Descriptors.isNull(ss)) {
            if (!to64 || rpl == 3 || (ss & 3) != rpl) {
                throw c.gp0();
            }
        } else {
            sd = Segmentation.checkStack(c, ss, rpl, Vector.GP, 0);
        }
        checkOffset(c, code, offset);
        long accessed = Descriptors.setAccessed(c, selector, code);
        if (sd != 0) {
            Segmentation.loadDescriptor(c, CpuState.SS, ss, sd);
        } else {
            c.setSegment(CpuState.SS, ss, 0, 0xffff_ffffL, Segmentation.UNUSABLE | 0xc000 | rpl << 5);
        }
        c.setReg(CpuState.RSP, sp + release, to64 ? 64 : Descriptors.isBig(sd) ? 32 : 16);
        enter(c, selector, accessed, rpl, offset);
    }

    /** The code segment that a far return or IRET goes to, with the checks against its RPL. */
    static long returnCode(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp0();
        }
        long d = Descriptors.read(c, selector, Vector.GP, 0);
        int rpl = selector & 3;
        boolean ok = Descriptors.isCode(d) && rpl >= c.cpl()
                && (Descriptors.isConforming(d) ? Descriptors.dpl(d) <= rpl : Descriptors.dpl(d) == rpl);
        if (!ok || c.longMode() && Descriptors.isLong(d) && Descriptors.isBig(d)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
        return d;
    }

    private static long target(Cpu c, int selector) {
        if (Descriptors.isNull(selector)) {
            throw c.gp0();
        }
        return Descriptors.read(c, selector, Vector.GP, 0);
    }

    private static void checkDirect(Cpu c, int selector, long d) {
        int cpl = c.cpl();
        int dpl = Descriptors.dpl(d);
        boolean ok = Descriptors.isCode(d)
                && (Descriptors.isConforming(d) ? dpl <= cpl : dpl == cpl && (selector & 3) <= cpl);
        if (!ok || c.longMode() && Descriptors.isLong(d) && Descriptors.isBig(d)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
    }

    private static void checkPresent(Cpu c, int selector, long d) {
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, Descriptors.error(selector, 0));
        }
    }

    /** The type of a system descriptor that JMP and CALL may name; #GP(selector) for others. */
    private static int gateType(Cpu c, int selector, long d) {
        int type = Descriptors.type(d);
        boolean ok = switch (type) {
            case Descriptors.CALL_GATE32 -> true;
            case Descriptors.CALL_GATE16, Descriptors.TASK_GATE, Descriptors.TSS16, Descriptors.TSS32 -> !c.longMode();
            default -> false;
        };
        if (!ok) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        return type;
    }

    private static void checkGate(Cpu c, int selector, long d) {
        int dpl = Descriptors.dpl(d);
        if (dpl < c.cpl() || dpl < (selector & 3)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d);
    }

    /** The target of a call gate; in long mode the gate has 16 bytes. */
    private static long gateOffset(Cpu c, int selector, long d) {
        if (!c.longMode()) {
            return Descriptors.gateOffset(d);
        }
        long high = Descriptors.readHigh(c, selector, Vector.GP, 0);
        if ((high >>> 40 & 0x1f) != 0) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        return Descriptors.gateOffset(d) | high << 32;
    }

    private static long gateCode(Cpu c, int selector) {
        long d = target(c, selector);
        if (!Descriptors.isCode(d) || c.longMode() && (!Descriptors.isLong(d) || Descriptors.isBig(d))) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        return d;
    }

    private static void checkLimit(Cpu c, long limit, long offset) {
        if (Long.compareUnsigned(offset, limit) > 0) {
            throw c.gp0();
        }
    }

    /** #GP(0) unless the offset is canonical (64-bit code) or within the segment's limit. */
    static void checkOffset(Cpu c, long d, long offset) {
        if (c.longMode() && Descriptors.isLong(d)) {
            if (!Mmu.isCanonical(offset)) {
                throw c.gp0();
            }
        } else {
            checkLimit(c, Descriptors.limit(d), offset & 0xffff_ffffL);
        }
    }

    private static void pushReturn(Cpu c, StackFrame stack, int bits) {
        stack.push(bits, c.selector(CpuState.CS));
        stack.push(bits, c.rip());
    }

    /** Loads CS from a checked descriptor and sets RIP. */
    static void enter(Cpu c, int selector, long d, int cpl, long offset) {
        c.setSegment(CpuState.CS, selector & ~3 | cpl, Descriptors.base(d), Descriptors.limit(d),
                Descriptors.attributes(d));
        c.updateMode();
        c.setRip(c.code64() ? offset : offset & 0xffff_ffffL);
    }
}

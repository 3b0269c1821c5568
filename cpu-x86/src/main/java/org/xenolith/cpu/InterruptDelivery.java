package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;

/** Delivery through the interrupt vector table, protected-mode gates and 64-bit gates (SDM vol. 3, 6.12 to 6.14 and 21.1; vol. 2, INT n). */
final class InterruptDelivery {
    /** Flags that an interrupt clears in the handler; an interrupt gate clears IF as well. */
    private static final int CLEARED = Flags.TF | Flags.NT | Flags.RF | Flags.VM;

    private InterruptDelivery() {
    }

    /** The pushed image of RFLAGS; RF is set for faults (SDM vol. 3, 18.3.1.1). */
    private static long pushedFlags(Cpu c, Exceptions.Source source) {
        long flags = c.rflags();
        return source == Exceptions.Source.EXCEPTION ? flags | Flags.RF : flags;
    }

    /** Real mode: a far pointer of 4 bytes per vector. */
    static void real(Cpu c, int vector, Exceptions.Source source) {
        if (vector * 4 + 3 > c.field(CpuState.IDTR_LIMIT)) {
            throw c.fault(Vector.GP, 0);
        }
        int entry = (int) c.mmu().readSystem(c.field(CpuState.IDTR_BASE) + vector * 4L & 0xffff_ffffL, 32);
        throughVectorTable(c, entry, pushedFlags(c, source));
    }

    /** Virtual-8086 interrupt that the redirection bitmap of VME sends to the 8086 program's own vector table at linear address 0. */
    static void redirected(Cpu c, int vector) {
        int entry = (int) c.mmu().readSystem(vector * 4L, 32);
        long flags = c.rflags();
        if (c.iopl() < 3) {
            flags = flags & ~Flags.IF | Flags.IOPL | ((flags & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        throughVectorTable(c, entry, flags);
    }

    private static void throughVectorTable(Cpu c, int entry, long flags) {
        int offset = entry & 0xffff;
        int selector = entry >>> 16;
        StackFrame stack = c.stackFrame();
        stack.current();
        stack.reserve(6, 0);
        if (offset > c.segmentLimit(CpuState.CS)) {
            throw c.fault(Vector.GP, 0);
        }
        stack.push(16, flags);
        stack.push(16, c.selector(CpuState.CS));
        stack.push(16, c.rip());
        stack.commitPointer();
        int cleared = Flags.TF | Flags.RF | Flags.AC;
        if (c.vm86()) {
            // the 8086 program's interrupt flag is VIF where IOPL does not let it have IF
            cleared = Flags.TF | Flags.RF | Flags.NT | (c.iopl() < 3 ? Flags.VIF : Flags.IF);
        } else {
            cleared |= Flags.IF;
        }
        c.setSystemFlags(c.systemFlags() & ~cleared);
        Segmentation.loadReal(c, CpuState.CS, selector);
        c.setRip(offset);
    }

    /** The first 8 bytes of the gate after the checks of limit, type, DPL and presence. */
    private static long gate(Cpu c, int vector, int size, Exceptions.Source source, int ext) {
        int error = vector << 3 | 2 | ext;
        long offset = (long) vector * size;
        if (offset + size - 1 > c.field(CpuState.IDTR_LIMIT)) {
            throw c.fault(Vector.GP, error);
        }
        long va = c.field(CpuState.IDTR_BASE) + offset;
        long gate = c.mmu().readSystem(c.longMode() ? va : va & 0xffff_ffffL, 64);
        boolean known = !Descriptors.isSegment(gate) && switch (Descriptors.type(gate)) {
            case Descriptors.INTERRUPT_GATE32, Descriptors.TRAP_GATE32 -> true;
            case Descriptors.TASK_GATE, Descriptors.INTERRUPT_GATE16, Descriptors.TRAP_GATE16 -> size == 8;
            default -> false;
        };
        if (!known || source.checksDpl() && Descriptors.dpl(gate) < c.cpl()) {
            throw c.fault(Vector.GP, error);
        }
        if (!Descriptors.isPresent(gate)) {
            throw c.fault(Vector.NP, error);
        }
        return gate;
    }

    /** The handler's code segment. */
    private static long handlerSegment(Cpu c, int selector, int ext) {
        if (Descriptors.isNull(selector)) {
            throw c.fault(Vector.GP, ext);
        }
        long d = Descriptors.read(c, selector, Vector.GP, ext);
        boolean ok = Descriptors.isCode(d) && Descriptors.dpl(d) <= c.cpl();
        if (c.longMode()) {
            ok &= Descriptors.isLong(d) && !Descriptors.isBig(d);
        }
        if (!ok) {
            throw c.fault(Vector.GP, Descriptors.error(selector, ext));
        }
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, Descriptors.error(selector, ext));
        }
        return d;
    }

    /** 64-bit and compatibility mode: 16-byte gates, the interrupt stack table, and a frame of five quadwords. */
    static void longMode(Cpu c, int vector, Exceptions.Source source, int ext, boolean hasError, int error) {
        long gate = gate(c, vector, 16, source, ext);
        long va = c.field(CpuState.IDTR_BASE) + vector * 16L;
        long target = Descriptors.gateOffset(gate) | c.mmu().readSystem(va + 8, 32) << 32;
        int selector = Descriptors.gateSelector(gate);
        long code = handlerSegment(c, selector, ext);
        int oldCpl = c.cpl();
        int cpl = Descriptors.isConforming(code) ? oldCpl : Descriptors.dpl(code);
        int ist = (int) (gate >>> 32) & 7;
        long sp;
        if (ist != 0) {
            sp = Tss.stack64(c, 28 + 8 * ist, ext);
        } else if (cpl != oldCpl) {
            sp = Tss.stack64(c, 4 + 8 * cpl, ext);
        } else {
            sp = c.reg(CpuState.RSP);
        }
        StackFrame stack = c.stackFrame();
        stack.flat(cpl, sp);
        stack.align();
        stack.reserve(hasError ? 48 : 40, ext);
        if (!Mmu.isCanonical(target)) {
            throw c.fault(Vector.GP, ext);
        }
        long accessed = Descriptors.setAccessed(c, selector, code);
        stack.push(64, c.selector(CpuState.SS));
        stack.push(64, c.reg(CpuState.RSP));
        stack.push(64, pushedFlags(c, source));
        stack.push(64, c.selector(CpuState.CS));
        stack.push(64, c.rip());
        if (hasError) {
            stack.push(64, error & 0xffff_ffffL);
        }
        if (cpl != oldCpl) {
            Segmentation.setNullStack(c, cpl, cpl);
        }
        stack.commitPointer();
        enter(c, gate, selector, accessed, cpl, target);
    }

    /** Protected and virtual-8086 mode outside long mode. */
    static void legacy(Cpu c, int vector, Exceptions.Source source, int ext, boolean hasError, int error) {
        long gate = gate(c, vector, 8, source, ext);
        if (Descriptors.type(gate) == Descriptors.TASK_GATE) {
            TaskSwitch.interrupt(c, Descriptors.gateSelector(gate), pushedFlags(c, source), ext,
                    source.isInstruction(), hasError, error);
            return;
        }
        int selector = Descriptors.gateSelector(gate);
        long code = handlerSegment(c, selector, ext);
        int bits = (Descriptors.type(gate) & 8) != 0 ? 32 : 16;
        int bytes = bits >>> 3;
        int oldCpl = c.cpl();
        boolean vm = c.vm86();
        int cpl = Descriptors.isConforming(code) ? oldCpl : Descriptors.dpl(code);
        if (vm && cpl != 0) {
            throw c.fault(Vector.GP, Descriptors.error(selector, ext));
        }
        long target = Descriptors.gateOffset(gate);
        StackFrame stack = c.stackFrame();
        int stackSelector = 0;
        long stackDescriptor = 0;
        if (cpl != oldCpl) {
            stackSelector = Tss.innerStackSelector(c, cpl, ext);
            long sp = Tss.innerStackPointer(c, cpl);
            stackDescriptor = Tss.checkInnerStack(c, stackSelector, cpl, ext);
            stack.segment(cpl, stackDescriptor, sp);
            stack.reserve(bytes * ((vm ? 9 : 5) + (hasError ? 1 : 0)), Descriptors.error(stackSelector, ext));
        } else {
            stack.current();
            stack.reserve(bytes * (hasError ? 4 : 3), ext);
        }
        if (target > Descriptors.limit(code)) {
            throw c.fault(Vector.GP, ext);
        }
        long accessed = Descriptors.setAccessed(c, selector, code);
        if (vm) {
            stack.push(bits, c.selector(CpuState.GS));
            stack.push(bits, c.selector(CpuState.FS));
            stack.push(bits, c.selector(CpuState.DS));
            stack.push(bits, c.selector(CpuState.ES));
        }
        if (cpl != oldCpl) {
            stack.push(bits, c.selector(CpuState.SS));
            stack.push(bits, c.reg(CpuState.RSP));
        }
        stack.push(bits, pushedFlags(c, source));
        stack.push(bits, c.selector(CpuState.CS));
        stack.push(bits, c.rip());
        if (hasError) {
            stack.push(bits, error);
        }
        if (vm) {
            for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
                if (seg != CpuState.CS && seg != CpuState.SS) {
                    Segmentation.loadNull(c, seg, 0);
                }
            }
            c.setSystemFlags(c.systemFlags() & ~Flags.VM);
        }
        if (cpl != oldCpl) {
            Segmentation.loadDescriptor(c, CpuState.SS, stackSelector, stackDescriptor);
        }
        stack.commitPointer();
        enter(c, gate, selector, accessed, cpl, target);
    }

    private static void enter(Cpu c, long gate, int selector, long code, int cpl, long target) {
        c.setSegment(CpuState.CS, selector & ~3 | cpl, Descriptors.base(code), Descriptors.limit(code),
                Descriptors.attributes(code));
        boolean interruptGate = (Descriptors.type(gate) & 1) == 0;
        c.setSystemFlags(c.systemFlags() & ~(CLEARED | (interruptGate ? Flags.IF : 0)));
        c.updateMode();
        c.setRip(target);
    }
}

package org.xenolith.cpu;

import org.xenolith.cpu.virt.GuestMode;

/**
 * Hardware task switches by JMP, CALL, IRET, INT and events, between 16- and 32-bit task-state segments (SDM vol. 3, 8.3; the checks are
 * those of table 8-1, in its order).
 *
 * <p>Faults before the commit belong to the old task. Later ones belong to the new task: an instruction's are delivered from here, since its
 * RIP is already that of the new task; an event's unwind to {@link Exceptions#deliver}.
 */
final class TaskSwitch {
    private enum Kind {
        JUMP, CALL, RETURN
    }

    private static final int LINK = 0;
    private static final int CR3 = 0x1c;
    private static final int EIP = 0x20;
    private static final int EFLAGS = 0x24;
    private static final int EAX = 0x28;
    private static final int SELECTORS = 0x48;
    private static final int LDT_SELECTOR = 0x60;
    private static final int TRAP = 0x64;
    private static final int IP16 = 0x0e;
    private static final int FLAGS16 = 0x10;
    private static final int AX16 = 0x12;
    private static final int SELECTORS16 = 0x22;
    private static final int LDT_SELECTOR16 = 0x2a;
    /** Smallest limits of a TSS. */
    private static final int LIMIT32 = 103;
    private static final int LIMIT16 = 43;
    /** DR7.L0 to L3 and LE end with their task. */
    private static final long LOCAL_BREAKPOINTS = 0x155;

    private TaskSwitch() {
    }

    /** JMP to a task gate or TSS. */
    static void jump(Cpu c, int selector, long d) {
        instruction(c, Kind.JUMP, selector, d);
    }

    /** CALL of a task gate or TSS. */
    static void call(Cpu c, int selector, long d) {
        instruction(c, Kind.CALL, selector, d);
    }

    private static void instruction(Cpu c, Kind kind, int selector, long d) {
        int dpl = Descriptors.dpl(d);
        if (dpl < c.cpl() || dpl < (selector & 3)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, 0));
        }
        int tss = selector;
        if (Descriptors.type(d) == Descriptors.TASK_GATE) {
            checkPresent(c, selector, d, 0);
            tss = Descriptors.gateSelector(d);
        }
        switchFromInstruction(c, kind, tss, available(c, tss, 0), c.rflags());
    }

    /** IRET with NT set: back to the task that the current TSS links to. */
    static void ret(Cpu c) {
        int selector = (int) Tss.read(c, LINK, 16);
        if ((selector & 4) != 0 || Descriptors.isNull(selector)) {
            throw c.fault(Vector.TS, Descriptors.error(selector, 0));
        }
        long d = Descriptors.read(c, selector, Vector.TS, 0);
        int type = Descriptors.type(d);
        if (Descriptors.isSegment(d) || type != Descriptors.TSS16_BUSY && type != Descriptors.TSS32_BUSY) {
            throw c.fault(Vector.TS, Descriptors.error(selector, 0));
        }
        checkPresent(c, selector, d, 0);
        switchFromInstruction(c, Kind.RETURN, selector, d, c.rflags() & ~Flags.NT);
    }

    private static void switchFromInstruction(Cpu c, Kind kind, int selector, long d, long flags) {
        if (c.guestMode() != null) {
            c.guestMode().taskSwitch(c, selector, switch (kind) {
                case CALL -> GuestMode.TaskSwitchSource.CALL;
                case RETURN -> GuestMode.TaskSwitchSource.IRET;
                case JUMP -> GuestMode.TaskSwitchSource.JMP;
            }, false, 0);
        }
        State s = prepare(c, kind, selector, d, 0);
        commit(c, s, flags);
        try {
            loadSegments(c, s);
            checkPointer(c, 0);
        } catch (GuestFault _) {
            Exceptions.deliver(c, c.faultVector(), Exceptions.Source.EXCEPTION, c.faultHasError(), c.faultError());
        }
    }

    /**
     * An event through a task gate.
     *
     * @param flags image to save in the old task
     */
    static void interrupt(Cpu c, int selector, long flags, int ext, boolean instruction, boolean hasError, int error) {
        long d = available(c, selector, ext);
        if (c.guestMode() != null) {
            c.guestMode().taskSwitch(c, selector, GuestMode.TaskSwitchSource.GATE, hasError, error);
        }
        State s = prepare(c, Kind.CALL, selector, d, ext);
        commit(c, s, flags);
        try {
            loadSegments(c, s);
            if (hasError) {
                StackFrame stack = c.stackFrame();
                stack.current();
                stack.reserve(s.wide ? 4 : 2, ext);
                stack.push(s.wide ? 32 : 16, error);
                stack.commitPointer();
            }
            checkPointer(c, ext);
        } catch (GuestFault f) {
            if (!instruction) {
                throw f;
            }
            Exceptions.deliver(c, c.faultVector(), Exceptions.Source.EXCEPTION, c.faultHasError(), c.faultError());
        }
    }

    private static void checkPointer(Cpu c, int ext) {
        if (c.rip() > c.segmentLimit(CpuState.CS)) {
            throw c.fault(Vector.GP, ext);
        }
    }

    /** The descriptor of a TSS that may be switched to. */
    private static long available(Cpu c, int selector, int ext) {
        if ((selector & 4) != 0 || Descriptors.isNull(selector)) {
            throw c.fault(Vector.GP, Descriptors.error(selector, ext));
        }
        long d = Descriptors.read(c, selector, Vector.GP, ext);
        int type = Descriptors.type(d);
        if (Descriptors.isSegment(d) || type != Descriptors.TSS16 && type != Descriptors.TSS32) {
            throw c.fault(Vector.GP, Descriptors.error(selector, ext));
        }
        checkPresent(c, selector, d, ext);
        return d;
    }

    private static void checkPresent(Cpu c, int selector, long d, int ext) {
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, Descriptors.error(selector, ext));
        }
    }

    /** What the new TSS holds; task switches are rare, so it may be an object. */
    private static final class State {
        Kind kind;
        int selector;
        long descriptor;
        long base;
        boolean wide;
        int ext;
        long cr3;
        long eip;
        long flags;
        final long[] gpr = new long[8];
        /** ES CS SS DS FS GS. */
        final int[] selectors = new int[6];
        int ldt;
        boolean trap;
    }

    /** Reads the new TSS and makes sure that the old one can be written. */
    private static State prepare(Cpu c, Kind kind, int selector, long d, int ext) {
        State s = new State();
        s.kind = kind;
        s.selector = selector;
        s.descriptor = d;
        s.ext = ext;
        s.base = Descriptors.base(d);
        s.wide = (Descriptors.type(d) & 8) != 0;
        if (Descriptors.limit(d) < (s.wide ? LIMIT32 : LIMIT16)) {
            throw c.fault(Vector.TS, Descriptors.error(selector, ext));
        }
        boolean oldWide = Tss.is32(c);
        if (c.segmentLimit(CpuState.TR) < (oldWide ? LIMIT32 : LIMIT16)) {
            throw c.fault(Vector.TS, Descriptors.error(c.selector(CpuState.TR), ext));
        }
        if (s.wide) {
            s.cr3 = read(c, s, CR3, 32);
            s.eip = read(c, s, EIP, 32);
            s.flags = read(c, s, EFLAGS, 32);
            for (int r = 0; r < 8; r++) {
                s.gpr[r] = read(c, s, EAX + 4 * r, 32);
            }
            for (int k = 0; k < 6; k++) {
                s.selectors[k] = (int) read(c, s, SELECTORS + 4 * k, 16);
            }
            s.ldt = (int) read(c, s, LDT_SELECTOR, 16);
            s.trap = (read(c, s, TRAP, 16) & 1) != 0;
        } else {
            s.eip = read(c, s, IP16, 16);
            s.flags = read(c, s, FLAGS16, 16);
            for (int r = 0; r < 8; r++) {
                s.gpr[r] = read(c, s, AX16 + 2 * r, 16);
            }
            for (int k = 0; k < 4; k++) {
                s.selectors[k] = (int) read(c, s, SELECTORS16 + 2 * k, 16);
            }
            s.ldt = (int) read(c, s, LDT_SELECTOR16, 16);
        }
        if (kind == Kind.CALL) {
            c.mmu().probeSystem(s.base, 2, true);
        }
        c.mmu().probeSystem(c.segmentBase(CpuState.TR), (oldWide ? LIMIT32 : LIMIT16) + 1, true);
        return s;
    }

    private static long read(Cpu c, State s, int offset, int bits) {
        return c.mmu().readSystem(s.base + offset & 0xffff_ffffL, bits);
    }

    private static void commit(Cpu c, State s, long flags) {
        int old = c.selector(CpuState.TR);
        if (s.kind != Kind.RETURN) {
            Descriptors.setTypeBits(c, s.selector, 2);
        }
        save(c, flags);
        if (s.kind == Kind.CALL) {
            c.mmu().writeSystem(s.base, 16, old);
        } else {
            Descriptors.clearTypeBits(c, old, 2);
        }
        c.setSegment(CpuState.TR, s.selector, s.base, Descriptors.limit(s.descriptor),
                Descriptors.attributes(s.descriptor) | 2);
        for (int r = 0; r < 8; r++) {
            c.setReg(r, s.gpr[r]);
        }
        long newFlags = s.flags | (s.kind == Kind.CALL ? Flags.NT : 0);
        boolean vm = (newFlags & Flags.VM) != 0;
        int cpl = vm ? 3 : s.selectors[CpuState.CS] & 3;
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            c.setSegment(seg, s.selectors[seg], 0, 0, Segmentation.UNUSABLE | (seg == CpuState.SS ? cpl << 5 : 0));
        }
        c.setSegment(CpuState.LDTR, s.ldt, 0, 0, Segmentation.UNUSABLE | Descriptors.LDT);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_TS);
        c.setField(CpuState.DR + 7 * 8, c.field(CpuState.DR + 7 * 8) & ~LOCAL_BREAKPOINTS);
        c.debug().armed();
        c.setRflags(newFlags);
        c.updateMode();
        c.setRip(s.eip);
        if (s.trap) {
            c.debug().taskSwitched();
        }
    }

    private static void save(Cpu c, long flags) {
        if (Tss.is32(c)) {
            write(c, EIP, 32, c.rip());
            write(c, EFLAGS, 32, flags);
            for (int r = 0; r < 8; r++) {
                write(c, EAX + 4 * r, 32, c.reg(r));
            }
            for (int seg = 0; seg < 6; seg++) {
                write(c, SELECTORS + 4 * seg, 16, c.selector(seg));
            }
        } else {
            write(c, IP16, 16, c.rip());
            write(c, FLAGS16, 16, flags);
            for (int r = 0; r < 8; r++) {
                write(c, AX16 + 2 * r, 16, c.reg(r));
            }
            for (int seg = 0; seg < 4; seg++) {
                write(c, SELECTORS16 + 2 * seg, 16, c.selector(seg));
            }
        }
    }

    private static void write(Cpu c, int offset, int bits, long v) {
        c.mmu().writeSystem(c.segmentBase(CpuState.TR) + offset & 0xffff_ffffL, bits, v);
    }

    /** Page tables, LDT and segments of the new task; faults are the new task's. */
    private static void loadSegments(Cpu c, State s) {
        if (s.wide && (c.cr0() & ControlRegisters.CR0_PG) != 0) {
            if ((c.cr4() & ControlRegisters.CR4_PAE) != 0) {
                c.mmu().loadPdptes(s.cr3);
            }
            c.setField(CpuState.CR3, s.cr3);
            c.mmu().flushNonGlobal();
        }
        loadLdt(c, s);
        if (c.vm86()) {
            for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
                Segmentation.loadReal(c, seg, s.selectors[seg]);
            }
            return;
        }
        int cpl = c.cpl();
        loadCode(c, s);
        int ss = s.selectors[CpuState.SS];
        if (Descriptors.isNull(ss)) {
            throw c.fault(Vector.TS, Descriptors.error(ss, s.ext));
        }
        Segmentation.loadDescriptor(c, CpuState.SS, ss, Segmentation.checkStack(c, ss, cpl, Vector.TS, s.ext));
        c.updateMode();
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            int selector = s.selectors[seg];
            if (seg != CpuState.CS && seg != CpuState.SS && !Descriptors.isNull(selector)) {
                Segmentation.loadDescriptor(c, seg, selector,
                        Segmentation.checkData(c, selector, cpl, Vector.TS, s.ext));
            }
        }
    }

    private static void loadLdt(Cpu c, State s) {
        if (Descriptors.isNull(s.ldt)) {
            return;
        }
        int error = Descriptors.error(s.ldt, s.ext);
        if ((s.ldt & 4) != 0) {
            throw c.fault(Vector.TS, error);
        }
        long d = Descriptors.read(c, s.ldt, Vector.TS, s.ext);
        if (Descriptors.isSegment(d) || Descriptors.type(d) != Descriptors.LDT || !Descriptors.isPresent(d)) {
            throw c.fault(Vector.TS, error);
        }
        c.setSegment(CpuState.LDTR, s.ldt, Descriptors.base(d), Descriptors.limit(d), Descriptors.attributes(d));
    }

    private static void loadCode(Cpu c, State s) {
        int selector = s.selectors[CpuState.CS];
        int error = Descriptors.error(selector, s.ext);
        if (Descriptors.isNull(selector)) {
            throw c.fault(Vector.TS, error);
        }
        long d = Descriptors.read(c, selector, Vector.TS, s.ext);
        int dpl = Descriptors.dpl(d);
        int rpl = selector & 3;
        if (!Descriptors.isCode(d) || (Descriptors.isConforming(d) ? dpl > rpl : dpl != rpl)) {
            throw c.fault(Vector.TS, error);
        }
        if (!Descriptors.isPresent(d)) {
            throw c.fault(Vector.NP, error);
        }
        Segmentation.loadDescriptor(c, CpuState.CS, selector, d);
        c.updateMode();
    }
}

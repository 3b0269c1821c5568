package org.xenolith.cpu.oracle;

import static org.xenolith.cpu.ControlRegisters.CR0_AM;
import static org.xenolith.cpu.ControlRegisters.CR0_ET;
import static org.xenolith.cpu.ControlRegisters.CR0_MP;
import static org.xenolith.cpu.ControlRegisters.CR0_NE;
import static org.xenolith.cpu.ControlRegisters.CR0_PE;
import static org.xenolith.cpu.ControlRegisters.CR0_PG;
import static org.xenolith.cpu.ControlRegisters.CR0_WP;
import static org.xenolith.cpu.ControlRegisters.CR4_FSGSBASE;
import static org.xenolith.cpu.ControlRegisters.CR4_OSFXSR;
import static org.xenolith.cpu.ControlRegisters.CR4_OSXMMEXCPT;
import static org.xenolith.cpu.ControlRegisters.CR4_OSXSAVE;
import static org.xenolith.cpu.ControlRegisters.CR4_PAE;
import static org.xenolith.cpu.ControlRegisters.EFER_LMA;
import static org.xenolith.cpu.ControlRegisters.EFER_LME;
import static org.xenolith.cpu.ControlRegisters.EFER_NXE;
import static org.xenolith.cpu.ControlRegisters.EFER_SCE;

import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.host.HostCpu;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/**
 * The interpreter's side of a comparison: a CPU in 64-bit mode, ring 3, as Linux runs a process on it (same descriptors,
 * control registers and rights), with the arena's pages at the same addresses. Every exception goes through an IDT whose
 * handlers are told apart by address, so that delivery is exercised too.
 */
final class GuestSide implements AutoCloseable {
    private static final long RAM = 1L << 20;
    private static final int DATA_FRAME = 16;
    private static final int CODE_FRAME = 32;
    private static final int SYSTEM_FRAME = 48;
    private static final int TABLES_FRAME = 64;
    private static final int HLT = 0xf4;
    /** Supervisor addresses of descriptor tables, task state and stack; of the handlers, each of which halts. */
    private static final long SYSTEM = 0xffff_8000_0000_0000L;
    private static final int GDT = 0;
    private static final int TSS = 0x800;
    private static final int IDT = 0x1000;
    private static final int STACK_TOP = 0x3000;
    private static final int SYSTEM_PAGES = 3;
    private static final long HANDLERS = 0xffff_8000_0010_0000L;
    private static final int HANDLER_SIZE = 16;
    /** Access rights as CpuState keeps them: 64-bit code, data, unusable null, LDT, busy TSS. */
    private static final int USER_CODE = 0xa0fb;
    private static final int USER_CODE_32 = 0xc0fb;
    private static final int USER_DATA = 0xc0f3;
    /** A second address of the code pages, through which programs write to them. */
    static final long CODE_ALIAS = 0x0000_1234_5678_9000L;
    private static final int MAX_ITERATIONS = 1000;
    private static final int UNUSABLE = 0x1_0000;

    private final PhysicalMemory memory = new PhysicalMemory(RAM);
    private final Cpu cpu;
    private final long system;
    private final long data;
    private final long code;
    private final byte[] pristine = new byte[(int) RAM];
    private final int tables;
    private boolean undelivered;
    /** Instructions that the CPU had retired before the program: virtual time begins with it. */
    private long started;
    private final Interpreter interpreter;

    GuestSide(Arena arena, InstructionTable table, HostModel model, boolean fsGsBase, boolean avx, TierFactory tier) {
        this.cpu = new Cpu(0, 0, model, memory, gfn -> gfn, new Environment(), this::now, new Timers());
        this.data = memory.hostPage(DATA_FRAME);
        this.code = memory.hostPage(CODE_FRAME);
        GuestPages pages = new GuestPages(memory, TABLES_FRAME);
        for (int i = 0; i < HostCpu.DATA_PAGES + HostCpu.READ_ONLY_PAGES; i++) {
            pages.map(arena.dataBase() + (long) HostCpu.PAGE * i, DATA_FRAME + i, GuestPages.PRESENT | GuestPages.USER
                    | GuestPages.NO_EXECUTE | (i < HostCpu.DATA_PAGES ? GuestPages.WRITE : 0));
        }
        for (int i = 0; i < HostCpu.CODE_PAGES; i++) {
            long rights = GuestPages.PRESENT | GuestPages.USER | GuestPages.WRITE;
            pages.map(arena.codeBase() + (long) HostCpu.PAGE * i, CODE_FRAME + i, rights);
            pages.map(CODE_ALIAS + (long) HostCpu.PAGE * i, CODE_FRAME + i, rights);
        }
        for (int i = 0; i < SYSTEM_PAGES; i++) {
            pages.map(SYSTEM + (long) HostCpu.PAGE * i, SYSTEM_FRAME + i, GuestPages.PRESENT | GuestPages.WRITE);
        }
        this.system = memory.hostPage(SYSTEM_FRAME);
        RawMemory.fill(code, Arena.CODE, 0xcc);
        long handlers = pages.frame();
        pages.map(HANDLERS, handlers, GuestPages.PRESENT);
        RawMemory.fill(memory.hostPage(handlers), HostCpu.PAGE, HLT);
        this.tables = (int) (pages.frame() - TABLES_FRAME);
        descriptors();
        control(pages.root(), fsGsBase, avx);
        this.interpreter = tier.create(cpu, new CodeCache(memory), table);
        RawMemory.copyOut(memory.base(), pristine, 0, pristine.length);
    }

    private long now() {
        return interpreter == null ? 0 : interpreter.retiredNow() - started;
    }

    private void descriptors() {
        // Linux's GDT: kernel code 32, kernel code, kernel data, user code 32, user data, user code; TSS at 40h.
        long[] gdt = {0, 0x00cf_9b00_0000_ffffL, 0x00af_9b00_0000_ffffL, 0x00cf_9300_0000_ffffL,
            0x00cf_fb00_0000_ffffL, 0x00cf_f300_0000_ffffL, 0x00af_fb00_0000_ffffL, 0};
        for (int i = 0; i < gdt.length; i++) {
            RawMemory.put64(system + GDT + 8 * i, gdt[i]);
        }
        long tss = SYSTEM + TSS;
        RawMemory.put64(system + GDT + 0x40, (tss & 0xff_ffff) << 16 | 0x8b00_0000_0067L | (tss >>> 24 & 0xff) << 56);
        RawMemory.put64(system + GDT + 0x48, tss >>> 32);
        // Linux's per-CPU segment, which a random selector finds once in a while; its limit is the CPU's number
        RawMemory.put64(system + GDT + 0x78, 0x0040_f500_0000_0000L);
        RawMemory.put64(system + TSS + 4, SYSTEM + STACK_TOP);
        RawMemory.put16(system + TSS + 102, 104);
        for (int vector = 0; vector < 256; vector++) {
            long handler = HANDLERS + HANDLER_SIZE * vector;
            // Linux lets user code call #BP and #OF by INT n, nothing else.
            long dpl = vector == Vector.BP || vector == Vector.OF ? 3 : 0;
            long gate = handler & 0xffff | 0x10 << 16 | (0x8eL | dpl << 5) << 40 | (handler >>> 16 & 0xffff) << 48;
            RawMemory.put64(system + IDT + 16 * vector, gate);
            RawMemory.put64(system + IDT + 16 * vector + 8, handler >>> 32);
        }
    }

    private void control(long cr3, boolean fsGsBase, boolean avx) {
        cpu.setField(CpuState.EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
        cpu.setField(CpuState.CR3, cr3);
        cpu.setField(CpuState.CR4, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | (fsGsBase ? CR4_FSGSBASE : 0));
        cpu.setField(CpuState.CR0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
        cpu.setField(CpuState.XCR0, avx ? 7 : 3);
        cpu.setField(CpuState.GDTR_BASE, SYSTEM + GDT);
        cpu.setField(CpuState.GDTR_LIMIT, 0x7f);
        cpu.setField(CpuState.IDTR_BASE, SYSTEM + IDT);
        cpu.setField(CpuState.IDTR_LIMIT, 0xfff);
        cpu.setSegment(CpuState.TR, 0x40, SYSTEM + TSS, 0x67, 0x8b);
        cpu.setSegment(CpuState.LDTR, 0, 0, 0, UNUSABLE);
        segments(false);
        cpu.mmu().flushAll();
    }

    private void segments(boolean compat) {
        cpu.setSegment(CpuState.CS, compat ? 0x23 : 0x33, 0, 0xffff_ffffL, compat ? USER_CODE_32 : USER_CODE);
        cpu.setSegment(CpuState.SS, 0x2b, 0, 0xffff_ffffL, USER_DATA);
        for (int seg : MachineState.SELECTORS) {
            if (compat) {
                cpu.setSegment(seg, 0x2b, 0, 0xffff_ffffL, USER_DATA);
            } else {
                cpu.setSegment(seg, 0, 0, 0, UNUSABLE);
            }
        }
        cpu.updateMode();
    }

    private final class Environment implements CpuEnvironment {
        @Override
        public void unimplemented(Cpu c, String what) {
            undelivered |= what.startsWith("exception delivery");
        }
    }

    Cpu cpu() {
        return cpu;
    }

    /** Host address of the data pages' frames. */
    long data() {
        return data;
    }

    /** Runs the case's instruction from its input and reads the end state. */
    void run(TestCase c, MachineState out) {
        segments(c.compat);
        c.input.storeTo(cpu);
        cpu.setActivity(Cpu.Activity.RUNNING);
        cpu.setInterruptShadow(false);
        write(c, true);
        undelivered = false;
        if (c.budget > 1) {
            interpreter.run(c.budget);
        } else {
            // A budget of 1 stops a REP instruction after each iteration, as an interrupt would.
            for (int i = 0; i < MAX_ITERATIONS && cpu.rip() == c.input.rip && !undelivered; i++) {
                interpreter.run(1);
            }
        }
        write(c, false);
        end(out);
    }

    /** How the run ended, with the frame of an exception taken back. */
    void end(MachineState out) {
        out.loadFrom(cpu);
        out.vector = MachineState.NO_FAULT;
        if (undelivered) {
            out.vector = cpu.faultVector();
            out.errorCode = cpu.faultError();
            out.faultAddress = cpu.field(CpuState.CR2);
            return;
        }
        long handler = out.rip - HANDLERS;
        if (handler >= 0 && handler < HANDLER_SIZE * 256L) {
            delivered(out, (int) (handler / HANDLER_SIZE));
        }
    }

    /** Puts everything back to where a program starts from. */
    void start(Program p, byte[] image) {
        RawMemory.copyIn(pristine, SYSTEM_FRAME * HostCpu.PAGE, system, SYSTEM_PAGES * HostCpu.PAGE);
        RawMemory.copyIn(pristine, TABLES_FRAME * HostCpu.PAGE, memory.hostPage(TABLES_FRAME), tables * HostCpu.PAGE);
        RawMemory.copyIn(image, 0, data, image.length);
        for (Program.Patch patch : p.patches) {
            RawMemory.copyIn(patch.content(), 0, data + patch.offset(), patch.content().length);
        }
        RawMemory.fill(code, Arena.CODE, 0xcc);
        RawMemory.copyIn(p.bytes, 0, code + p.codeOffset, p.bytes.length);
        for (int frame : new int[]{CODE_FRAME, CODE_FRAME + 1}) {
            memory.written(frame);
        }
        cpu.mmu().flushAll();
        segments(false);
        p.input.storeTo(cpu);
        cpu.setField(CpuState.CR2, 0);
        started = cpu.retired();
        cpu.setActivity(Cpu.Activity.RUNNING);
        cpu.setInterruptShadow(false);
        undelivered = false;
    }

    /** Runs exactly so many instructions, fewer only if the program ends. */
    void runFor(long instructions) {
        long end = cpu.retired() + instructions;
        while (cpu.retired() < end && cpu.activity() == Cpu.Activity.RUNNING) {
            interpreter.run(end - cpu.retired());
        }
    }

    /** Where memory differs from that of another side, in words; null if nowhere. */
    @Nullable
    String memoryDifference(GuestSide other) {
        int[][] ranges = {{DATA_FRAME, HostCpu.DATA_PAGES + HostCpu.READ_ONLY_PAGES}, {CODE_FRAME, HostCpu.CODE_PAGES},
            {SYSTEM_FRAME, SYSTEM_PAGES}, {TABLES_FRAME, tables}};
        String[] names = {"data", "code", "descriptor tables and stack", "page tables"};
        for (int i = 0; i < ranges.length; i++) {
            long at = RawMemory.mismatch(memory.hostPage(ranges[i][0]), other.memory.hostPage(ranges[i][0]),
                    (long) ranges[i][1] * HostCpu.PAGE);
            if (at >= 0) {
                return names[i] + " +" + Long.toHexString(at) + ": "
                        + Long.toHexString(RawMemory.get64(memory.hostPage(ranges[i][0]) + (at & -8L))) + ", "
                        + Long.toHexString(RawMemory.get64(other.memory.hostPage(ranges[i][0]) + (at & -8L)));
            }
        }
        return null;
    }

    /** Host address of the code pages' frames. */
    long code() {
        return code;
    }

    private void delivered(MachineState out, int vector) {
        out.vector = vector;
        long frame = out.gpr[CpuState.RSP];
        if (Vector.hasErrorCode(vector)) {
            out.errorCode = system(frame);
            frame += 8;
        }
        out.rip = system(frame);
        out.rflags = system(frame + 16);
        out.gpr[CpuState.RSP] = system(frame + 24);
        out.faultAddress = cpu.field(CpuState.CR2);
    }

    private long system(long gva) {
        long offset = gva - SYSTEM;
        if (offset < 0 || offset > SYSTEM_PAGES * (long) HostCpu.PAGE - 8) {
            throw new IllegalStateException("exception frame at " + Long.toHexString(gva));
        }
        return RawMemory.get64(system + offset);
    }

    private void write(TestCase c, boolean in) {
        if (in) {
            RawMemory.copyIn(c.bytes, 0, code + c.codeOffset, c.present());
        } else {
            RawMemory.fill(code + c.codeOffset, c.present(), 0xcc);
        }
        memory.written(CODE_FRAME + c.codeOffset / HostCpu.PAGE);
        memory.written(CODE_FRAME + (c.codeOffset + c.present() - 1) / HostCpu.PAGE);
    }

    @Override
    public void close() {
        cpu.close();
        memory.close();
    }
}

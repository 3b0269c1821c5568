package org.xenolith.cpu;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * One CPU with 8 MiB of identity-mapped RAM, a GDT, an IDT, task-state segments and stacks, put directly into the mode that a test wants.
 *
 * <p>The handler of vector n starts at {@link #HANDLERS} + 16 n in every mode, so that RIP says which event was taken.
 */
public final class TestMachine implements AutoCloseable {
    /** Physical places of the tables. */
    public static final int GDT = 0x1000;
    public static final int IDT = 0x2000;
    public static final int TSS = 0x3000;
    public static final int LDT = 0x4000;
    public static final int HANDLERS = 0x8000;
    public static final int CODE = 0x1_0000;
    public static final int PAGES = 0x2_0000;
    /** Initial stack pointers by ring; interrupt stack n is at IST + 0x1000 n. */
    public static final int STACK0 = 0x5_0000;
    public static final int STACK1 = 0x5_1000;
    public static final int STACK2 = 0x5_2000;
    public static final int STACK3 = 0x5_3000;
    public static final int IST = 0x5_8000;

    /** Selectors of the GDT. */
    public static final int CODE64 = 0x08;
    public static final int DATA = 0x10;
    public static final int CODE32 = 0x18;
    public static final int CODE16 = 0x20;
    public static final int DATA16 = 0x28;
    public static final int USER_CODE32 = 0x33;
    public static final int USER_DATA = 0x3b;
    public static final int USER_CODE64 = 0x43;
    public static final int TSS_SELECTOR = 0x48;
    public static final int LDT_SELECTOR = 0x58;
    public static final int CODE32_RING1 = 0x69;
    public static final int DATA_RING1 = 0x71;
    public static final int CONFORMING32 = 0x78;
    public static final int CONFORMING64 = 0x80;
    public static final int USER_CODE16 = 0x8b;
    public static final int USER_DATA16 = 0x93;
    /** First of the descriptors that tests fill in. */
    public static final int FREE = 0xa0;

    /** Access rights in the layout of {@link CpuState#SEGMENT_ATTRIBUTES}. */
    public static final int ATTR_CODE64 = 0xa09b;
    public static final int ATTR_CODE32 = 0xc09b;
    public static final int ATTR_CODE16 = 0x009b;
    public static final int ATTR_DATA32 = 0xc093;
    public static final int ATTR_DATA16 = 0x0093;
    public static final int RING3 = 0x60;
    public static final int RING1 = 0x20;

    public final PhysicalMemory memory = new PhysicalMemory(8 << 20);
    public final Cpu cpu;
    public final Interpreter interpreter;
    public final List<String> unimplemented = new ArrayList<>();
    public final Timers timers = new Timers();
    /** Virtual time in nanoseconds. */
    public long now;
    public int shutdowns;
    public int externalVector = -1;

    public TestMachine() {
        this(false);
    }

    /** @param amd the vendor, where it makes a difference */
    public TestMachine(boolean amd) {
        this(new AllFeatures(amd));
    }

    public TestMachine(CpuModel model) {
        VirtualClock clock = () -> now;
        CpuEnvironment environment = new CpuEnvironment() {
            @Override
            public boolean hasExternalInterrupt(Cpu c) {
                return externalVector >= 0;
            }

            @Override
            public int externalInterrupt(Cpu c) {
                int vector = externalVector;
                externalVector = -1;
                return vector;
            }

            @Override
            public void shutdown(Cpu c) {
                shutdowns++;
            }

            @Override
            public void unimplemented(Cpu c, String what) {
                unimplemented.add(what);
            }
        };
        Stage2 identity = gfn -> gfn < memory.frames() ? gfn : Stage2.MMIO;
        cpu = new Cpu(0, 0, model, memory, identity, environment, clock, timers);
        interpreter = new Interpreter(cpu, new CodeCache(memory), InstructionSet.create());
    }

    /** A model that offers every feature. */
    private record AllFeatures(boolean amd) implements CpuModel {
        @Override
        public String name() {
            return "test";
        }

        @Override
        public int signature() {
            return 0x306c3;
        }

        @Override
        public void cpuid(Cpu c, int leaf, int subleaf, int[] regs) {
            java.util.Arrays.fill(regs, 0);
        }

        @Override
        public boolean has(Feature feature) {
            return true;
        }

        @Override
        public int maxPhysicalAddressBits() {
            return 40;
        }

        @Override
        public long ticks(long nanoseconds) {
            return nanoseconds;
        }

        @Override
        public int tscKhz() {
            return 1_000_000;
        }
    }

    // ---- memory ----

    public void write8(long gpa, int v) {
        RawMemory.put8(memory.base() + gpa, v);
        memory.written(gpa >>> 12);
    }

    public void write16(long gpa, int v) {
        write8(gpa, v);
        write8(gpa + 1, v >> 8);
    }

    public void write32(long gpa, long v) {
        write16(gpa, (int) v);
        write16(gpa + 2, (int) (v >> 16));
    }

    public void write64(long gpa, long v) {
        write32(gpa, v);
        write32(gpa + 4, v >> 32);
    }

    public int read8(long gpa) {
        return RawMemory.get8(memory.base() + gpa);
    }

    public int read16(long gpa) {
        return RawMemory.get16(memory.base() + gpa);
    }

    public long read32(long gpa) {
        return RawMemory.get32(memory.base() + gpa) & 0xffff_ffffL;
    }

    public long read64(long gpa) {
        return RawMemory.get64(memory.base() + gpa);
    }

    /** Puts bytes given as hex digits (blanks allowed) at a place. */
    public void code(long gpa, String hex) {
        String digits = hex.replace(" ", "");
        for (int i = 0; i < digits.length(); i += 2) {
            write8(gpa + i / 2, Integer.parseInt(digits.substring(i, i + 2), 16));
        }
    }

    // ---- descriptors ----

    /** A code, data or system descriptor; the granularity bit in the attributes makes the limit count pages. */
    public static long descriptor(long base, long limit, int attributes) {
        return limit & 0xffff | (base & 0xff_ffff) << 16 | (long) attributes << 40 | (limit >> 16 & 15) << 48
                | (base >> 24 & 0xff) << 56;
    }

    /** A gate of 8 bytes, or the first half of one of 16. */
    public static long gate(int selector, long offset, int access, int low5) {
        return offset & 0xffff | (long) selector << 16 | (long) (low5 & 31) << 32 | (long) access << 40
                | (offset >> 16 & 0xffff) << 48;
    }

    public void gdt(int selector, long d) {
        write64(GDT + (selector & 0xfff8), d);
    }

    /** An interrupt gate to the vector's standard handler. */
    public void idt32(int vector, int selector, int access) {
        write64(IDT + 8 * vector, gate(selector, handler(vector), access, 0));
    }

    public void idt64(int vector, int selector, int access, int ist) {
        write64(IDT + 16 * vector, gate(selector, handler(vector), access, ist));
        write64(IDT + 16 * vector + 8, 0);
    }

    public static int handler(int vector) {
        return HANDLERS + 16 * vector;
    }

    private void tables() {
        gdt(CODE64, descriptor(0, 0xfffff, ATTR_CODE64));
        gdt(DATA, descriptor(0, 0xfffff, ATTR_DATA32));
        gdt(CODE32, descriptor(0, 0xfffff, ATTR_CODE32));
        gdt(CODE16, descriptor(0, 0xffff, ATTR_CODE16));
        gdt(DATA16, descriptor(0, 0xffff, ATTR_DATA16));
        gdt(USER_CODE32, descriptor(0, 0xfffff, ATTR_CODE32 | RING3));
        gdt(USER_DATA, descriptor(0, 0xfffff, ATTR_DATA32 | RING3));
        gdt(USER_CODE64, descriptor(0, 0xfffff, ATTR_CODE64 | RING3));
        gdt(CODE32_RING1, descriptor(0, 0xfffff, ATTR_CODE32 | RING1));
        gdt(DATA_RING1, descriptor(0, 0xfffff, ATTR_DATA32 | RING1));
        gdt(CONFORMING32, descriptor(0, 0xfffff, ATTR_CODE32 | 4));
        gdt(CONFORMING64, descriptor(0, 0xfffff, ATTR_CODE64 | 4));
        gdt(USER_CODE16, descriptor(0, 0xffff, ATTR_CODE16 | RING3));
        gdt(USER_DATA16, descriptor(0, 0xffff, ATTR_DATA16 | RING3));
        gdt(TSS_SELECTOR, descriptor(TSS, 0xfff, 0x8b));
        gdt(TSS_SELECTOR + 8, 0);
        gdt(LDT_SELECTOR, descriptor(LDT, 0xff, 0x82));
        gdt(LDT_SELECTOR + 8, 0);
        cpu.setField(CpuState.GDTR_BASE, GDT);
        cpu.setField(CpuState.GDTR_LIMIT, 0x1ff);
        cpu.setField(CpuState.IDTR_BASE, IDT);
        cpu.setSegment(CpuState.TR, TSS_SELECTOR, TSS, 0xfff, 0x8b);
        cpu.setSegment(CpuState.LDTR, LDT_SELECTOR, LDT, 0xff, 0x82);
        // I/O map base past the limit: no port is allowed
        write16(TSS + 102, 0x1000);
    }

    // ---- modes ----

    /** Real mode with CS = 1000h, so that {@link #CODE} is 1000:0000, and the vector table at 0. */
    public TestMachine real() {
        control(0x10);
        for (int v = 0; v < 256; v++) {
            write16(4 * v, handler(v));
            write16(4 * v + 2, 0);
        }
        cpu.setField(CpuState.IDTR_BASE, 0);
        cpu.setField(CpuState.IDTR_LIMIT, 0x3ff);
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            cpu.setSegment(seg, 0, 0, 0xffff, 0x93);
        }
        cpu.setSegment(CpuState.CS, 0x1000, CODE, 0xffff, 0x93);
        cpu.setSegment(CpuState.SS, 0x5000, 0x5_0000, 0xffff, 0x93);
        cpu.setReg(CpuState.RSP, 0x1000);
        cpu.setRip(0);
        cpu.updateMode();
        return this;
    }

    /** Protected mode without paging at {@code cpl}; 32-bit interrupt gates of DPL 0 to ring 0. */
    public TestMachine protected32(int cpl) {
        legacyTables();
        int dpl = cpl << 5;
        int code = cpl == 0 ? CODE32 : cpl == 1 ? CODE32_RING1 : USER_CODE32;
        int data = cpl == 0 ? DATA : cpl == 1 ? DATA_RING1 : USER_DATA;
        segments(code, ATTR_CODE32 | dpl, data, ATTR_DATA32 | dpl, 0xffff_ffffL);
        cpu.setReg(CpuState.RSP, STACK0 + 0x1000 * cpl);
        return this;
    }

    /** 16-bit protected mode, segments of 64 KiB; the code segment's base is {@link #CODE}, the stack's 50000h. */
    public TestMachine protected16(int cpl) {
        legacyTables();
        int dpl = cpl << 5;
        gdt(CODE16, descriptor(CODE, 0xffff, ATTR_CODE16));
        gdt(USER_CODE16, descriptor(CODE, 0xffff, ATTR_CODE16 | RING3));
        gdt(DATA16, descriptor(0x5_0000, 0xffff, ATTR_DATA16));
        gdt(USER_DATA16, descriptor(0x5_0000, 0xffff, ATTR_DATA16 | RING3));
        segments(cpl == 0 ? CODE16 : USER_CODE16, ATTR_CODE16 | dpl, cpl == 0 ? DATA16 : USER_DATA16,
                ATTR_DATA16 | dpl, 0xffff);
        cpu.setSegmentBase(CpuState.CS, CODE);
        for (int seg : new int[]{CpuState.SS, CpuState.DS, CpuState.ES}) {
            cpu.setSegmentBase(seg, 0x5_0000);
        }
        cpu.setReg(CpuState.RSP, 0x1000 * cpl + 0x1000);
        cpu.setRip(0);
        return this;
    }

    private void legacyTables() {
        tables();
        for (int v = 0; v < 256; v++) {
            idt32(v, CODE32, 0x8e);
        }
        cpu.setField(CpuState.IDTR_LIMIT, 0x7ff);
        write32(TSS + 4, STACK0);
        write32(TSS + 8, DATA);
        write32(TSS + 12, STACK1);
        write32(TSS + 16, DATA_RING1);
        control(0x11);
    }

    /** Control registers without long mode. */
    private void control(long cr0) {
        cpu.setRflags(Flags.FIXED);
        cpu.setField(CpuState.EFER, 0);
        cpu.setField(CpuState.CR4, 0);
        cpu.setField(CpuState.CR0, cr0);
        cpu.mmu().flushAll();
    }

    /** Virtual-8086 mode: CS = 1000h, SS = 5000h, other data segments 5000h; IOPL as given. */
    public TestMachine virtual8086(int iopl) {
        protected32(0);
        cpu.setSystemFlags(Flags.VM | iopl << 12 | Flags.FIXED);
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            cpu.setSegment(seg, 0x5000, 0x5_0000, 0xffff, 0xf3);
        }
        cpu.setSegment(CpuState.CS, 0x1000, CODE, 0xffff, 0xf3);
        cpu.setReg(CpuState.RSP, 0x3000);
        cpu.setRip(0);
        cpu.updateMode();
        for (int v = 0; v < 256; v++) {
            write16(4 * v, handler(v));
            write16(4 * v + 2, 0);
        }
        return this;
    }

    /** 64-bit mode at {@code cpl} 0 or 3 with 2 MiB user pages; 64-bit interrupt gates of DPL 0 to ring 0. */
    public TestMachine long64(int cpl) {
        longTables();
        if (cpl == 0) {
            segments(CODE64, ATTR_CODE64, DATA, ATTR_DATA32, 0xffff_ffffL);
        } else {
            segments(USER_CODE64, ATTR_CODE64 | RING3, USER_DATA, ATTR_DATA32 | RING3, 0xffff_ffffL);
        }
        cpu.setReg(CpuState.RSP, cpl == 0 ? STACK0 : STACK3);
        return this;
    }

    /** 32-bit compatibility mode. */
    public TestMachine compatibility(int cpl) {
        long64(cpl);
        int dpl = cpl << 5;
        segments(cpl == 0 ? CODE32 : USER_CODE32, ATTR_CODE32 | dpl, cpl == 0 ? DATA : USER_DATA, ATTR_DATA32 | dpl,
                0xffff_ffffL);
        return this;
    }

    private void longTables() {
        cpu.setRflags(Flags.FIXED);
        tables();
        for (int v = 0; v < 256; v++) {
            idt64(v, CODE64, 0x8e, 0);
        }
        cpu.setField(CpuState.IDTR_LIMIT, 0xfff);
        write64(TSS + 4, STACK0);
        write64(TSS + 12, STACK1);
        write64(TSS + 20, STACK2);
        for (int i = 1; i <= 7; i++) {
            write64(TSS + 28 + 8 * i, IST + 0x1000 * i);
        }
        write64(PAGES, PAGES + 0x1000 | 7);
        write64(PAGES + 0x1000, PAGES + 0x2000 | 7);
        for (int i = 0; i < 4; i++) {
            write64(PAGES + 0x2000 + 8 * i, (long) i << 21 | 0xe7);
        }
        cpu.setField(CpuState.CR3, PAGES);
        cpu.setField(CpuState.CR4, ControlRegisters.CR4_PAE);
        cpu.setField(CpuState.EFER, ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA | ControlRegisters.EFER_NXE
                | ControlRegisters.EFER_SCE);
        cpu.setField(CpuState.CR0, 0x8000_0011L);
        cpu.mmu().flushAll();
    }

    private void segments(int code, int codeAttributes, int data, int dataAttributes, long limit) {
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            cpu.setSegment(seg, data, 0, limit, dataAttributes);
        }
        cpu.setSegment(CpuState.FS, 0, 0, 0, Segmentation.UNUSABLE);
        cpu.setSegment(CpuState.GS, 0, 0, 0, Segmentation.UNUSABLE);
        cpu.setSegment(CpuState.CS, code, 0, limit, codeAttributes);
        cpu.setRip(CODE);
        cpu.updateMode();
    }

    // ---- running ----

    /** Puts code where RIP points and runs one instruction of it; returns the vector that it raised, or -1. */
    public int exec(String hex) {
        code(cpu.segmentBase(CpuState.CS) + cpu.rip(), hex);
        return step();
    }

    /** Runs one instruction (and the delivery of what it raises); returns the vector, or -1. */
    public int step() {
        interpreter.run(1);
        return vector();
    }

    /** Runs {@code n} instructions. */
    public int steps(int n) {
        for (int i = 0; i < n; i++) {
            step();
        }
        return vector();
    }

    /** The vector whose handler RIP is at the start of, or -1. */
    public int vector() {
        long offset = cpu.rip() - HANDLERS;
        return offset >= 0 && offset < 16 * 256 && offset % 16 == 0 && cpu.segmentBase(CpuState.CS) == 0
                ? (int) offset / 16
                : -1;
    }

    /** Runs until RIP is at an address; false when that takes more than {@code limit} instructions. */
    public boolean runTo(long rip, int limit) {
        for (int i = 0; i < limit && cpu.activity() == Cpu.Activity.RUNNING; i++) {
            if (cpu.rip() == rip) {
                return true;
            }
            interpreter.run(1);
        }
        return cpu.rip() == rip;
    }

    /** Puts a frame on the stack, the slot that is popped first first. */
    public void frame(int bits, long... slots) {
        long mask = cpu.stackBits() == 16 ? 0xffff : -1L;
        long sp = cpu.reg(CpuState.RSP) - (long) slots.length * (bits / 8) & mask;
        cpu.setReg(CpuState.RSP, sp);
        for (int k = 0; k < slots.length; k++) {
            long at = cpu.segmentBase(CpuState.SS) + sp + (long) k * (bits / 8);
            switch (bits) {
                case 16 -> write16(at, (int) slots[k]);
                case 32 -> write32(at, slots[k]);
                default -> write64(at, slots[k]);
            }
        }
    }

    /** Slot {@code k} of the stack in units of {@code bits}, through SS's base. */
    public long stack(int k, int bits) {
        long sp = cpu.code64() || cpu.stackBits() == 32 ? cpu.reg(CpuState.RSP) : cpu.reg(CpuState.RSP) & 0xffff;
        long at = cpu.segmentBase(CpuState.SS) + sp + (long) k * (bits / 8);
        return bits == 16 ? read16(at) : bits == 32 ? read32(at) : read64(at);
    }

    @Override
    public void close() {
        cpu.close();
        memory.close();
    }
}

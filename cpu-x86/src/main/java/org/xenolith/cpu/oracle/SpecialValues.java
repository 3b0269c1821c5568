package org.xenolith.cpu.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.xenolith.cpu.Flags;

/**
 * Values without which some instructions would only fault, loop, or reach beyond the arena: stack and string pointers,
 * branch targets, selectors, state images, divisors, comparands.
 */
final class SpecialValues {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final int RSP = 4;
    private static final int RBP = 5;
    private static final int RSI = 6;
    private static final int RDI = 7;
    /** Selectors of 64-bit code, 32-bit code and data that Linux gives to user mode. */
    private static final int USER_CODE = 0x33;
    private static final int USER_CODE_32 = 0x23;
    private static final int USER_DATA = 0x2b;
    private static final int[] SELECTORS = {0, 0, 1, 2, 3, USER_DATA, USER_DATA, USER_CODE, 0x23, 0x10, 0x13, 0x18,
        0x1b, 0x38, 0x3b, 0x80, 0x183, 0xfffb, 4, 7, 0x17};
    private static final int KERNEL_GATE = 0x80;

    private final Random64 random;
    private final Arena arena;
    private final StateMaker states;

    SpecialValues(Random64 random, Arena arena, StateMaker states) {
        this.random = random;
        this.arena = arena;
        this.states = states;
    }

    /** Registers that must be settled before the memory operand is planned. */
    void implicit(RowProfile row, MachineState state, MemoryPlan memory) {
        if (row.stack) {
            memory.pinned |= 1 << RSP;
            if (random.oneIn(16)) {
                state.gpr[RSP] = memory.target(8);
            }
        }
        if (row.def.mnemonic().equals("ENTER") || row.def.mnemonic().equals("RETF")) {
            // Whether what lies beyond the frame is checked for alignment is not written anywhere.
            state.rflags &= ~(long) Flags.AC;
        }
        if (row.frame) {
            memory.pinned |= 1 << RBP;
            state.gpr[RBP] = random.oneIn(16) ? memory.target(8) : states.stack();
        }
        String m = row.def.mnemonic();
        if (m.equals("DIV") || m.equals("IDIV")) {
            memory.pinned |= 1 << RAX | 1 << RDX;
            divide(state, m.equals("IDIV"));
        }
        if (row.extendedState) {
            // Misaligned areas raise #GP or #AC, as the implementation likes.
            state.rflags &= ~(long) Flags.AC;
            memory.pinned |= 1 << RAX | 1 << RDX;
            state.gpr[RAX] = random.next() << 32 | random.below(8);
            state.gpr[RDX] = random.next() << 32;
        }
    }

    void bitOffset(MachineState state, int reg) {
        if (!random.oneIn(4)) {
            state.gpr[reg] = random.around(1 << 13);
        } else {
            state.gpr[reg] = random.below(64);
        }
    }

    /** Base in the middle of the data, every index element small; a few elements reach the guard pages. */
    void gatherForm(MemoryPlan memory, MachineState state) {
        memory.ripRelative = false;
        memory.sib = true;
        memory.rm = 4;
        memory.mod = 2;
        memory.displacementBytes = 4;
        memory.displacement = random.around(1024);
        memory.base = random.below(memory.compat ? 8 : 16);
        memory.index = random.below(memory.compat ? 8 : 16);
        memory.scale = random.below(4);
        state.gpr[memory.base] = memory.target - memory.displacement & 0xffff_ffffL;
        boolean wide = random.oneIn(16);
        for (int i = 0; i < 4; i++) {
            int reach = wide ? 1 << 15 : 6000 >> memory.scale;
            long low = random.around(reach);
            long high = random.around(reach);
            state.ymm[4 * memory.index + i] = high << 32 | low & 0xffff_ffffL;
        }
    }

    /** For gathers with 64-bit indices: each element is a whole lane. */
    void gatherQuadIndices(MachineState state, int index, int scale) {
        for (int i = 0; i < 4; i++) {
            int reach = 6000 >> scale;
            state.ymm[4 * index + i] = random.around(reach);
        }
    }

    long immediate(RowProfile row, long value) {
        if (row.def.mnemonic().startsWith("INT") && (value & 0xff) == KERNEL_GATE) {
            return 3;
        }
        // AMD reads beyond the frame even for a return to the same level.
        return row.def.mnemonic().equals("RETF") ? value & 0x3f : value;
    }

    /** A displacement to somewhere in the code pages but not into the instruction itself. */
    long relative(TestCase c, int size) {
        int end = c.codeOffset + c.length + size;
        for (;;) {
            int rel = size == 1 ? (byte) random.next() : random.below(Arena.CODE) - end;
            if ((rel >= 0 || rel < c.codeOffset - end) && end + rel >= 0 && end + rel < Arena.CODE) {
                return rel;
            }
        }
    }

    private long codeTarget(TestCase c) {
        for (;;) {
            int offset = random.below(Arena.CODE);
            if (offset < c.codeOffset || offset >= c.codeOffset + c.length) {
                return arena.codeBase() + offset;
            }
        }
    }

    void offset(TestCase c, MemoryPlan memory, int bytes) {
        long target = memory.target(bytes);
        long value = target - memory.segmentBase;
        if (memory.compat) {
            value &= 0xffff_ffffL;
        } else if (memory.address32 && value >>> 32 != 0) {
            c.input.fsBase = 0;
            c.input.gsBase = 0;
            memory.segmentBase = 0;
            value = arena.dataBase() + 128;
        }
        c.address = memory.compat ? target : value + memory.segmentBase;
        c.addressBytes = bytes;
        c.emit(value, memory.address32 ? 4 : 8);
    }

    /**
     * Settles what depends on the finished encoding.
     *
     * @param rm the register that ModRM.rm names, or -1 for a memory operand
     * @param repeated true if there is a REP prefix
     * @return false if the case must not be run
     */
    boolean finish(RowProfile row, TestCase c, MemoryPlan memory, int rm, int operandBits,
            boolean repeated) {
        MachineState s = c.input;
        String m = row.def.mnemonic();
        if (row.source || row.destination) {
            int count = strings(row, s, memory);
            // An exact budget lets whole pages be done at once; compares may end early and go one by one.
            c.budget = repeated && row.def.flagsWritten() == 0 && random.oneIn(2) ? count : 1;
        }
        switch (m) {
            case "XLAT", "XLATB" -> {
                c.fixedRegisters |= 1 << RAX | 1 << RBX;
                s.gpr[RBX] = pointer(memory.target(1) - (s.gpr[RAX] & 0xff), s, memory);
            }
            case "MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU" -> {
                c.fixedRegisters |= 1 << RDI;
                s.gpr[RDI] = pointer(memory.target(16), s, memory);
            }
            case "LOOP", "LOOPE", "LOOPNE", "LOOPZ", "LOOPNZ", "JCXZ", "JECXZ", "JRCXZ" -> {
                long high = random.oneIn(4) ? random.next() << 32 : 0;
                s.gpr[RCX] = high | random.below(3);
            }
            default -> {
            }
        }
        if (row.gather) {
            gatherMask(row, c, memory);
        }
        boolean explicit = c.addressBytes > 0 && !row.gather;
        if (explicit) {
            data(row, c);
        }
        if (row.stack) {
            c.patch(arena, s.gpr[RSP], words(random.integer(), random.integer(), random.integer()));
        }
        if (row.segmentLoad || m.equals("LAR") || m.equals("LSL") || m.startsWith("VER")) {
            selectors(row, c, rm, operandBits);
        }
        if ((m.equals("WRFSBASE") || m.equals("WRGSBASE")) && rm >= 0 && !random.oneIn(8)) {
            s.gpr[rm] = s.gpr[rm] << 16 >> 16;
        }
        if (m.startsWith("POPF")) {
            return controlled(c, s.gpr[RSP], words(random.integer() & ~(long) Flags.TF));
        }
        if (row.branch) {
            return branches(row, c, rm, operandBits);
        }
        return true;
    }

    /** An address register's value for an address, with the segment base and address size of the case. */
    private long pointer(long address, MachineState s, MemoryPlan memory) {
        long offset = address - memory.segmentBase;
        if (memory.compat) {
            return offset & 0xffff_ffffL;
        }
        if (!memory.address32) {
            return offset;
        }
        if (offset >>> 32 != 0) {
            s.fsBase = 0;
            s.gsBase = 0;
            memory.segmentBase = 0;
            offset = address >>> 32 == 0 ? address : arena.dataBase() + 256;
        }
        return offset | random.next() << 32;
    }

    private int strings(RowProfile row, MachineState s, MemoryPlan memory) {
        int reach = random.oneIn(16) ? 600 : 20;
        // Whether INS and OUTS look at the permission for a count of 0 differs by vendor.
        boolean port = row.def.mnemonic().startsWith("INS") || row.def.mnemonic().startsWith("OUTS");
        long count = port ? 1 + random.below(reach) : random.below(reach);
        s.gpr[RCX] = memory.address32 ? count | random.next() << 32 : count;
        int bytes = random.oneIn(2) ? 8 : 8 * random.below(20);
        if (row.source) {
            s.gpr[RSI] = pointer(memory.target(bytes), s, memory);
        }
        if (row.destination) {
            long overridden = memory.segmentBase;
            memory.segmentBase = 0;
            long target = row.source && !memory.address32 && overridden == 0 && random.oneIn(4)
                    ? s.gpr[RSI] + random.below(33) - 16
                    : memory.target(bytes);
            s.gpr[RDI] = memory.address32 && target >>> 32 != 0 ? arena.dataBase() + 512 : target;
            if (row.source && row.def.flagsWritten() != 0) {
                // Of two CMPS operands that both fault, it is not written which one is reported.
                s.gpr[RDI] = arena.dataBase() + 6000 + (random.below(4000) & -8);
            }
            if (memory.address32) {
                s.gpr[RDI] |= random.next() << 32;
            }
            memory.segmentBase = overridden;
        }
        return (int) count;
    }

    private void divide(MachineState s, boolean signed) {
        switch (random.below(4)) {
            case 0 -> s.gpr[RDX] = 0;
            case 1 -> s.gpr[RDX] = signed ? s.gpr[RAX] >> 63 : random.below(256);
            case 2 -> {
                s.gpr[RDX] = signed ? (int) s.gpr[RAX] >> 31 : 0;
                s.gpr[RAX] = signed && random.oneIn(2) ? (byte) s.gpr[RAX] : s.gpr[RAX] & 0xff;
            }
            default -> {
            }
        }
    }

    private void gatherMask(RowProfile row, TestCase c, MemoryPlan memory) {
        if (row.def.mnemonic().contains("GATHERQ")) {
            gatherQuadIndices(c.input, memory.index, memory.scale);
        }
    }

    private void data(RowProfile row, TestCase c) {
        String m = row.def.mnemonic();
        MachineState s = c.input;
        byte[] content = switch (m) {
            case "CMPXCHG8B" -> random.oneIn(2) ? words(s.gpr[RDX] << 32 | s.gpr[RAX] & 0xffff_ffffL) : null;
            case "CMPXCHG16B" -> random.oneIn(2) ? words(s.gpr[RAX], s.gpr[RDX]) : null;
            case "CMPXCHG" -> random.oneIn(2) ? words(s.gpr[RAX]) : null;
            case "LDMXCSR", "VLDMXCSR" -> words(mxcsr());
            case "FLDENV", "FRSTOR", "FLDCW" -> StateImages.environment(random);
            case "BOUND" -> random.oneIn(2)
                    ? null
                    : c.addressBytes == 4 ? words(0x7fff_8000L) : words(0x7fff_ffff_8000_0000L);
            case "FBLD" -> StateImages.decimal(random);
            default -> row.extendedState ? StateImages.extended(random, states, m) : null;
        };
        if (content == null) {
            content = plain(row, c.addressBytes);
        }
        c.patch(arena, c.address, content);
    }

    private byte[] plain(RowProfile row, int bytes) {
        if (bytes == 10) {
            return words(random.significand80(), random.exponent80());
        }
        long[] lanes = new long[(bytes + 7) / 8];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = states.lane(row.lanes);
        }
        return words(lanes);
    }

    private int mxcsr() {
        int value = (int) random.next() & 0xffff;
        return random.oneIn(8) ? value | 1 << 18 + random.below(14) : value;
    }

    private void selectors(RowProfile row, TestCase c, int rm, int operandBits) {
        int selector = SELECTORS[random.below(SELECTORS.length)];
        if (row.stack) {
            c.patch(arena, c.input.gpr[RSP], words(random.next() & ~0xffffL | selector));
        } else if (rm >= 0) {
            c.input.gpr[rm] = c.input.gpr[rm] & ~0xffffL | selector;
        } else {
            boolean pointer = row.operands.length == 2 && row.operands[1].size().equals("p");
            c.patch(arena, c.address + (pointer ? operandBits / 8 : 0), new byte[]{(byte) selector,
                (byte) (selector >> 8)});
        }
    }

    private boolean branches(RowProfile row, TestCase c, int rm, int operandBits) {
        MachineState s = c.input;
        long target = codeTarget(c);
        if (row.nearIndirect) {
            if (rm >= 0) {
                s.gpr[rm] = target;
                return rm != RSP;
            }
            return controlled(c, c.address, words(target));
        }
        if (row.far) {
            return far(row, c, target, operandBits);
        }
        if (row.def.mnemonic().startsWith("RET")) {
            return controlled(c, s.gpr[RSP], words(target));
        }
        return true;
    }

    private boolean far(RowProfile row, TestCase c, long target, int operandBits) {
        String m = row.def.mnemonic();
        int selector = farSelector(c);
        int bytes = operandBits / 8;
        ByteBuffer frame = ByteBuffer.allocate(5 * 8).order(ByteOrder.LITTLE_ENDIAN);
        put(frame, target, bytes);
        put(frame, selector, row.rmOperand >= 0 ? 2 : bytes);
        if (m.startsWith("IRET")) {
            put(frame, random.integer() & ~(long) (Flags.TF | (random.oneIn(8) ? 0 : Flags.NT)), bytes);
            put(frame, states.stack(), bytes);
            put(frame, random.oneIn(8) ? SELECTORS[random.below(SELECTORS.length)] : USER_DATA, bytes);
        }
        byte[] content = new byte[frame.position()];
        System.arraycopy(frame.array(), 0, content, 0, content.length);
        long at = row.rmOperand >= 0 ? c.address : c.input.gpr[RSP];
        long offset = at - arena.dataBase();
        boolean cut = offset < 0
                ? offset + content.length > 0
                : offset < Arena.DATA
                        && offset + content.length > Arena.DATA;
        // Of a frame that is only half there, a bad selector may be found before the missing half.
        return !cut && controlled(c, at, content);
    }

    /** Mostly the code segment that the case runs in. From 64-bit code never to 32-bit, which loses register halves. */
    private int farSelector(TestCase c) {
        int same = c.compat ? USER_CODE_32 : USER_CODE;
        int selector = random.oneIn(4) ? SELECTORS[random.below(SELECTORS.length)] : same;
        return (selector & ~3) == 0x20 ? same : selector;
    }

    /** The immediate of a direct far branch: offset and selector. */
    void farPointer(TestCase c, int operandBits) {
        c.emit(codeTarget(c), operandBits / 8);
        c.emit(farSelector(c), 2);
    }

    private static void put(ByteBuffer buffer, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            buffer.put((byte) (value >>> 8 * i));
        }
    }

    /**
     * Puts content where the instruction will find a branch target or flags. Where it lies partly on the read-only page,
     * the content would be something else: such a case is refused; where a byte is unmapped, it can only fault.
     */
    private boolean controlled(TestCase c, long at, byte[] content) {
        long offset = at - arena.dataBase();
        if (offset >= 0 && offset + content.length <= Arena.WRITABLE) {
            c.patch(arena, at, content);
            return true;
        }
        return offset < 0 || offset + content.length > Arena.DATA;
    }

    static byte[] words(long... values) {
        ByteBuffer buffer = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long v : values) {
            buffer.putLong(v);
        }
        return buffer.array();
    }
}

package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.OperandSpec;

/**
 * Makes a random case of a row: state, encoding (prefixes, sizes, registers, addressing form, immediates), memory
 * content, and the few values without which the instruction would only ever fault or would reach beyond the arena.
 */
final class CaseGenerator {
    private static final long LOW = 0xffff_ffffL;
    private static final int LOCK = 0xf0;
    /** RCX, RSI, RDI. */
    private static final int STRING_REGISTERS = 0xc2;
    private static final int[] BEFORE_VEX = {0x66, 0xf2, 0xf3, LOCK, 0x40, 0x48, 0x4f};
    /** Most bytes of an instruction that is too long. */
    private static final int LONGEST = 20;
    private static final int[] IGNORED_OVERRIDES = {0x26, 0x2e, 0x36, 0x3e};

    private final Random64 random;
    private final Arena arena;
    private final boolean fsGsBase;
    private final StateMaker states;
    private final MemoryPlan memory;
    private final SpecialValues special;

    private int operandBits;
    private int vectorBits;
    private boolean rexW;
    private boolean prefix66;
    private int repPrefix;
    private int vvvv;
    private int reg;
    private int opcodeRegister;
    private int rmRegister;
    private boolean inMemory;
    private boolean padded;
    private boolean compat;
    private int registers;
    /** Where an instruction of a program goes, or -1 for a case of its own. */
    private int place = -1;
    private long programFs;
    private long programGs;

    CaseGenerator(Random64 random, Arena arena, boolean fsGsBase) {
        this.random = random;
        this.arena = arena;
        this.fsGsBase = fsGsBase;
        this.states = new StateMaker(random, arena);
        this.memory = new MemoryPlan(random, arena);
        this.special = new SpecialValues(random, arena, states);
    }

    /**
     * Makes an instruction that is part of a 64-bit program: its registers, but for those in {@code c.fixedRegisters}, are whatever the
     * program left there.
     *
     * @param offset of its first byte in the code pages
     * @param fs     FS base in the program
     * @param gs     GS base in the program
     * @return as {@link #generate}; also false if it would need other segment bases
     */
    boolean generateAt(RowProfile row, int offset, long fs, long gs, TestCase c) {
        place = offset;
        programFs = fs;
        programGs = gs;
        try {
            return generate(row, false, c) && c.input.fsBase == fs && c.input.gsBase == gs;
        } finally {
            place = -1;
        }
    }

    /** Where operands lie that instructions of one program have in common. */
    MemoryPlan memory() {
        return memory;
    }

    /**
     * Makes a case.
     *
     * @param row the row that it should exercise
     * @param compatibility true for 32-bit code
     * @param c   filled
     * @return false if the encoding came out too long or an address unsafe; the caller tries again
     */
    boolean generate(RowProfile row, boolean compatibility, TestCase c) {
        InsnDef def = row.def;
        c.clear();
        compat = compatibility;
        registers = compat ? 8 : 16;
        c.compat = compat;
        states.fill(c.input, def);
        if (compat) {
            c.input.fsBase &= LOW;
            c.input.gsBase &= LOW;
        }
        c.branch = row.branch;
        c.codeOffset = 256 + random.below(3000);
        // Whether #UD comes before the fetch of all bytes (and UD0 and UD1 have a ModRM byte) differs by vendor.
        boolean undefined = def.mnemonic().startsWith("UD");
        if (random.oneIn(32) && !undefined) {
            // Across the page boundary, or now and then across the end of the code pages: a fault of the fetch.
            c.codeOffset = (random.oneIn(8) && !row.branch ? Arena.CODE : 4096) - 1 - random.below(14);
        }
        if (place >= 0) {
            c.codeOffset = place;
            c.input.fsBase = programFs;
            c.input.gsBase = programGs;
        }
        c.input.rip = arena.codeBase() + c.codeOffset;
        memory.pinned = 0;
        memory.segmentBase = 0;
        memory.compat = compat;
        memory.address32 = compat;
        memory.address16 = false;
        memory.risky = false;
        sizes(row);
        registers(row, c);
        special.implicit(row, c.input, memory);
        prefixes(row, c);
        if (inMemory && !plan(row, c)) {
            return false;
        }
        if (def.vex()) {
            emitVex(row, c);
        } else {
            emitLegacy(row, c);
        }
        if (c.length > TestCase.MAX_LENGTH && (!padded || row.branch || c.length > LONGEST)) {
            return false;
        }
        if (inMemory && !row.gather) {
            c.address = memory.effective(c.input.gpr, c.input.rip + c.length);
        }
        if (!special.finish(row, c, memory, inMemory ? -1 : rmRegister, operandBits,
                repPrefix != 0)) {
            return false;
        }
        if (compat) {
            for (int i = 0; i < 16; i++) {
                c.input.gpr[i] = i < 8 ? c.input.gpr[i] & LOW : 0;
            }
        }
        if (memory.risky || repPrefix != 0 && row.def.rep()) {
            // Which of #AC, #PF and #GP comes first differs by vendor.
            c.input.rflags &= ~(long) Flags.AC;
        }
        c.fixedRegisters |= memory.pinned | (row.source || row.destination ? STRING_REGISTERS : 0)
                | (row.branch && !inMemory ? 1 << rmRegister : 0);
        if (inMemory) {
            c.fixedRegisters |= memory.registers();
            c.fixedVector = row.gather ? memory.index : -1;
            return safe(row, c);
        }
        return true;
    }

    private void sizes(RowProfile row) {
        InsnDef def = row.def;
        rexW = def.w() == 1;
        prefix66 = def.prefix() == InsnDef.Prefix.P66;
        vectorBits = 128;
        repPrefix = def.prefix() == InsnDef.Prefix.PF2 ? 0xf2 : def.prefix() == InsnDef.Prefix.PF3 ? 0xf3 : 0;
        if (def.vex()) {
            boolean l = def.vexL() == 1 || def.vexL() < 0 && random.oneIn(2);
            vectorBits = l ? 256 : 128;
            rexW = def.w() == 1 || def.w() < 0 && random.oneIn(2);
            if (compat && def.map() == 3 && (def.opcode() == 0x16 || def.opcode() == 0x22)) {
                // VPEXTRD and VPINSRD with W outside 64-bit mode: Intel ignores it, AMD raises #UD.
                rexW = false;
            }
            operandBits = rexW && !compat ? 64 : 32;
            return;
        }
        boolean freeW = def.w() < 0 && !compat;
        if (def.prefix() == InsnDef.Prefix.ANY) {
            if (row.sized) {
                switch (random.below(3)) {
                    case 0 -> prefix66 = true;
                    case 1 -> rexW = freeW || rexW;
                    default -> {
                    }
                }
            } else if (!row.branch) {
                prefix66 = random.oneIn(16);
                rexW |= freeW && random.oneIn(16);
            }
        } else {
            rexW |= freeW && random.oneIn(row.sized ? 2 : 8);
            // With F2 or F3 in charge, 66 sizes general registers and is otherwise ignored.
            prefix66 |= repPrefix != 0 && random.oneIn(row.sized ? 4 : 16);
        }
        if (row.pointer) {
            // AMD has no m16:64 and ignores REX.W here.
            rexW = false;
        }
        operandBits = rexW ? 64 : prefix66 && def.prefix() != InsnDef.Prefix.P66 ? 16 : 32;
        if (!row.far && (row.branch || row.stack && operandBits == 32)) {
            operandBits = compat ? 32 : 64;
        }
    }

    private void registers(RowProfile row, TestCase c) {
        InsnDef def = row.def;
        reg = def.digit() >= 0 ? def.digit() : random.below(registers);
        rmRegister = random.below(registers);
        opcodeRegister = random.below(registers);
        vvvv = 0;
        inMemory = row.rmOperand >= 0 && def.fixedModrm() < 0
                && (def.mod() == 0 || def.mod() < 0 && !random.oneIn(3));
        if (operandBits == 16 && def.mnemonic().equals("MOVSXD")) {
            // With 66 Intel reads a word and AMD a doubleword.
            inMemory = false;
        }
        boolean writesR = false;
        for (OperandSpec operand : row.operands) {
            switch (operand.method()) {
                case 'H', 'B' -> vvvv = random.below(registers);
                case 'S' -> reg = random.oneIn(16) ? 6 + random.below(2) : random.below(6);
                case 'P', 'C', 'D' -> reg = reg & 7;
                default -> {
                }
            }
            writesR |= operand.method() == 'G' && operand.write();
        }
        if (row.segmentLoad && def.digit() < 0 && reg == 1) {
            // MOV CS is #UD, which is worth a case now and then.
            reg = random.oneIn(8) ? 1 : 3;
        }
        if (writesR && reg == 4 && random.oneIn(2)) {
            reg = 0;
        }
        if (row.gather && random.oneIn(32)) {
            // Destination, index and mask must differ; the index is in the SIB byte.
            vvvv = reg;
        }
    }

    private void prefixes(RowProfile row, TestCase c) {
        InsnDef def = row.def;
        boolean memoryForm = inMemory || row.source || row.destination || hasOffset(row);
        boolean sized = random.oneIn(memoryForm ? 8 : 32) && !row.branch || row.branch && !row.stack
                && !row.nearIndirect && !(compat && inMemory) && random.oneIn(8);
        if (compat) {
            // With 16-bit offsets only FS and GS, whose bases are free, reach the data.
            memory.address16 = sized && inMemory && fsGsBase && !row.gather && !row.extendedState;
            sized &= memory.address16 || !memoryForm && !row.implicitPointer();
        } else {
            memory.address32 = sized;
        }
        padded = random.oneIn(200) && !def.mnemonic().startsWith("UD");
        for (int i = padded ? random.below(12) : 0; i > 0; i--) {
            c.emit(IGNORED_OVERRIDES[random.below(4)]);
        }
        if (sized) {
            c.emit(0x67);
        }
        if ((def.lock() && inMemory) ? random.oneIn(4) : spoil(row, c) && !row.branch) {
            c.emit(LOCK);
        }
        if (memory.address16) {
            boolean gs = random.oneIn(2);
            memory.segmentBase = arena.dataBase() - random.below(1 << 15);
            if (gs) {
                c.input.gsBase = memory.segmentBase;
            } else {
                c.input.fsBase = memory.segmentBase;
            }
            c.emit(gs ? 0x65 : 0x64);
        } else if (random.oneIn(8)) {
            boolean based = fsGsBase && memoryForm && random.oneIn(2) && !row.gather && !row.extendedState;
            if (based) {
                boolean gs = random.oneIn(2);
                c.emit(gs ? 0x65 : 0x64);
                memory.segmentBase = gs ? c.input.gsBase : c.input.fsBase;
            } else if (!row.branch) {
                c.emit(IGNORED_OVERRIDES[random.below(4)]);
            }
        }
        if (def.vex()) {
            if (spoil(row, c)) {
                // Each of these is #UD in front of VEX.
                c.emit(BEFORE_VEX[random.below(compat ? 4 : BEFORE_VEX.length)]);
            }
            return;
        }
        if (prefix66) {
            c.emit(0x66);
            if (random.oneIn(100)) {
                c.emit(0x66);
            }
        }
        if (def.prefix() == InsnDef.Prefix.ANY && (row.def.rep()
                ? !random.oneIn(4)
                : def.map() == 0 && !row.branch && random.oneIn(64))) {
            repPrefix = random.oneIn(2) ? 0xf2 : 0xf3;
        }
        if (repPrefix != 0) {
            c.emit(repPrefix);
        }
    }

    /**
     * Now and then true: make the encoding invalid; never where a fetch fault could come first, nor for VERW, which AMD
     * runs with LOCK.
     */
    private boolean spoil(RowProfile row, TestCase c) {
        return random.oneIn(200) && c.codeOffset < 4096 && !padded && !row.def.mnemonic().equals("VERW");
    }

    private static boolean hasOffset(RowProfile row) {
        for (OperandSpec operand : row.operands) {
            if (operand.method() == 'O') {
                return true;
            }
        }
        return false;
    }

    private boolean plan(RowProfile row, TestCase c) {
        int bytes = row.memoryBytes(operandBits, vectorBits);
        c.addressBytes = bytes;
        if (row.gather) {
            memory.target = arena.dataBase() + Arena.WRITABLE / 2;
            special.gatherForm(memory, c.input);
            return true;
        }
        memory.target = memory.target(bytes);
        if (row.extendedState && memory.target >= Arena.NON_CANONICAL) {
            // Which of misaligned and non-canonical comes first is not written.
            memory.target &= -64;
        }
        if (row.bitString) {
            memory.pinned |= 1 << reg;
            special.bitOffset(c.input, reg);
        }
        long base = memory.segmentBase;
        if (!memory.plan(c.input.gpr)) {
            return false;
        }
        if (memory.segmentBase != base) {
            // The planner gave the override up: bend the base so that it still holds.
            memory.segmentBase = 0;
            c.input.fsBase = 0;
            c.input.gsBase = 0;
        }
        return true;
    }

    /** Recomputes the address from the registers: a slip here would let the host write anywhere. */
    private boolean safe(RowProfile row, TestCase c) {
        if (row.gather || c.addressBytes == 0 && !row.extendedState) {
            return true;
        }
        return arena.harmless(c.address, c.addressBytes)
                && memory.effective(c.input.gpr, c.input.rip + c.length) == c.address;
    }

    private int immediateBytes(RowProfile row) {
        int bytes = 0;
        for (OperandSpec operand : row.operands) {
            bytes += switch (operand.method()) {
                case 'I' -> immediate(operand);
                case 's', 'L' -> 1;
                case 'J' -> operand.size().equals("b") ? 1 : 4;
                case 'O' -> memory.address32 ? 4 : 8;
                case 'A' -> operandBits / 8 + 2;
                default -> 0;
            };
        }
        return bytes;
    }

    private int immediate(OperandSpec operand) {
        return switch (operand.size()) {
            case "b" -> 1;
            case "w" -> 2;
            case "d" -> 4;
            case "q" -> 8;
            case "v" -> operandBits / 8;
            default -> Math.min(operandBits, 32) / 8;
        };
    }

    private void emitLegacy(RowProfile row, TestCase c) {
        InsnDef def = row.def;
        int rex = (rexW ? 8 : 0) | (reg >= 8 && def.modrm() && def.fixedModrm() < 0 ? 4 : 0);
        if (def.modrm() && def.fixedModrm() < 0) {
            rex |= inMemory ? memory.rex() : rmRegister >> 3;
        }
        if (def.opcodeReg()) {
            rex |= opcodeRegister >> 3;
        }
        if (rex != 0 && random.oneIn(100) && !compat) {
            // A REX that is not the last prefix is ignored.
            c.emit(0x40 | random.below(16));
        }
        if (!compat && (rex != 0 || random.oneIn(6))) {
            c.emit(0x40 | rex);
        }
        switch (def.map()) {
            case 1 -> c.emit(0x0f);
            case 2 -> c.emit(0x380f, 2);
            case 3 -> c.emit(0x3a0f, 2);
            default -> {
            }
        }
        c.emit(def.opcode() | (def.opcodeReg() ? opcodeRegister & 7 : 0));
        emitTail(row, c);
    }

    private void emitVex(RowProfile row, TestCase c) {
        InsnDef def = row.def;
        int rexR = reg >= 8 && def.fixedModrm() < 0 ? 0 : 0x80;
        int rexXb = inMemory ? memory.rex() : rmRegister >> 3;
        if (def.fixedModrm() >= 0 || !def.modrm()) {
            rexXb = 0;
        }
        int pp = switch (def.prefix()) {
            case P66 -> 1;
            case PF3 -> 2;
            case PF2 -> 3;
            default -> 0;
        };
        int unused = spoil(row, c) ? random.below(registers) : vvvv;
        int length = (vectorBits == 256 ? 4 : 0) ^ (spoil(row, c) ? 4 : 0);
        int tail = (~unused & 15) << 3 | length | pp;
        if (def.map() == 1 && !rexW && rexXb == 0 && !random.oneIn(4)) {
            c.emit(0xc5);
            c.emit(rexR | tail);
        } else {
            c.emit(0xc4);
            c.emit(rexR | (rexXb ^ 3) << 5 | def.map());
            c.emit((rexW ? 0x80 : 0) | tail);
        }
        c.emit(def.opcode());
        emitTail(row, c);
    }

    private void emitTail(RowProfile row, TestCase c) {
        InsnDef def = row.def;
        int immediates = immediateBytes(row);
        if (def.fixedModrm() >= 0) {
            c.emit(def.fixedModrm() | (def.fixedModrmReg() ? opcodeRegister & 7 : 0));
        } else if (def.modrm()) {
            if (inMemory) {
                memory.emit(c, reg, immediates);
            } else {
                c.emit(0xc0 | (reg & 7) << 3 | rmRegister & 7);
            }
        }
        for (OperandSpec operand : row.operands) {
            switch (operand.method()) {
                case 'I' -> c.emit(special.immediate(row, random.integer()), immediate(operand));
                case 's' -> c.emit(random.integer(), 1);
                case 'L' -> c.emit(random.next(), 1);
                case 'J' -> {
                    int size = operand.size().equals("b") ? 1 : 4;
                    c.emit(special.relative(c, size), size);
                }
                case 'O' -> {
                    int bytes = operand.size().equals("b") ? 1 : operandBits / 8;
                    special.offset(c, memory, bytes);
                }
                case 'A' -> special.farPointer(c, operandBits);
                default -> {
                }
            }
        }
    }
}

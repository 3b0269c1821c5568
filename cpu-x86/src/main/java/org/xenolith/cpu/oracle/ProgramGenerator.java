package org.xenolith.cpu.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;

/**
 * Makes random 64-bit user programs: instructions of every row of the table, each preceded by what its addresses need, among branches,
 * bounded loops, calls, indirect jumps and stores into the program itself.
 */
final class ProgramGenerator {
    /** Numbers for loop counters and jump tables at the start of the data. */
    private static final int COUNTERS = 64;
    private static final int MOST_BYTES = 3000;
    private static final int TRIES = 12;
    private static final int RSP = ProgramCode.RSP;
    /** Results that differ from host to host, or depend on what the host is (AMD has one bit more of MXCSR). */
    private static final Set<String> UNDEFINED = Set.of("RDTSC", "RDTSCP", "CPUID", "XGETBV", "RDRAND", "RDSEED",
            "RDPID", "LAR", "LSL",
            "VERR", "VERW", "SGDT", "SIDT", "SLDT", "STR", "SMSW", "FXSAVE64", "FXSAVE", "WRFSBASE", "WRGSBASE",
            "LDMXCSR", "VLDMXCSR");

    /** Results that differ from host to host, or show the condition codes that are undefined after most instructions, or the pointers. */
    private static final Set<String> UNDEFINED_X87 = Set.of("F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FPREM",
            "FPREM1", "FSIN", "FCOS", "FSINCOS", "FBLD", "FBSTP", "FSTPNCE", "FNSTSW", "FNSTENV", "FLDENV", "FNSAVE",
            "FRSTOR", "FLDCW", "MASKMOVQ");
    private static final int X87_MASKS = 0x3f;
    private static final int X87_PENDING = 0x8080;

    private final Random64 random;
    private final Arena arena;
    private final CaseGenerator cases;
    private final StateMaker states;
    private final Decoder decoder;
    private final Cpu cpu;
    private final List<RowProfile> integer = new ArrayList<>();
    private final List<RowProfile> vector = new ArrayList<>();
    private final List<RowProfile> floating = new ArrayList<>();
    private final TestCase one = new TestCase();

    private Program program = new Program();
    private ProgramCode code;
    private boolean stackGood;
    /** Of sixteen rows, how many are x87 or MMX instructions. */
    private int floatShare;
    private int counters;

    ProgramGenerator(Random64 random, Arena arena, List<RowProfile> rows, Decoder decoder, Cpu cpu, boolean fsGsBase) {
        this.random = random;
        this.arena = arena;
        this.cases = new CaseGenerator(random, arena, fsGsBase);
        this.states = new StateMaker(random, arena);
        this.decoder = decoder;
        this.cpu = cpu;
        this.code = new ProgramCode(arena.codeBase(), random);
        for (RowProfile row : rows) {
            int needs = row.def.needs();
            if (row.branch || row.def.invalidIn64()) {
                continue;
            }
            if ((needs & (InsnDef.NEEDS_X87 | InsnDef.NEEDS_MMX)) != 0) {
                floating.add(row);
            } else if ((needs & (InsnDef.NEEDS_SSE | InsnDef.NEEDS_AVX)) != 0) {
                vector.add(row);
            } else {
                integer.add(row);
            }
        }
    }

    /** The next program of the generator's random numbers. */
    Program generate() {
        program = new Program();
        program.defined = random.oneIn(2);
        program.codeOffset = random.oneIn(4) ? 4096 - 1 - random.below(200) : random.below(4000);
        code = new ProgramCode(arena.codeBase() + program.codeOffset, random);
        stackGood = true;
        counters = 0;
        states.fill(program.input, pick(random.oneIn(2) ? integer : vector).def);
        program.input.rip = code.here();
        floatShare = random.oneIn(3) ? 9 : 2;
        if (program.defined) {
            // so that nothing is ever pending
            program.input.fcw |= X87_MASKS;
            program.input.fsw &= ~X87_PENDING;
        }
        if (program.defined || !random.oneIn(8)) {
            program.input.rflags &= ~(long) (Flags.AC | Flags.NT);
        }
        long[] shared = new long[1 + random.below(4)];
        for (int i = 0; i < shared.length; i++) {
            shared[i] = random.oneIn(8)
                    ? arena.dataBase() + 4096L * (1 + random.below(3)) - random.below(32)
                    : arena.dataBase() + 64 + (random.below(Arena.WRITABLE - 192) & -64);
        }
        cases.memory().shared = shared;
        int count = 5 + random.below(random.oneIn(4) ? 56 : 20);
        List<Integer> starts = new ArrayList<>();
        List<int[]> forward = new ArrayList<>();
        List<int[]> loops = new ArrayList<>();
        for (int i = 0; i < count && code.length() < MOST_BYTES; i++) {
            starts.add(code.length());
            piece(i, forward, loops);
        }
        while (!loops.isEmpty()) {
            starts.add(code.length());
            closeLoop(loops);
        }
        int[] all = new int[starts.size() + 1];
        for (int i = 0; i < starts.size(); i++) {
            all[i] = starts.get(i);
        }
        all[starts.size()] = code.length();
        for (int[] f : forward) {
            code.land(f[0], all[Math.min(f[1], starts.size())]);
        }
        program.starts = all;
        program.bytes = code.bytes();
        program.stops = stops();
        return program;
    }

    private int[] stops() {
        int kind = random.below(8);
        int[] stops = new int[kind == 0 ? 300 : kind < 4 ? 0 : 1 + random.below(12)];
        for (int i = 0; i < stops.length; i++) {
            stops[i] = kind == 0 || random.oneIn(4) ? 1 : 1 + random.below(40);
        }
        return stops;
    }

    private void piece(int number, List<int[]> forward, List<int[]> loops) {
        if (!loops.isEmpty() && random.oneIn(4)) {
            closeLoop(loops);
            return;
        }
        switch (random.below(32)) {
            case 0, 1, 2 -> {
                int condition = random.below(20);
                int place = condition >= 16 ? code.jump(0xe9) : code.jump(0x0f, 0x80 | condition);
                forward.add(new int[]{place, number + 1 + random.below(4)});
            }
            case 3, 4 -> {
                if (loops.size() < 2 && counters < COUNTERS / 4) {
                    openLoop(loops);
                } else {
                    row();
                }
            }
            case 5 -> call();
            case 6 -> indirect();
            case 7 -> {
                if (random.oneIn(3)) {
                    modify();
                } else {
                    row();
                }
            }
            case 8, 9 -> {
                int reg = random.below(16);
                if (reg != RSP) {
                    code.emit(0x48 | reg >> 3, 0xb8 | reg & 7).number(random.integer(), 8);
                }
            }
            default -> row();
        }
    }

    private RowProfile pick(List<RowProfile> rows) {
        return rows.get(random.below(rows.size()));
    }

    // ---- one instruction ----

    private void row() {
        for (int t = 0; t < TRIES; t++) {
            int kind = random.below(16);
            RowProfile row = pick(kind < floatShare ? floating : kind < 6 ? vector : integer);
            if ((row.alwaysFaults() || row.segmentLoad) && !random.oneIn(40)) {
                continue;
            }
            if (row(row)) {
                return;
            }
        }
        code.emit(Program.NOP);
    }

    private boolean row(RowProfile row) {
        long seed = random.next();
        random.reseed(seed);
        int from = code.length();
        if (!cases.generateAt(row, program.codeOffset + from, program.input.fsBase, program.input.gsBase, one)) {
            return false;
        }
        int needed = one.fixedRegisters & ~(1 << RSP);
        boolean stack = row.stack && (!stackGood || (seed & 3) == 0)
                || one.addressBytes > 0 && (cases.memory().registers() >> RSP & 1) != 0;
        needed |= stack ? 1 << RSP : 0;
        int room = ProgramCode.loadLength() * Integer.bitCount(needed) + (row.gather ? 16 : 0);
        random.reseed(seed);
        if (!cases.generateAt(row, program.codeOffset + from + room, program.input.fsBase, program.input.gsBase, one)) {
            return false;
        }
        byte[] padded = Arrays.copyOf(one.bytes, one.bytes.length);
        Insn insn = decoder.decode(padded, 0, padded.length, 64, cpu);
        if (insn == null || program.defined && undefined(row, insn)) {
            return false;
        }
        if (insn.def().align() && one.addressBytes > 0 && (one.address & Math.min(one.addressBytes, 16) - 1) != 0
                && !random.oneIn(8)) {
            return false;
        }
        // Loads are shorter than their room at times; NOPs go first, so that they may be taken out alone.
        ProgramCode loads = new ProgramCode(0, random);
        for (int r = 0; r < 16; r++) {
            if ((needed >> r & 1) != 0) {
                loadAt(loads, r, one.input.gpr[r]);
            }
        }
        if (row.gather) {
            gather(loads, insn);
        }
        while (code.length() + loads.length() < from + room) {
            code.emit(Program.NOP);
        }
        code.emit(loads.bytes(), loads.length());
        code.emit(one.bytes, one.length);
        stackGood = (stackGood || stack) && !writesStackPointer(insn, row);
        for (int k = 0; k < one.patches; k++) {
            program.patches.add(new Program.Patch(one.patchOffset[k], one.patch[k].clone()));
        }
        if (program.defined && row.def.flagsUndefined() != 0) {
            code.defineFlags();
        }
        return true;
    }

    private void loadAt(ProgramCode loads, int reg, long value) {
        if (value >>> 32 == 0 && random.oneIn(2)) {
            if (reg >= 8) {
                loads.emit(0x41);
            }
            loads.emit(0xb8 | reg & 7).number(value, 4);
        } else {
            loads.emit(0x48 | reg >> 3, 0xb8 | reg & 7).number(value, 8);
        }
    }

    /** Small indices from the end of the read-only page, where every lane is small. */
    private void gather(ProgramCode loads, Insn insn) {
        long at = arena.dataEnd() - 32 * (1 + random.below(16));
        int index = insn.indexRegister();
        // VMOVDQU ymm, [abs32]
        loads.emit(0xc5, index >= 8 ? 0x7e : 0xfe, 0x6f, (index & 7) << 3 | 4, 0x25).number(at, 4);
    }

    private static boolean writesStackPointer(Insn insn, RowProfile row) {
        if (row.frame || insn.def().mnemonic().startsWith("XCHG") || insn.def().mnemonic().startsWith("XADD")
                || insn.def().mnemonic().startsWith("CMPXCHG")) {
            return true;
        }
        return insn.operandCount() > 0 && insn.op0().kind() == Operand.Kind.GPR && insn.op0().reg() == RSP
                || insn.operandCount() > 1 && insn.def().vex() && insn.op1().kind() == Operand.Kind.GPR
                        && insn.op1().reg() == RSP;
    }

    /** What {@link UndefinedResults} lists, as far as later instructions could make it visible. */
    private static boolean undefined(RowProfile row, Insn i) {
        String m = i.def().mnemonic();
        return row.alwaysFaults() || row.segmentLoad || row.extendedState || UNDEFINED.contains(m)
                || UNDEFINED_X87.contains(m)
                || (row.def.needs() & InsnDef.NEEDS_MMX) != 0 && m.startsWith("CVT")
                || (m.equals("BSF") || m.equals("BSR")) && i.operandBits() != 64
                || (m.equals("SHLD") || m.equals("SHRD") || m.equals("BSWAP")) && i.operandBits() == 16
                || m.contains("RCPPS") || m.contains("RCPSS") || m.contains("RSQRTPS") || m.contains("RSQRTSS")
                || i.def().rep() && i.addressBits() == 32 || m.startsWith("UD");
    }

    // ---- flow ----

    private void openLoop(List<int[]> loops) {
        int counter = counters++;
        code.absolute(0, arena.dataBase() + 4L * counter, 0xc7).number(1 + random.below(loops.isEmpty() ? 30 : 6), 4);
        loops.add(new int[]{code.length(), counter});
    }

    private void closeLoop(List<int[]> loops) {
        int[] loop = loops.remove(loops.size() - 1);
        long counter = arena.dataBase() + 4L * loop[1];
        boolean dec = random.oneIn(2);
        if (dec) {
            code.absolute(1, counter, 0xff);
        } else {
            code.absolute(5, counter, 0x83).emit(1);
        }
        int back = loop[0] - (code.length() + 2);
        int condition = dec ? 5 : 0xf;
        if (back >= -128 && random.oneIn(2)) {
            code.emit(0x70 | condition, back);
        } else {
            int place = code.jump(0x0f, 0x80 | condition);
            code.land(place, loop[0]);
        }
    }

    private void goodStack() {
        if (!stackGood || random.oneIn(8)) {
            code.load(RSP, states.stack());
            stackGood = true;
        }
    }

    private int freeRegister() {
        int r = random.below(15);
        return r == RSP ? 15 : r;
    }

    /** CALL in one of its forms, a subroutine of an instruction or two, RET, and a jump over it. */
    private void call() {
        goodStack();
        int reg = freeRegister();
        int target;
        switch (random.below(3)) {
            case 0 -> target = code.jump(0xe8);
            case 1 -> {
                target = code.jump(0x48 | reg >> 3 << 2, 0x8d, (reg & 7) << 3 | 5);
                code.emit(0x40 | reg >> 3, 0xff, 0xd0 | reg & 7);
            }
            default -> {
                target = code.jump(0x48 | reg >> 3 << 2, 0x8d, (reg & 7) << 3 | 5);
                long slot = arena.dataBase() + COUNTERS + 64L * random.below(4);
                code.emit(0x48 | reg >> 3 << 2).absolute(reg & 7, slot, 0x89);
                code.absolute(2, slot, 0xff);
            }
        }
        int over = code.jump(0xe9);
        code.land(target);
        row();
        boolean kept = stackGood;
        if (random.oneIn(4)) {
            row();
        }
        if (random.oneIn(4)) {
            code.emit(0xc2, 8 * random.below(4), 0);
        } else {
            code.emit(0xc3);
        }
        stackGood &= kept;
        code.land(over);
    }

    /** A jump through a register to one of two places, as a condition has it. */
    private void indirect() {
        int a = freeRegister();
        int b = freeRegister();
        int first = code.jump(0x48 | a >> 3 << 2, 0x8d, (a & 7) << 3 | 5);
        int second = code.jump(0x48 | b >> 3 << 2, 0x8d, (b & 7) << 3 | 5);
        code.emit(0x48 | a >> 3 << 2 | b >> 3, 0x0f, 0x40 | random.below(16), 0xc0 | (a & 7) << 3 | b & 7);
        code.emit(0x40 | a >> 3, 0xff, 0xe0 | a & 7);
        code.land(first);
        row();
        code.land(second);
    }

    // ---- self-modification ----

    /** Eight bytes of harmless code. */
    private long slot() {
        int reg = freeRegister();
        ProgramCode c = new ProgramCode(0, random);
        switch (random.below(4)) {
            case 0 -> c.emit(0x40 | reg >> 3, 0xb8 | reg & 7).number(random.next(), 4);
            case 1 -> c.emit(0x48 | reg >> 3, 0x81, 0xc0 | reg & 7).number(random.next(), 4);
            case 2 -> c.emit(0xeb, random.below(7)).number(0x9090_9090_9090L, 6);
            default -> c.emit(0x48 | reg >> 3, 0xff, 0xc0 | reg & 7);
        }
        long v = 0;
        byte[] b = c.bytes();
        for (int i = 7; i >= 0; i--) {
            v = v << 8 | (i < b.length ? b[i] & 0xff : Program.NOP);
        }
        return v;
    }

    /** A store into code that comes soon; in a loop it toggles between two versions. */
    private void modify() {
        long before = slot();
        long after = slot();
        int value = freeRegister();
        int pointer = freeRegister();
        if (pointer == value) {
            pointer = value == 3 ? 1 : 3;
        }
        code.emit(0x48 | value >> 3, 0xb8 | value & 7).number(before ^ after, 8);
        code.emit(0x48 | pointer >> 3, 0xb8 | pointer & 7);
        int place = code.length();
        code.number(0, 8);
        int rex = 0x48 | value >> 3 << 2 | pointer >> 3;
        boolean shorter = !program.defined && random.oneIn(4);
        // XOR [pointer + disp8], value
        code.emit(shorter ? rex & ~8 : rex, 0x31, 0x40 | (value & 7) << 3 | pointer & 7);
        if ((pointer & 7) == 4) {
            code.emit(0x24);
        }
        code.emit(0);
        if (program.defined) {
            code.defineFlags();
        }
        if (random.oneIn(2)) {
            row();
        }
        long target = code.here();
        boolean alias = !program.defined && random.oneIn(4);
        if (alias) {
            target = target - arena.codeBase() + GuestSide.CODE_ALIAS;
        }
        code.number(before, 8);
        code.patch(place, target);
    }
}

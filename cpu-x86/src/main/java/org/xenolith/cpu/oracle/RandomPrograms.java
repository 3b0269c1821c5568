package org.xenolith.cpu.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.disasm.Disassembler;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.host.HostCpu;
import org.xenolith.cpu.jit.host.HostFeatures;
import org.xenolith.memory.RawMemory;

/**
 * Runs random programs in the interpreter, in another tier, and, where nothing in them is undefined, on the host CPU, and compares registers,
 * counts and memory at random stops and at the end. A program that differs is cut down while it still does.
 *
 * <p>Bound to the thread that made it; see {@link HostCpu}.
 */
public final class RandomPrograms implements AutoCloseable {
    /** Most instructions of a program; one that has not ended by then is compared as it stands. */
    private static final int LIMIT = 4000;
    private static final int REPORTS = 5;
    /** Condition codes of the x87 status word, which most instructions leave undefined. */
    private static final int X87_CODES = 0x4700;
    private static final long IMAGE_SEED = 0x5eed_0f_da7aL;

    private final HostCpu host;
    private final Arena arena;
    private final GuestSide reference;
    private final @Nullable GuestSide tier;
    private final Random64 random = new Random64(0);
    private final ProgramGenerator generator;
    private final Decoder decoder;
    private final byte[] image = new byte[Arena.DATA];
    private final MachineState referenceEnd = new MachineState();
    private final MachineState tierEnd = new MachineState();
    private final MachineState hostEnd = new MachineState();
    private final Difference difference;
    private long instructions;
    private long hosted;
    private long faulted;

    /**
     * What a run found.
     *
     * @param programs     programs run
     * @param instructions instructions that they took in the interpreter
     * @param hosted       how many of them the host CPU ran as well
     * @param faulted      how many of them ended in an exception
     * @param mismatches   how many differed
     */
    public record Result(long programs, long instructions, long hosted, long faulted, long mismatches) {
    }

    /**
     * Opens the host CPU and builds the sides.
     *
     * @param table the instructions
     * @param other the tier that is compared with the interpreter; null to compare with the host CPU alone
     * @throws org.xenolith.cpu.jit.host.HostException if this host cannot run code in process
     */
    public RandomPrograms(InstructionTable table, @Nullable TierFactory other) {
        this.host = HostCpu.open();
        HostFeatures features = host.features();
        HostModel model = new HostModel(features);
        this.arena = new Arena(host.dataBase(), host.codeBase());
        this.reference = new GuestSide(arena, table, model, features.fsGsBase(), features.avx(), Interpreter::new);
        this.tier = other == null
                ? null
                : new GuestSide(arena, table, model, features.fsGsBase(), features.avx(), other);
        this.decoder = new Decoder(table, model);
        this.difference = new Difference(features.avx());
        List<RowProfile> rows = new ArrayList<>();
        for (InsnDef def : table.rows()) {
            RowProfile row = new RowProfile(def);
            if (row.excluded(false) == null && def.features().stream().allMatch(model::has)) {
                rows.add(row);
            }
        }
        this.generator = new ProgramGenerator(random, arena, rows, decoder, reference.cpu(), features.fsGsBase());
        Random64 fill = new Random64(IMAGE_SEED);
        for (int i = 0; i < image.length; i += 8) {
            boolean indices = i >= Arena.DATA - 1024;
            long v = indices ? fill.around(500) << 32 | fill.around(500) & 0xffff_ffffL : fill.lane();
            System.arraycopy(SpecialValues.words(v), 0, image, i, 8);
        }
        RawMemory.copyIn(image, 0, arena.dataBase(), image.length);
        host.protect();
    }

    /**
     * Runs programs.
     *
     * @param seed     any number
     * @param first    number of the first program; the same seed and number give the same program
     * @param programs how many
     * @param log      gets the report of mismatches, line by line
     * @param progress hears now and then how many programs are done
     * @return what was found
     */
    public Result run(long seed, long first, long programs, Consumer<String> log, LongConsumer progress) {
        long mismatches = 0;
        instructions = 0;
        hosted = 0;
        faulted = 0;
        for (long i = first; i < first + programs; i++) {
            if ((i & 0xff) == 0) {
                progress.accept(i - first);
            }
            random.reseed(Random64.caseSeed(seed, i));
            Program p = generator.generate();
            List<String> found = compare(p);
            if (!found.isEmpty() && mismatches++ < REPORTS) {
                log.accept("mismatch: seed " + seed + ", program " + i);
                report(p, found, log);
            }
        }
        return new Result(programs, instructions, hosted, faulted, mismatches);
    }

    /** A program of a unit test. */
    Program program(int codeOffset, String hex) {
        return Program.of(arena.codeBase(), codeOffset, hex);
    }

    // ---- comparing ----

    /** Runs a program everywhere; the differences in words. */
    List<String> compare(Program p) {
        List<String> lines = new ArrayList<>();
        if (tier == null) {
            reference.start(p, image);
            long before = reference.cpu().retired();
            reference.runFor(LIMIT);
            instructions += reference.cpu().retired() - before;
        } else {
            compareTiers(p, tier, lines);
        }
        reference.end(referenceEnd);
        long end = arena.codeBase() + p.codeOffset + p.bytes.length;
        if (referenceEnd.vector >= 0 && (referenceEnd.vector != Vector.BP || referenceEnd.rip != end + 1)) {
            faulted++;
        }
        if (lines.isEmpty() && p.defined && comparable(p)) {
            compareHost(p, lines);
        }
        return lines;
    }

    private void compareTiers(Program p, GuestSide other, List<String> lines) {
        reference.start(p, image);
        other.start(p, image);
        long start = reference.cpu().retired();
        for (int i = 0; i <= p.stops.length && lines.isEmpty(); i++) {
            long left = LIMIT - (reference.cpu().retired() - start);
            long n = i < p.stops.length ? Math.min(p.stops[i], left) : left;
            if (n <= 0 || reference.cpu().activity() != Cpu.Activity.RUNNING) {
                break;
            }
            long before = reference.cpu().retired();
            reference.runFor(n);
            instructions += reference.cpu().retired() - before;
            long otherBefore = other.cpu().retired();
            other.runFor(n);
            differences(reference.cpu().retired() - before, other.cpu().retired() - otherBefore, other, lines);
            if (!lines.isEmpty()) {
                lines.addFirst(
                        "after " + (before - start) + " + " + n + " instructions (stop " + i + "): interpreter, tier");
            }
        }
    }

    private void differences(long count, long otherCount, GuestSide other, List<String> lines) {
        Cpu a = reference.cpu();
        Cpu b = other.cpu();
        referenceEnd.loadFrom(a);
        tierEnd.loadFrom(b);
        referenceEnd.vector = MachineState.NO_FAULT;
        tierEnd.vector = MachineState.NO_FAULT;
        difference.reset(false);
        difference.flags = -1;
        if (difference.differ(referenceEnd, tierEnd)) {
            difference.describe(referenceEnd, tierEnd, lines);
            lines.replaceAll(line -> line.replace("interpreter ", "tier ").replace("host ", "interpreter "));
        }
        compare(lines, "retired", count, otherCount);
        compare(lines, "CR2", a.field(CpuState.CR2), b.field(CpuState.CR2));
        compare(lines, "CPL", a.cpl(), b.cpl());
        compare(lines, "activity", a.activity().ordinal(), b.activity().ordinal());
        compare(lines, "FIP", a.field(CpuState.FIP), b.field(CpuState.FIP));
        compare(lines, "FDP", a.field(CpuState.FDP), b.field(CpuState.FDP));
        compare(lines, "FOP", a.field32(CpuState.FOP), b.field32(CpuState.FOP));
        String memory = reference.memoryDifference(other);
        if (memory != null) {
            lines.add(memory);
        }
    }

    private static void compare(List<String> lines, String name, long a, long b) {
        if (a != b) {
            lines.add(name + ": " + Long.toHexString(a) + ", " + Long.toHexString(b));
        }
    }

    /** True if the interpreter ended the program at its end, or in a fault that is safe and the same everywhere. */
    private boolean comparable(Program p) {
        MachineState s = referenceEnd;
        long start = arena.codeBase() + p.codeOffset;
        long end = start + p.bytes.length;
        for (int i = 0; i < 8; i++) {
            if (RawMemory.get8(reference.code() + p.codeOffset + p.bytes.length + i) != 0xcc) {
                return false;
            }
        }
        if (s.vector == Vector.BP) {
            s.vector = MachineState.NO_FAULT;
            s.rip--;
            return s.rip == end && (s.rflags & (Flags.TF | Flags.AC)) == 0;
        }
        if (s.vector < 0 || s.vector == Vector.DB || (s.rflags & (Flags.TF | Flags.AC)) != 0 || s.rip < start
                || s.rip >= end) {
            return false;
        }
        Insn i = insnAt(p, (int) (s.rip - start));
        if (i == null || i.def().vsib() || i.operandCount() == 1 && i.isMem(0) && (i.bits() == 0 || i.bits() > 256)) {
            return false;
        }
        if (s.vector == Vector.PF) {
            return (s.errorCode & 16) == 0 && arena.harmless(s.faultAddress, 64);
        }
        return true;
    }

    private void compareHost(Program p, List<String> lines) {
        RawMemory.copyIn(image, 0, arena.dataBase(), Arena.WRITABLE);
        for (Program.Patch patch : p.patches) {
            RawMemory.copyIn(patch.content(), 0, arena.dataBase() + patch.offset(), patch.content().length);
        }
        p.input.storeTo(host.in());
        int vector = host.run(p.codeOffset, p.bytes, false);
        hosted++;
        hostEnd.loadFrom(host.out());
        hostEnd.vector = vector;
        hostEnd.errorCode = host.errorCode();
        hostEnd.faultAddress = host.faultAddress();
        difference.reset(false);
        difference.fsw &= ~X87_CODES;
        if (difference.differ(hostEnd, referenceEnd)) {
            lines.add("at the end: host CPU, interpreter");
            difference.describe(hostEnd, referenceEnd, lines);
        }
        long at = RawMemory.mismatch(arena.dataBase(), reference.data(), Arena.WRITABLE);
        if (at >= 0) {
            lines.add("data +" + Long.toHexString(at) + ": host "
                    + Long.toHexString(RawMemory.get64(arena.dataBase() + (at & -8L)))
                    + ", interpreter " + Long.toHexString(RawMemory.get64(reference.data() + (at & -8L))));
        }
    }

    // ---- shrinking and reporting ----

    private void report(Program p, List<String> found, Consumer<String> log) {
        boolean hostDiffers = found.getFirst().startsWith("at the end");
        Predicate<Program> fails = q -> {
            List<String> lines = compare(q);
            return !lines.isEmpty() && lines.getFirst().startsWith("at the end") == hostDiffers;
        };
        Program small = shrink(p, fails, hostDiffers);
        List<String> lines = compare(small);
        describe(small, log);
        lines.forEach(line -> log.accept("  " + line));
    }

    private Program shrink(Program p, Predicate<Program> fails, boolean wholePieces) {
        Program best = p;
        for (boolean again = true; again;) {
            again = false;
            for (int size = p.starts.length / 2; size > 0; size /= 2) {
                for (int i = 0; i + size < p.starts.length; i += size) {
                    Program q = best.copy();
                    if (q.erase(p.starts[i], p.starts[i + size]) && fails.test(q)) {
                        best = q;
                        again = true;
                    }
                }
            }
        }
        if (!wholePieces) {
            for (int at = 0; at < best.bytes.length;) {
                Insn i = insnAt(best, at);
                int length = i == null ? 1 : i.length();
                Program q = best.copy();
                if (q.erase(at, Math.min(at + length, q.bytes.length)) && fails.test(q)) {
                    best = q;
                }
                at += length;
            }
        }
        best = tried(best, fails, q -> q.patches.clear());
        for (int i = best.patches.size() - 1; i >= 0; i--) {
            int patch = i;
            best = tried(best, fails, q -> q.patches.remove(patch));
        }
        best = tried(best, fails, q -> q.stops = new int[0]);
        best = tried(best, fails, Program::trim);
        best = tried(best, fails, q -> {
            q.input.mxcsr = 0x1f80;
            q.input.fcw = 0x37f;
            q.input.fsw = 0;
            q.input.tags = 0xff;
            Arrays.fill(q.input.significand, 0);
            Arrays.fill(q.input.exponent, 0);
        });
        best = tried(best, fails, q -> q.input.fsBase = 0);
        best = tried(best, fails, q -> q.input.gsBase = 0);
        best = tried(best, fails, q -> q.input.rflags = 0x202);
        for (int i = 0; i < 16; i++) {
            int register = i;
            best = tried(best, fails, q -> q.input.gpr[register] = 0);
        }
        for (int i = 0; i < 64; i++) {
            int lane = i;
            best = tried(best, fails, q -> q.input.ymm[lane] = 0);
        }
        return best;
    }

    private static Program tried(Program best, Predicate<Program> fails, Consumer<Program> change) {
        Program q = best.copy();
        change.accept(q);
        return fails.test(q) ? q : best;
    }

    private @Nullable Insn insnAt(Program p, int at) {
        byte[] padded = new byte[2 * Decoder.MAX_LENGTH];
        System.arraycopy(p.bytes, at, padded, 0, Math.min(padded.length, p.bytes.length - at));
        return decoder.decode(padded, 0, padded.length, 64, reference.cpu());
    }

    private void describe(Program p, Consumer<String> log) {
        HexFormat hex = HexFormat.of();
        long base = arena.codeBase() + p.codeOffset;
        for (int at = 0; at < p.bytes.length;) {
            Insn i = insnAt(p, at);
            int length = i == null ? 1 : Math.min(i.length(), p.bytes.length - at);
            if (p.bytes[at] != (byte) Program.NOP) {
                log.accept(String.format("  %8x  %-30s %s", base + at, hex.formatHex(p.bytes, at, at + length),
                        i == null ? "(bad)" : Disassembler.format(i, base + at)));
            }
            at += length;
        }
        source(p).forEach(line -> log.accept("    " + line));
    }

    /** The program as statements of a unit test. */
    private static List<String> source(Program p) {
        HexFormat hex = HexFormat.of();
        List<String> lines = new ArrayList<>();
        lines.add("Program p = programs.program(0x" + Integer.toHexString(p.codeOffset) + ", \""
                + hex.formatHex(p.bytes) + "\");");
        MachineState s = p.input;
        lines.add("p.defined = " + p.defined + ";");
        lines.add("p.stops = new int[]" + Arrays.toString(p.stops).replace('[', '{').replace(']', '}') + ";");
        set(lines, "rflags", s.rflags, 0x202);
        set(lines, "mxcsr", s.mxcsr, 0x1f80);
        set(lines, "fcw", s.fcw, 0x37f);
        set(lines, "fsw", s.fsw, 0);
        set(lines, "tags", s.tags, 0xff);
        set(lines, "fsBase", s.fsBase, 0);
        set(lines, "gsBase", s.gsBase, 0);
        for (int i = 0; i < 16; i++) {
            set(lines, "gpr[" + i + "]", s.gpr[i], 0);
        }
        for (int i = 0; i < 64; i++) {
            set(lines, "ymm[" + i + "]", s.ymm[i], 0);
        }
        for (int i = 0; i < 8; i++) {
            set(lines, "significand[" + i + "]", s.significand[i], 0);
            set(lines, "exponent[" + i + "]", s.exponent[i], 0);
        }
        for (Program.Patch patch : p.patches) {
            lines.add("p.data(0x" + Integer.toHexString(patch.offset()) + ", \"" + hex.formatHex(patch.content())
                    + "\");");
        }
        lines.add("assertEquals(List.of(), programs.compare(p));");
        return lines;
    }

    private static void set(List<String> lines, String field, long value, long usual) {
        if (value != usual) {
            boolean wide = value != (int) value || field.endsWith("Base") || field.startsWith("g")
                    || field.startsWith("y");
            lines.add("p.input." + field + " = 0x" + Long.toHexString(value) + (wide ? "L;" : ";"));
        }
    }

    @Override
    public void close() {
        reference.close();
        if (tier != null) {
            tier.close();
        }
        host.close();
    }
}

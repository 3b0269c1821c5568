package org.xenolith.cpu.hostile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.disasm.Disassembler;
import org.xenolith.cpu.oracle.TierFactory;
import org.xenolith.memory.RawMemory;

/**
 * Runs hostile programs in one tier, or in two and compares them. Nothing that a program does may leave this class: an exception is reported,
 * and what ends the JVM is for a parent process to see, which knows the program from the numbers announced before each.
 */
public final class HostilePrograms implements AutoCloseable {
    private static final int REPORTS = 10;

    private final CpuModel model;
    private final InstructionTable table;
    private final TierFactory factory;
    private final @Nullable TierFactory otherFactory;
    private final Decoder decoder;
    private final HostileGenerator generator;
    private final HostileProgram program = new HostileProgram();
    private HostileMachine machine;
    private @Nullable HostileMachine other;
    private long instructions;

    /**
     * What came out.
     *
     * @param programs     programs run
     * @param instructions instructions that they took
     * @param failures     programs that a Java exception left, that hung, or whose tiers differ
     */
    public record Result(long programs, long instructions, long failures) {
    }

    /**
     * Builds the machines.
     *
     * @param factory the tier to run in
     * @param other   the tier to compare with, or null
     */
    public HostilePrograms(CpuModel model, InstructionTable table, TierFactory factory, @Nullable TierFactory other) {
        this.model = model;
        this.table = table;
        this.factory = factory;
        this.otherFactory = other;
        this.decoder = new Decoder(table, model);
        this.generator = new HostileGenerator(table, decoder);
        this.machine = new HostileMachine(model, table, factory);
        this.other = other == null ? null : new HostileMachine(model, table, other);
    }

    /**
     * Runs programs.
     *
     * @param seed     any number
     * @param first    number of the first program
     * @param programs how many
     * @param before   hears the number of each program before it runs
     * @param log      gets reports of failures, line by line
     */
    public Result run(long seed, long first, long programs, LongConsumer before, Consumer<String> log) {
        long failures = 0;
        instructions = 0;
        for (long i = first; i < first + programs; i++) {
            before.accept(i);
            generator.generate(seed, i, program);
            List<String> found = attempt(program.stops, program.budget);
            instructions += machine.count();
            if (!found.isEmpty() && failures++ < REPORTS) {
                report(seed, i, found, log);
            }
        }
        return new Result(programs, instructions, failures);
    }

    /** Says what a program is, without running it. */
    public List<String> describe(long seed, long number) {
        generator.generate(seed, number, program);
        return describe();
    }

    private List<String> attempt(int[] stops, int budget) {
        try {
            return compare(stops, budget);
        } catch (RuntimeException | StackOverflowError | AssertionError e) {
            // Whatever it was in, its machines may be in no state to go on with.
            List<String> lines = new ArrayList<>();
            lines.add("escaped: " + e);
            StackTraceElement[] trace = e.getStackTrace();
            for (int i = 0; i < Math.min(trace.length, 12); i++) {
                lines.add("  at " + trace[i]);
            }
            close();
            machine = new HostileMachine(model, table, factory);
            other = otherFactory == null ? null : new HostileMachine(model, table, otherFactory);
            return lines;
        }
    }

    private List<String> compare(int[] stops, int budget) {
        List<String> lines = new ArrayList<>();
        machine.start(program);
        if (other != null) {
            other.start(program);
        }
        long count = 0;
        for (int i = 0; i <= stops.length; i++) {
            count = i < stops.length ? Math.min(budget, count + stops[i]) : budget;
            machine.runTo(count);
            if (other != null) {
                other.runTo(count);
                machine.compare(other, lines);
                if (!lines.isEmpty()) {
                    lines.addFirst("after " + count + " instructions (stop " + i + "):");
                    return lines;
                }
            }
            if (!machine.runnable()) {
                break;
            }
        }
        return lines;
    }

    // ---- reports ----

    private void report(long seed, long number, List<String> found, Consumer<String> log) {
        log.accept("failure: seed " + seed + ", program " + number);
        List<String> last = found;
        if (!found.getFirst().startsWith("escaped")) {
            // The fewest instructions that show it, run in one go: the last of them is to blame, or its block.
            int most = (int) Math.min(Integer.MAX_VALUE, machine.count());
            for (int n = 1; n <= most + 1; n++) {
                List<String> lines = attempt(new int[0], n);
                if (!lines.isEmpty()) {
                    last = lines;
                    log.accept("  shown by a budget of " + n + "; before its last instruction:");
                    attempt(new int[0], n);
                    machine.start(program);
                    machine.runTo(n - 1L);
                    log.accept("    " + here());
                    break;
                }
            }
        }
        describe().forEach(line -> log.accept("  " + line));
        last.forEach(line -> log.accept("  " + line));
    }

    private String here() {
        Cpu cpu = machine.cpu();
        long linear = cpu.rip() + (cpu.code64() ? 0 : cpu.segmentBase(CpuState.CS));
        return "CPL " + cpu.cpl() + ", " + cpu.codeBits() + "-bit, RIP " + Long.toHexString(cpu.rip()) + ": "
                + (linear >= 0 && linear < HostileProgram.RAM - 32
                        ? text(linear, cpu.codeBits(), cpu.memory().base())
                        : "elsewhere");
    }

    private String text(long at, int codeBits, long base) {
        byte[] bytes = new byte[32];
        RawMemory.copyOut(base + at, bytes, 0, 32);
        return text(bytes, codeBits, at);
    }

    private String text(byte[] bytes, int codeBits, long at) {
        Insn i = decoder.decode(bytes, 0, bytes.length, codeBits, null);
        int length = i == null ? 1 : i.length();
        return String.format("%6x  %-32s %s", at, HexFormat.of().formatHex(bytes, 0, length),
                i == null ? "(bad)" : Disassembler.format(i, at));
    }

    private List<String> describe() {
        HostileProgram p = program;
        List<String> lines = new ArrayList<>();
        lines.add(p.mode + ", ring " + p.ring + ", CR0 " + Long.toHexString(p.cr0) + " CR4 " + Long.toHexString(p.cr4)
                + " EFER "
                + Long.toHexString(p.efer) + " RFLAGS " + Long.toHexString(p.rflags) + " budget " + p.budget + " stops "
                + Arrays.toString(p.stops));
        StringBuilder registers = new StringBuilder();
        for (int i = 0; i < 16; i++) {
            registers.append(i == 0 ? "" : " ").append('r').append(i).append('=').append(Long.toHexString(p.gpr[i]));
        }
        lines.add(registers.toString());
        int at = (int) p.start() & HostileProgram.RAM - 1;
        for (int n = 0; n < 24 && at < HostileProgram.RAM - 32; n++) {
            byte[] bytes = Arrays.copyOfRange(p.ram, at, at + 32);
            Insn i = decoder.decode(bytes, 0, bytes.length, p.codeBits(), null);
            lines.add("  " + text(bytes, p.codeBits(), at));
            at += i == null ? 1 : i.length();
        }
        return lines;
    }

    @Override
    public void close() {
        machine.close();
        if (other != null) {
            other.close();
        }
    }
}

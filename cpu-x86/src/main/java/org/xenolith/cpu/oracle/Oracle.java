package org.xenolith.cpu.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.host.HostCpu;
import org.xenolith.cpu.jit.host.HostFeatures;
import org.xenolith.memory.RawMemory;

/**
 * Runs random cases of every row of the instruction table that user mode can execute, on the host CPU and in the
 * interpreter, and compares everything. The same seed gives the same cases on the same kind of host.
 *
 * <p>Bound to the thread that made it; see {@link HostCpu}.
 */
public final class Oracle implements AutoCloseable {
    private static final int TRIES = 100;
    /** One in so many cases is 32-bit code, where the row allows. */
    private static final int COMPATIBILITY_SHARE = 4;
    private static final int REPORTS_PER_ROW = 2;
    private static final long IMAGE_SEED = 0x1234_5678_9abc_def0L;

    private final InstructionTable table;
    private final HostCpu host;
    private final HostModel model;
    private final Arena arena;
    private final GuestSide guest;
    private final Random64 random = new Random64(0);
    private final CaseGenerator generator;
    private final UndefinedResults undefined;
    private final Difference difference;
    private final Decoder decoder;
    private final byte[] image = new byte[Arena.DATA];
    private final List<RowProfile> rows = new ArrayList<>();
    private final Map<String, String> excluded = new TreeMap<>();
    private final TestCase current = new TestCase();
    private final MachineState hostEnd = new MachineState();
    private final MachineState guestEnd = new MachineState();

    /**
     * Opens the host CPU and builds the interpreter's side.
     *
     * @param table the instructions
     * @throws org.xenolith.cpu.jit.host.HostException if this host cannot run code in process
     */
    public Oracle(InstructionTable table) {
        this.table = table;
        this.host = HostCpu.open();
        HostFeatures features = host.features();
        this.model = new HostModel(features);
        this.arena = new Arena(host.dataBase(), host.codeBase());
        this.guest = new GuestSide(arena, table, model, features.fsGsBase(), features.avx(), Interpreter::new);
        this.generator = new CaseGenerator(random, arena, features.fsGsBase());
        this.undefined = new UndefinedResults(arena);
        this.difference = new Difference(features.avx());
        this.decoder = new Decoder(table, model);
        Random64 fill = new Random64(IMAGE_SEED);
        for (int i = 0; i < image.length; i += 8) {
            byte[] word = SpecialValues.words(fill.lane());
            System.arraycopy(word, 0, image, i, 8);
        }
        RawMemory.copyIn(image, 0, arena.dataBase(), image.length);
        RawMemory.copyIn(image, 0, guest.data(), image.length);
        host.protect();
        for (InsnDef def : table.rows()) {
            RowProfile row = new RowProfile(def);
            String reason = row.excluded(host.compatibility());
            if (reason == null) {
                reason = missing(def);
            }
            if (reason == null) {
                rows.add(row);
            } else {
                excluded.put(def.toString(), reason);
            }
        }
    }

    private String missing(InsnDef def) {
        for (Feature feature : def.features()) {
            if (!model.has(feature)) {
                return "host lacks " + feature;
            }
        }
        return null;
    }

    /** As {@link #run(long, long, Consumer, LongConsumer)}, with nobody who hears of the progress. */
    public OracleResult run(long seed, long cases, Consumer<String> log) {
        return run(seed, cases, log, done -> {});
    }

    /**
     * Runs cases.
     *
     * @param seed     any number
     * @param cases    how many; case i exercises row i modulo the number of rows
     * @param log      gets the report of mismatches, line by line
     * @param progress hears now and then how many cases are done
     * @return what was found
     */
    public OracleResult run(long seed, long cases, Consumer<String> log, LongConsumer progress) {
        long[] executed = new long[rows.size()];
        long[] completed = new long[rows.size()];
        int[] mismatches = new int[rows.size()];
        long total = 0;
        for (long i = 0; i < cases; i++) {
            if ((i & 0xfff) == 0) {
                progress.accept(i);
            }
            int index = (int) (i % rows.size());
            RowProfile row = rows.get(index);
            random.reseed(Random64.caseSeed(seed, i));
            boolean made = false;
            boolean compat = row.def.invalidIn64()
                    || host.compatibility() && row.runsIn32() && random.oneIn(COMPATIBILITY_SHARE);
            for (int t = 0; t < TRIES && !made; t++) {
                made = generator.generate(row, compat, current);
            }
            if (!made) {
                continue;
            }
            total++;
            boolean same = compare(current);
            executed[index]++;
            if (hostEnd.vector < 0) {
                completed[index]++;
            }
            if (!same && mismatches[index]++ < REPORTS_PER_ROW) {
                report(row, seed, i, log);
            }
        }
        return result(seed, total, executed, completed, mismatches);
    }

    private OracleResult result(long seed, long total, long[] executed, long[] completed, int[] mismatches) {
        int covered = 0;
        long different = 0;
        Map<String, String> uncovered = new TreeMap<>();
        Map<String, Long> failing = new TreeMap<>();
        for (int i = 0; i < executed.length; i++) {
            different += mismatches[i];
            if (executed[i] == 0) {
                uncovered.put(rows.get(i).def.toString(), "no case could be made");
            } else if (completed[i] == 0 && !rows.get(i).alwaysFaults()) {
                uncovered.put(rows.get(i).def.toString(), "every one of " + executed[i] + " cases faulted");
            } else {
                covered++;
            }
            if (mismatches[i] > 0) {
                failing.merge(rows.get(i).def.toString(), (long) mismatches[i], Long::sum);
            }
        }
        return new OracleResult(total, rows.size(), covered, different, seed, model.name(), uncovered, excluded,
                failing);
    }

    /** Runs one case on both sides; true if they agree. Leaves the end states for reports. */
    private boolean compare(TestCase c) {
        for (int i = 0; i < c.patches; i++) {
            RawMemory.copyIn(c.patch[i], 0, arena.dataBase() + c.patchOffset[i], c.patch[i].length);
            RawMemory.copyIn(c.patch[i], 0, guest.data() + c.patchOffset[i], c.patch[i].length);
        }
        c.input.storeTo(host.in());
        int vector = host.run(c.codeOffset, c.code(), c.branch, c.compat);
        hostEnd.loadFrom(host.out());
        hostEnd.vector = vector;
        hostEnd.errorCode = host.errorCode();
        hostEnd.faultAddress = host.faultAddress();
        guest.run(c, guestEnd);
        difference.reset(c.compat);
        boolean differ = difference.differ(hostEnd, guestEnd)
                || RawMemory.mismatch(arena.dataBase(), guest.data(), Arena.WRITABLE) >= 0;
        if (differ) {
            Insn insn = decoder.decode(c.bytes, 0, c.bytes.length, c.compat ? 32 : 64, guest.cpu());
            undefined.apply(insn, c, hostEnd, guestEnd, difference);
            differ = difference.differ(hostEnd, guestEnd) || memoryDiffers();
        }
        if (differ) {
            describe(c);
        }
        RawMemory.copyIn(image, 0, arena.dataBase(), Arena.WRITABLE);
        RawMemory.copyIn(image, 0, guest.data(), Arena.DATA);
        return !differ;
    }

    private final List<String> lines = new ArrayList<>();

    private boolean memoryDiffers() {
        for (long at = 0; at < Arena.WRITABLE; at++) {
            long next = RawMemory.mismatch(arena.dataBase() + at, guest.data() + at, Arena.WRITABLE - at);
            if (next < 0) {
                return false;
            }
            at += next;
            if (!difference.skipped(at)) {
                return true;
            }
        }
        return false;
    }

    private void describe(TestCase c) {
        lines.clear();
        difference.describe(hostEnd, guestEnd, lines);
        int shown = 0;
        for (long at = 0; at < Arena.WRITABLE && shown < 8; at++) {
            int a = RawMemory.get8(arena.dataBase() + at);
            int b = RawMemory.get8(guest.data() + at);
            if (a != b && !difference.skipped(at)) {
                lines.add("[" + Long.toHexString(arena.dataBase() + at) + "]: host " + Integer.toHexString(a)
                        + ", interpreter " + Integer.toHexString(b));
                shown++;
            }
        }
    }

    private void report(RowProfile row, long seed, long index, Consumer<String> log) {
        TestCase small = new Shrinker(this::compare).shrink(current);
        compare(small);
        List<String> differences = List.copyOf(lines);
        log.accept("mismatch: seed " + seed + ", case " + index + ", row " + row.def);
        for (String line : CaseText.describe(small, decoder, guest.cpu())) {
            log.accept("  " + line);
        }
        for (String line : differences) {
            log.accept("  " + line);
        }
    }

    @Override
    public void close() {
        guest.close();
        host.close();
    }
}

package org.xenolith.devices.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.xenolith.devices.Device;
import org.xenolith.devices.testing.FuzzStep.Kind;

/**
 * Random programs for devices. Whatever a program does, no access may raise an exception, touch memory outside the
 * guest's, or do unbounded
 * work. A failure names the seed and prints the smallest program found that still fails.
 *
 * <pre>
 * new DeviceFuzz(board -> new Pit(board, board.irq("irq0"))).ports(0x40, 4).run(1, 100, 200);
 * </pre>
 */
public final class DeviceFuzz {
    /** Makes steps that belong together, such as a whole command; mixed with single random steps. */
    @FunctionalInterface
    public interface Generator {
        void generate(SplittableRandom random, List<FuzzStep> into);
    }

    private static final long[] SIMPLE = {0, 1, 2, 4, 0x7f, 0x80, 0xff, 0x100, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff,
        0x10000, TestBoard.HOLE - 1, TestBoard.HOLE, TestBoard.RAM_BYTES - 1, 0x7fff_ffffL, 0x8000_0000L, 0xffff_f000L,
        0xffff_ffffL, -1};
    private static final int[] SIZES = {1, 1, 1, 2, 4};
    private static final int[] MMIO_SIZES = {1, 2, 4, 4, 8};
    private static final int MAX_SHRINK_RUNS = 3000;

    private final Function<TestBoard, Device> factory;
    private final List<Generator> singles = new ArrayList<>();
    private final List<Generator> guided = new ArrayList<>();
    private final List<Integer> functions = new ArrayList<>();

    /** @param factory plugs the device into a new board; what it returns is reset by programs */
    public DeviceFuzz(Function<TestBoard, Device> factory) {
        this.factory = factory;
        singles.add((r, into) -> into.add(new FuzzStep(Kind.ADVANCE, 0, 0, 1L << r.nextInt(34))));
        poke(0, 0x10000);
    }

    /** Programs access these ports. */
    public DeviceFuzz ports(int first, int count) {
        singles.add((r, into) -> {
            int size = SIZES[r.nextInt(SIZES.length)];
            int port = first + r.nextInt(count);
            into.add(r.nextInt(3) == 0
                    ? new FuzzStep(Kind.IN, port, size, 0)
                    : new FuzzStep(Kind.OUT, port, size, value(r)));
        });
        return this;
    }

    /** Programs access this memory-mapped range. */
    public DeviceFuzz mmio(long first, long bytes) {
        singles.add((r, into) -> {
            int size = MMIO_SIZES[r.nextInt(MMIO_SIZES.length)];
            long at = r.nextInt(8) == 0 ? first + r.nextLong(bytes) : first + (r.nextLong(bytes) & -size);
            into.add(r.nextInt(3) == 0
                    ? new FuzzStep(Kind.READ, at, size, 0)
                    : new FuzzStep(Kind.WRITE, at, size, value(r)));
        });
        return this;
    }

    /**
     * Programs access the configuration space of a PCI function and what its BARs map; the BARs are set before each
     * program and after resets.
     */
    public DeviceFuzz pci(int devfn) {
        functions.add(devfn);
        singles.add((r, into) -> {
            int size = SIZES[r.nextInt(SIZES.length)];
            int at = r.nextInt(3) == 0 ? r.nextInt(0x40) : r.nextInt(256);
            at &= -size;
            // half of the writes that would turn the device off or move it away are left out
            boolean read = r.nextInt(3) == 0 || at < 0x30 && r.nextBoolean();
            into.add(new FuzzStep(read ? Kind.CONFIG_READ : Kind.CONFIG_WRITE, devfn << 8 | at, size, value(r)));
        });
        Generator bar = (r, into) -> {
            int size = MMIO_SIZES[r.nextInt(MMIO_SIZES.length)];
            long offset = r.nextInt(4) == 0 ? r.nextInt(1 << 20) : r.nextInt(0x100);
            long at = (long) devfn << 32 | (long) r.nextInt(6) << 28 | offset & -size;
            into.add(new FuzzStep(r.nextInt(3) == 0 ? Kind.BAR_READ : Kind.BAR_WRITE, at, size, value(r)));
        };
        singles.add(bar);
        singles.add(bar);
        return this;
    }

    /** Programs write to guest memory here: descriptors. */
    public DeviceFuzz poke(long gpa, int bytes) {
        singles.add((r, into) -> {
            int n = 1 + r.nextInt(4);
            long at = gpa + (r.nextInt(bytes - 32) & ~7);
            for (int i = 0; i < n; i++) {
                into.add(new FuzzStep(Kind.POKE, at + 8 * i, 8, r.nextBoolean() ? r.nextInt(1 << 20) : value(r)));
            }
        });
        return this;
    }

    /** Programs contain what this makes, too. */
    public DeviceFuzz guided(Generator g) {
        guided.add(g);
        return this;
    }

    private static long value(SplittableRandom r) {
        return switch (r.nextInt(4)) {
            case 0 -> SIMPLE[r.nextInt(SIMPLE.length)];
            case 1 -> 1L << r.nextInt(32);
            case 2 -> r.nextInt(0x10000);
            default -> r.nextLong();
        };
    }

    /**
     * Runs programs.
     *
     * @param seed of the first program; each next one has the next seed
     * @param steps of each program, about
     */
    public void run(long seed, int programs, int steps) {
        for (long s = seed; s < seed + programs; s++) {
            List<FuzzStep> program = program(s, steps);
            Throwable failure = failure(program);
            if (failure != null) {
                List<FuzzStep> small = shrink(program, failure);
                StringBuilder text = new StringBuilder("seed " + s + " fails; the shrunk program:");
                small.forEach(step -> text.append("\n  ").append(step));
                Throwable cause = failure(small);
                throw new AssertionError(text.toString(), cause == null ? failure : cause);
            }
        }
    }

    private List<FuzzStep> program(long seed, int steps) {
        SplittableRandom r = new SplittableRandom(seed);
        List<FuzzStep> program = new ArrayList<>();
        while (program.size() < steps) {
            if (r.nextInt(500) == 0) {
                program.add(new FuzzStep(Kind.RESET, 0, 0, 0));
            } else if (!guided.isEmpty() && r.nextBoolean()) {
                guided.get(r.nextInt(guided.size())).generate(r, program);
            } else {
                singles.get(r.nextInt(singles.size())).generate(r, program);
            }
        }
        return program;
    }

    /** What went wrong, or null. */
    private Throwable failure(List<FuzzStep> program) {
        try (TestBoard board = new TestBoard()) {
            FuzzRun run = new FuzzRun(board, factory.apply(board), functions);
            for (FuzzStep step : program) {
                run.step(step);
            }
            run.end();
            return null;
        } catch (RuntimeException | AssertionError | StackOverflowError | OutOfMemoryError e) {
            return e;
        }
    }

    private List<FuzzStep> shrink(List<FuzzStep> program, Throwable failure) {
        List<FuzzStep> best = new ArrayList<>(program);
        int runs = 0;
        for (int chunk = best.size() / 2; chunk > 0 && runs < MAX_SHRINK_RUNS; chunk /= 2) {
            for (int at = 0; at < best.size() && runs < MAX_SHRINK_RUNS;) {
                List<FuzzStep> less = new ArrayList<>(best);
                less.subList(at, Math.min(at + chunk, less.size())).clear();
                runs++;
                Throwable t = failure(less);
                if (t != null && t.getClass() == failure.getClass()) {
                    best = less;
                } else {
                    at += chunk;
                }
            }
        }
        return best;
    }
}

package org.xenolith.devices.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.devices.Board;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/**
 * A board without a CPU: RAM from gpa 0 with the PC's hole from A0000h to BFFFFh, a clock that a test advances, and
 * interrupt lines that are
 * recorded.
 */
public final class TestBoard implements AutoCloseable {
    /** Bytes of RAM, the hole included. */
    public static final int RAM_BYTES = 1 << 20;
    /** First address of the hole. */
    public static final int HOLE = 0xa0000;
    /** First address behind the hole. */
    public static final int HOLE_END = 0xc0000;

    /** Host frames: 16 of guard, RAM, 16 of guard, device memory with a guard frame after each block. */
    private static final int GUARD = 16;
    private static final int WINDOW_FRAMES = 1 << 16;
    private static final int GUARD_BYTE = 0xe5;
    private static final int MAX_EXPIRIES = 100_000;
    /** A timer of a device may go off so often for good: the PC's fastest go off every few microseconds. */
    private static final long SHORTEST_PERIOD_NS = 3000;
    private static final int MAX_LOG = 100_000;

    private final PhysicalMemory machine = new PhysicalMemory(
            (long) (2 * GUARD + (RAM_BYTES >> 12) + WINDOW_FRAMES) << 12);
    private final TestMemory memory = new TestMemory(machine, GUARD, RAM_BYTES >> 12);
    private final List<Long> guards = new ArrayList<>();
    private final Timers timers = new Timers();
    private final Map<String, Boolean> levels = new TreeMap<>();
    private final List<String> interrupts = new ArrayList<>();
    private final List<String> unclaimed = new ArrayList<>();
    private final Map<String, Integer> unimplemented = new TreeMap<>();
    private long now;
    private final Board board;

    public TestBoard() {
        for (int i = 0; i < GUARD; i++) {
            guard(i);
            guard(GUARD + (RAM_BYTES >> 12) + i);
        }
        TestWindows windows = new TestWindows(machine, memory, 2 * GUARD + (RAM_BYTES >> 12), this::guard);
        board = new Board(new PortBus(this::unclaimed), new MmioBus(this::unclaimed), memory, windows, timers,
                () -> now, name -> unimplemented.merge(name, 1, Integer::sum));
    }

    private void guard(long mfn) {
        RawMemory.fill(machine.hostPage(mfn), 4096, GUARD_BYTE);
        guards.add(mfn);
    }

    private void unclaimed(String what) {
        if (unclaimed.size() < MAX_LOG) {
            unclaimed.add(what);
        }
    }

    public Board board() {
        return board;
    }

    public TestMemory memory() {
        return memory;
    }

    // ---- time ----

    public long now() {
        return now;
    }

    /** Lets virtual nanoseconds pass; timers go off in order, each at its time. */
    public void advance(long ns) {
        long end = now + ns;
        int expiries = 0;
        while (timers.next() <= end) {
            if (++expiries > MAX_EXPIRIES + ns / SHORTEST_PERIOD_NS) {
                throw new AssertionError("a timer goes off without end at " + now + " ns");
            }
            now = Math.max(now, timers.next());
            timers.expire(now);
        }
        now = end;
    }

    /** Lets time pass to the next deadline; false when no timer is armed. */
    public boolean advanceToNext() {
        if (timers.next() == Timers.NEVER) {
            return false;
        }
        advance(Math.max(0, timers.next() - now));
        return true;
    }

    // ---- interrupts ----

    /** A line that is recorded under a name. */
    public IrqLine irq(String name) {
        levels.putIfAbsent(name, false);
        return level -> {
            if (levels.put(name, level) != level && interrupts.size() < MAX_LOG) {
                interrupts.add(name + (level ? "+" : "-"));
            }
        };
    }

    public boolean asserted(String name) {
        return levels.get(name);
    }

    /** What lines did since the last call: {@code NAME+} and {@code NAME-}. */
    public List<String> interrupts() {
        List<String> l = List.copyOf(interrupts);
        interrupts.clear();
        return l;
    }

    // ---- accesses ----

    public long in(int port, int size) {
        return board.ports().in(port, size);
    }

    public void out(int port, int size, long value) {
        board.ports().out(port, size, value);
    }

    /** Reads PCI configuration space by mechanism 1, of a doubleword or less that does not cross one. */
    public long readConfig(int devfn, int offset, int size) {
        out(0xcf8, 4, 0x8000_0000L | devfn << 8 | offset & 0xfc);
        return in(0xcfc + (offset & 3), size);
    }

    /** Writes PCI configuration space by mechanism 1. */
    public void writeConfig(int devfn, int offset, int size, long value) {
        out(0xcf8, 4, 0x8000_0000L | devfn << 8 | offset & 0xfc);
        out(0xcfc + (offset & 3), size, value);
    }

    // ---- what happened ----

    /** Accesses that nobody answered, since the last call. */
    public List<String> unclaimed() {
        List<String> l = List.copyOf(unclaimed);
        unclaimed.clear();
        return l;
    }

    /** What devices reported as not built, with how often. */
    public Map<String, Integer> unimplemented() {
        return unimplemented;
    }

    /** Fails when a device wrote over the end of RAM or of a block. */
    public void checkGuards() {
        for (long mfn : guards) {
            long page = machine.hostPage(mfn);
            for (int i = 0; i < 4096; i += 8) {
                if (RawMemory.get64(page + i) != 0xe5e5_e5e5_e5e5_e5e5L) {
                    throw new AssertionError("a device wrote outside guest memory, host frame " + mfn + " + " + i);
                }
            }
        }
    }

    @Override
    public void close() {
        machine.close();
    }
}

package org.xenolith.devices.testing;

import java.util.List;
import org.xenolith.devices.Device;
import org.xenolith.memory.GuestMemory;

/** Runs the steps of one program on one board, and checks after each that the device did only what it may. */
final class FuzzRun {
    /**
     * Calls into guest memory that one access may make: a device that needs more is not bounded by what a guest gives
     * it.
     */
    private static final long MAX_CALLS = 300_000;
    private static final int GUARD_PERIOD = 64;
    private static final int BARS = 6;

    private final TestBoard board;
    private final Device device;
    private final List<Integer> functions;
    private int steps;

    FuzzRun(TestBoard board, Device device, List<Integer> functions) {
        this.board = board;
        this.device = device;
        this.functions = functions;
        device.reset();
        setUp();
    }

    /** Gives each function's BARs places, as firmware does. */
    private void setUp() {
        long memory = 0xe000_0000L;
        int io = 0xc000;
        for (int devfn : functions) {
            for (int n = 0; n < BARS; n++) {
                int register = 0x10 + 4 * n;
                board.writeConfig(devfn, register, 4, 0xffff_ffffL);
                long mask = board.readConfig(devfn, register, 4);
                if ((mask & 1) != 0) {
                    board.writeConfig(devfn, register, 4, io);
                    io += 0x100;
                } else if (mask != 0) {
                    long size = -(mask & 0xffff_fff0L) & 0xffff_ffffL;
                    memory = memory + size - 1 & -size;
                    board.writeConfig(devfn, register, 4, memory);
                    memory += size;
                }
            }
            board.writeConfig(devfn, 4, 2, 7);
        }
    }

    void step(FuzzStep s) {
        long before = board.memory().calls();
        switch (s.kind()) {
            case IN -> board.in((int) s.at(), s.size());
            case OUT -> board.out((int) s.at(), s.size(), s.value());
            case READ -> board.board().mmio().read(s.at(), s.size());
            case WRITE -> board.board().mmio().write(s.at(), s.size(), s.value());
            case CONFIG_READ -> board.readConfig((int) s.at() >>> 8, (int) s.at() & 0xff, s.size());
            case CONFIG_WRITE -> board.writeConfig((int) s.at() >>> 8, (int) s.at() & 0xff, s.size(), s.value());
            case BAR_READ, BAR_WRITE -> bar(s);
            case POKE -> poke(s);
            case ADVANCE -> board.advance(s.value());
            case RESET -> {
                device.reset();
                setUp();
            }
        }
        if (board.memory().calls() - before > MAX_CALLS) {
            throw new AssertionError("one step makes " + (board.memory().calls() - before) + " accesses to memory");
        }
        if (++steps % GUARD_PERIOD == 0) {
            board.checkGuards();
        }
    }

    private void bar(FuzzStep s) {
        int devfn = (int) (s.at() >>> 32);
        long base = board.readConfig(devfn, 0x10 + 4 * (int) (s.at() >>> 28 & 0xf), 4);
        long offset = s.at() & 0xfff_ffff;
        boolean write = s.kind() == FuzzStep.Kind.BAR_WRITE;
        if ((base & 1) != 0) {
            int port = (int) (base & 0xfffc) + ((int) offset & 0xff) & 0xffff;
            int size = Math.min(s.size(), 4);
            if (write) {
                board.out(port, size, s.value());
            } else {
                board.in(port, size);
            }
        } else if (base != 0) {
            long gpa = (base & 0xffff_fff0L) + offset;
            if (write) {
                board.board().mmio().write(gpa, s.size(), s.value());
            } else {
                board.board().mmio().read(gpa, s.size());
            }
        }
    }

    private void poke(FuzzStep s) {
        GuestMemory memory = board.memory();
        byte[] bytes = new byte[s.size()];
        for (int i = 0; i < s.size(); i++) {
            bytes[i] = (byte) (s.value() >>> 8 * i);
        }
        memory.tryWrite(s.at(), bytes, 0, s.size());
    }

    /** Lets what is under way come to its end. */
    void end() {
        board.advance(20_000_000_000L);
        board.checkGuards();
    }
}

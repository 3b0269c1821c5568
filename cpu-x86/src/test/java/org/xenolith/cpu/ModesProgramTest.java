package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A small guest program (src/test/asm/modes.S) that goes from real mode through protected and virtual-8086 mode to 64-bit ring 3, makes a
 * system call, takes faults there and halts; each stage leaves a word in a log.
 */
final class ModesProgramTest {
    private static final int LOG = 0x6000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private long log(int slot) {
        return m.read64(LOG + 8L * slot);
    }

    @Test
    void program_visits_every_mode_and_returns() throws IOException {
        try (InputStream in = ModesProgramTest.class.getResourceAsStream("modes.hex")) {
            m.code(0x7c00, new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", ""));
        }
        m.real();
        c.setSegment(CpuState.CS, 0, 0, 0xffff, 0x93);
        c.setRip(0x7c00);
        for (int i = 0; i < 3000 && c.activity() == Cpu.Activity.RUNNING; i++) {
            m.interpreter.run(1);
        }
        assertEquals(Cpu.Activity.HALTED, c.activity(), () -> "stopped at " + Long.toHexString(c.rip()));
        assertEquals(0x2121, log(0), "real-mode interrupt");
        assertEquals(0x1234_5678, log(1), "32-bit operands in real mode");
        assertEquals(1, log(2), "INT3 in protected mode");
        assertEquals(0x8686, log(3), "virtual-8086 code");
        assertEquals(1L << 32, log(4), "CLI in virtual-8086 mode is #GP(0)");
        assertEquals(0x1122_3344_5566_7788L, log(6), "64-bit registers");
        assertEquals(0x3b, log(7), "ring 3");
        assertEquals(42, log(8), "SYSCALL and SYSRET");
        assertEquals(1, log(9), "#DE");
        assertEquals(1, log(10), "#UD");
        assertEquals(1, log(11), "#PF");
        assertEquals(6, log(12), "user write to a missing page");
        assertEquals(0x4000_0000L, log(13), "CR2");
        assertEquals(0x68000 - 40, log(14), "interrupt stack 1");
        assertEquals(0x3b, log(15), "CS of the last interrupt");
        assertEquals(0, c.cpl());
        assertEquals(0, m.unimplemented.size(), () -> m.unimplemented.toString());
    }

    /** The same in one go: blocks of many instructions must end where the mode changes. */
    @Test
    void program_runs_the_same_in_long_slices() throws IOException {
        program_visits_every_mode_and_returns();
        byte[] stepped = new byte[128];
        for (int i = 0; i < stepped.length; i++) {
            stepped[i] = (byte) m.read8(LOG + i);
        }
        long retired = c.retired();
        try (TestMachine other = new TestMachine()) {
            try (InputStream in = ModesProgramTest.class.getResourceAsStream("modes.hex")) {
                other.code(0x7c00, new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", ""));
            }
            other.real();
            other.cpu.setSegment(CpuState.CS, 0, 0, 0xffff, 0x93);
            other.cpu.setRip(0x7c00);
            for (int i = 0; i < 3000 && other.cpu.activity() == Cpu.Activity.RUNNING; i++) {
                other.interpreter.run(1_000_000);
            }
            for (int i = 0; i < stepped.length; i++) {
                assertEquals(stepped[i], (byte) other.read8(LOG + i), "log byte " + i);
            }
            assertEquals(retired, other.cpu.retired());
        }
    }
}

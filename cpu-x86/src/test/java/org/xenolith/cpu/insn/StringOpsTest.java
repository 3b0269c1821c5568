package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;

/** REP MOVS and REP STOS do many elements at once and must do what one at a time does. */
class StringOpsTest {
    private static final int NONE = -1;
    private static final int AREA = 0x6_0000;
    private static final int SIZE = 0x5000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    @Test
    void rep_movs_and_stos_in_both_directions_equal_their_elements_one_by_one() {
        Random random = new Random(7);
        for (int n = 0; n < 600; n++) {
            int mode = n % 3;
            String wide = mode == 0 ? "67" : "";
            int base = mode == 0 ? AREA : 0;
            boolean down = random.nextBoolean();
            int bytes = 1 << random.nextInt(2) * 2;
            int count = 1 + random.nextInt(4000 / bytes);
            int from = 0x2000 + random.nextInt(0x400);
            int to = from + random.nextInt(0x20) - 0x10 + (random.nextBoolean() ? random.nextInt(0xc00) - 0x600 : 0);
            boolean stos = random.nextInt(4) == 0;
            switch (mode) {
                case 0 -> m.real();
                case 1 -> m.protected32(0);
                default -> m.long64(0);
            }
            byte[] before = new byte[SIZE];
            random.nextBytes(before);
            for (int k = 0; k < SIZE; k++) {
                m.write8(AREA + k, before[k]);
            }
            c.setSegmentBase(CpuState.DS, base);
            c.setSegmentBase(CpuState.ES, base);
            c.setReg(CpuState.RSI, AREA - base + from);
            c.setReg(CpuState.RDI, AREA - base + to);
            c.setReg(CpuState.RCX, count);
            c.setReg(CpuState.RAX, 0x1234_5678);
            c.setRflags(Flags.FIXED | (down ? Flags.DF : 0));
            int step = down ? -bytes : bytes;
            for (int k = 0; k < count; k++) {
                byte[] element = Arrays.copyOfRange(before, from + k * step, from + k * step + bytes);
                for (int b = 0; b < bytes; b++) {
                    before[to + k * step + b] = stos ? (byte) (0x1234_5678 >> 8 * b) : element[b];
                }
            }
            String operand = bytes == 4 && mode == 0 ? "66" : "";
            String insn = stos ? bytes == 1 ? "aa" : "ab" : bytes == 1 ? "a4" : "a5";
            assertEquals(NONE, run(operand + wide + "f3" + insn, count));
            byte[] after = new byte[SIZE];
            for (int k = 0; k < SIZE; k++) {
                after[k] = (byte) m.read8(AREA + k);
            }
            assertArrayEquals(before, after, "case " + n);
            assertEquals(0, c.reg(CpuState.RCX));
            assertEquals(AREA - base + to + count * step, c.reg(CpuState.RDI));
            assertEquals(AREA - base + from + (stos ? 0 : count * step), c.reg(CpuState.RSI));
        }
    }

    @Test
    void rep_stos_wraps_at_16_bits_and_stops_at_the_segment_limit_with_what_fits_done() {
        m.real();
        c.setSegmentBase(CpuState.ES, AREA);
        c.setReg(CpuState.RAX, 0xa5);
        c.setReg(CpuState.RDI, 0xff00);
        c.setReg(CpuState.RCX, 0x200);
        // STOSB wraps at 64 KiB with 16-bit addresses
        assertEquals(NONE, run("f3aa", 0x200));
        assertEquals(0x100, c.reg(CpuState.RDI));
        assertEquals(0xa5, m.read8(AREA + 0xffff));
        assertEquals(0xa5, m.read8(AREA + 0xff));
        assertEquals(0, m.read8(AREA + 0x100));
        c.setReg(CpuState.RDI, 0xfffe);
        c.setReg(CpuState.RCX, 4);
        // with 32-bit addresses the limit is met after two
        assertEquals(Vector.GP, run("67f3aa", 3));
        assertEquals(2, c.reg(CpuState.RCX));
        assertEquals(0x1_0000, c.reg(CpuState.RDI));
    }

    private int run(String hex, int budget) {
        m.code(c.segmentBase(CpuState.CS) + c.rip(), hex);
        m.interpreter.run(budget);
        return m.vector();
    }
}

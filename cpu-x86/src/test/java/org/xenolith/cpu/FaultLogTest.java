package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE64;
import static org.xenolith.cpu.TestMachine.DATA;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The log of delivered exceptions: order, what is left out, and what double and triple faults leave in it. */
final class FaultLogTest {
    private static final String UD2 = "0F0B";

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    @Test
    void page_fault_that_made_a_double_fault_is_kept_with_its_address() {
        m.long64(0);
        c.setReg(CpuState.RSP, 0x4000_0000L);
        m.idt64(Vector.DF, CODE64, 0x8e, 1);
        m.exec("50");
        List<FaultLog.Entry> log = c.faults().newestFirst();
        assertEquals(List.of(Vector.DF, Vector.PF, Vector.PF), log.stream().map(FaultLog.Entry::vector).toList());
        assertEquals(List.of(true, true, false), log.stream().map(FaultLog.Entry::nested).toList());
        assertEquals(0x3fff_fff8L, log.get(2).address());
        // somewhere in the frame of 6 words that did not fit
        long frame = log.get(1).address();
        assertTrue(frame >= 0x4000_0000L - 48 && frame < 0x4000_0000L, Long.toHexString(frame));
        assertFalse(c.faults().isTripleFault());
    }

    @Test
    void interrupt_is_left_out_and_a_fault_while_delivering_it_starts_a_chain() {
        m.long64(0);
        m.exec(UD2);
        c.setRip(CODE);
        c.setRflags(Flags.IF);
        m.idt64(0x40, DATA, 0x8e, 0);
        m.externalVector = 0x40;
        c.requestAttention();
        assertEquals(Vector.GP, m.exec("90"));
        assertEquals(List.of(new FaultLog.Entry(Vector.GP, DATA | 1, 0, CODE, 0, false),
                new FaultLog.Entry(Vector.UD, 0, 0, CODE, 0, false)), c.faults().newestFirst());
    }

    @Test
    void only_the_last_exceptions_are_kept() {
        m.long64(0);
        for (int k = 0; k < FaultLog.SIZE + 3; k++) {
            c.setRip(CODE + 16 * k);
            m.exec(UD2);
        }
        List<FaultLog.Entry> log = c.faults().newestFirst();
        assertEquals(FaultLog.SIZE, log.size());
        assertEquals(CODE + 16 * (FaultLog.SIZE + 2), log.getFirst().rip());
        assertEquals(CODE + 16 * 3, log.getLast().rip());
    }

    @Test
    void triple_fault_leaves_its_whole_chain() {
        m.long64(0);
        c.setField(CpuState.IDTR_LIMIT, 0);
        m.exec(UD2);
        assertTrue(c.faults().isTripleFault());
        assertEquals(List.of(Vector.GP, Vector.DF, Vector.GP, Vector.GP, Vector.UD),
                c.faults().newestFirst().stream().map(FaultLog.Entry::vector).toList());
    }
}

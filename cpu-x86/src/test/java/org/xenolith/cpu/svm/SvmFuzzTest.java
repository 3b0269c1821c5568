package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;

/** Whatever is in a VMCB, in nested page tables and in the guest's memory: VMRUN fails as the manual says, or a guest runs until it exits. */
class SvmFuzzTest {
    /** A value that is likely to matter. */
    private static long interesting(Random r) {
        return switch (r.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1L << r.nextInt(64);
            case 3 -> r.nextInt(0x80_0000);
            case 4 -> r.nextInt(0x800) << 12;
            case 5 -> r.nextInt(0x1_0000);
            case 6 -> r.nextInt() & 0xffff_ffffL;
            default -> r.nextLong();
        };
    }

    private static void run(SvmMachine s, Random r) {
        for (int slice = 0; slice < 20 && s.c.guestMode() != null; slice++) {
            if (r.nextInt(4) == 0) {
                s.m.externalVector = 32 + r.nextInt(224);
                s.c.requestAttention();
            }
            if (r.nextInt(8) == 0) {
                s.c.setNmiPending(true);
            }
            s.m.now += 40;
            s.m.timers.expire(s.m.now);
            if (s.m.interpreter.run(1 + r.nextInt(20)) == 0) {
                break;
            }
        }
    }

    @Test
    void random_bytes_in_the_vmcb_never_do_more_than_fail() {
        for (int seed = 0; seed < 200; seed++) {
            Random r = new Random(seed);
            try (SvmMachine s = new SvmMachine()) {
                for (int at = 0; at < 4096; at += 8) {
                    s.v.put(at, interesting(r));
                }
                s.vmrun();
                assertNotNull(s.svm.failure(), "a random VMCB is not valid");
            }
        }
    }

    @Test
    void changed_fields_tables_and_code_never_break_out() {
        int entered = 0;
        int exited = 0;
        for (int seed = 0; seed < 1000; seed++) {
            Random r = new Random(seed);
            try (SvmMachine s = new SvmMachine()) {
                mutate(s, r);
                byte[] code = new byte[64];
                r.nextBytes(code);
                for (int i = 0; i < code.length; i++) {
                    s.m.write8(SvmMachine.GUEST + i, code[i]);
                }
                for (int round = 0; round < 4; round++) {
                    s.c.setReg(CpuState.RAX, SvmMachine.VMCB);
                    s.c.setRip(SvmMachine.HOST);
                    s.m.interpreter.run(1);
                    entered += s.c.guestMode() != null ? 1 : 0;
                    run(s, r);
                    if (s.c.guestMode() != null || s.c.activity() != Cpu.Activity.RUNNING) {
                        break;
                    }
                    exited++;
                    mutate(s, r);
                    s.m.code(SvmMachine.HOST, "0F01D8");
                }
            }
        }
        assertTrue(entered > 300 && exited > 600, entered + " entries, " + exited + " exits");
    }

    private static void mutate(SvmMachine s, Random r) {
        for (int n = r.nextInt(6); n > 0; n--) {
            s.intercept(r.nextInt(0xa3));
        }
        for (int n = r.nextInt(3); n > 0; n--) {
            s.v.put(r.nextBoolean() ? r.nextInt(0x1a) << 3 : 0x400 + (r.nextInt(0x50) << 3), interesting(r));
        }
        if (r.nextInt(3) == 0) {
            s.m.write64(SvmMachine.TABLES + (r.nextInt(0x4000) & ~7), interesting(r));
        }
        if (r.nextInt(4) == 0) {
            s.v.put(Vmcb.EVENT_INJECTION, 1L << 31 | r.nextInt(8) << 8 | r.nextInt(40));
        }
        if (r.nextInt(6) == 0) {
            s.v.put(Vmcb.VIRTUAL_INTERRUPT, r.nextLong());
        }
        if (r.nextInt(10) == 0) {
            s.m.write64(SvmMachine.SAVE + Vmcb.SEGMENTS + r.nextInt(0x260), r.nextLong());
        }
    }
}

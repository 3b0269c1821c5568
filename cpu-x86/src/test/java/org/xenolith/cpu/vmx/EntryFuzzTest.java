package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;

/** Whatever is in a VMCS, in EPT and in the guest's memory: an entry fails as the manual says, or a guest runs until it exits. */
final class EntryFuzzTest {
    private static final List<Integer> CONTROLS = List.of(Field.PIN, Field.PROC, Field.PROC2, Field.EXIT, Field.ENTRY);

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

    private static int field(Random r) {
        while (true) {
            int e = r.nextInt(0x8000) & ~1;
            if (Field.exists(e)) {
                return e;
            }
        }
    }

    private static void run(VmxMachine x, Random r) {
        for (int slice = 0; slice < 20 && x.c.guestMode() != null; slice++) {
            if (r.nextInt(4) == 0) {
                x.m.externalVector = 32 + r.nextInt(224);
            }
            if (r.nextInt(8) == 0) {
                x.c.setNmiPending(true);
            }
            x.m.now += 40;
            x.m.timers.expire(x.m.now);
            if (x.m.interpreter.run(1 + r.nextInt(20)) == 0) {
                break;
            }
        }
    }

    @Test
    void random_bytes_in_the_region_never_do_more_than_fail() {
        for (int seed = 0; seed < 200; seed++) {
            Random r = new Random(seed);
            try (VmxMachine x = new VmxMachine()) {
                for (int at = 16; at < Vmcs.BYTES; at += 8) {
                    x.m.write64(VmxMachine.VMCS + at, interesting(r));
                }
                x.vmx.vmptrld(VmxMachine.VMCS);
                x.vmx.enter(false);
                assertNotNull(x.vmx.failure(), "a random VMCS is not valid");
            }
        }
    }

    @Test
    void changed_fields_tables_and_code_never_break_out() {
        int entered = 0;
        int exited = 0;
        for (int seed = 0; seed < 600; seed++) {
            Random r = new Random(seed);
            try (VmxMachine x = new VmxMachine()) {
                mutate(x, r);
                byte[] code = new byte[64];
                r.nextBytes(code);
                for (int i = 0; i < code.length; i++) {
                    x.m.write8(VmxMachine.GUEST + i, code[i]);
                }
                for (int round = 0; round < 3; round++) {
                    x.vmx.enter(x.v.launched());
                    entered += x.c.guestMode() != null ? 1 : 0;
                    run(x, r);
                    if (x.c.guestMode() != null || x.c.activity() != Cpu.Activity.RUNNING) {
                        break;
                    }
                    exited++;
                    x.vmx.vmwrite(field(r), interesting(r));
                }
            }
        }
        assertTrue(entered > 150 && exited > 300, entered + " entries, " + exited + " exits");
    }

    private static void mutate(VmxMachine x, Random r) {
        for (int field : CONTROLS) {
            if (r.nextInt(3) == 0) {
                long may = switch (CONTROLS.indexOf(field)) {
                    case 0 -> Capabilities.PIN_MAY;
                    case 1 -> Capabilities.PROC_MAY & ~Controls.NMI_WINDOW;
                    case 2 -> Capabilities.PROC2_MAY;
                    case 3 -> Capabilities.EXIT_MAY;
                    default -> Capabilities.ENTRY_MAY;
                };
                x.vmx.vmwrite(field, x.get(field) | 1L << r.nextInt(32) & may);
            }
        }
        int changes = r.nextInt(4);
        for (int i = 0; i < changes; i++) {
            x.vmx.vmwrite(field(r), interesting(r));
        }
        if (r.nextInt(3) == 0) {
            x.m.write64(VmxMachine.EPT + (r.nextInt(0x4000) & ~7), interesting(r));
        }
        if (r.nextInt(4) == 0) {
            x.vmx.vmwrite(Field.ENTRY_EVENT, 1L << 31 | r.nextInt(8) << 8 | r.nextInt(40));
        }
    }
}

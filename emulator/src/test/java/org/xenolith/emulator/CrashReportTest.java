package org.xenolith.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guests that take their interrupt table away and then fault die of a triple fault, and the report says how. */
final class CrashReportTest {
    private static final int ENTRY = 0x100000;
    private static final int CODE_OFFSET = 0x1000;
    private static final int NOTE_OFFSET = 0x800;
    private static final int PHYS32_ENTRY = 18;
    private static final int SIZE = 0x130;

    @TempDir
    Path folder;

    @Test
    void triple_fault_is_told_as_a_chain_of_exceptions() throws Exception {
        // LIDT of a table without entries; UD2
        RunResult result = run(false, new ArrayList<>(), "0f 01 1d 00 01 10 00 0f 0b");
        assertEquals(Outcome.REBOOT, result.outcome());
        String report = result.domains().getFirst().crashReport();
        assertTrue(report.startsWith(
                "triple fault of vCPU 0: #GP while delivering #DF while delivering #GP while delivering #GP while "
                        + "delivering #UD\n"),
                report);
        int df = report.indexOf("#DF at rip 100007");
        int gate = report.indexOf("entry 13 (0xd) of the IDT at 0, which is past its limit 0");
        int first = report.indexOf("entry 6 (0x6) of the IDT at 0, which is past its limit 0");
        int ud = report.indexOf("#UD at rip 100007, cpl 0\n");
        assertTrue(0 < df && df < gate && gate < first && first < ud, report);
    }

    @Test
    void descriptor_that_a_fault_names_is_shown() throws Exception {
        // LGDT, LIDT; MOV AX, 8; MOV DS, AX with a data segment that is not present
        RunResult result = run(false, new ArrayList<>(),
                "0f 01 15 10 01 10 00 0f 01 1d 00 01 10 00 66 b8 08 00 8e d8");
        String report = result.domains().getFirst().crashReport();
        assertTrue(report.contains("#NP at rip 100012, cpl 0\n      entry 1 (0x1) of the GDT at 100120 is now "
                + "00cf12000000ffff: writable data, dpl 0, not present\n"), report);
    }

    @Test
    void page_fault_is_told_with_its_entries() throws Exception {
        // LIDT; page directory at 200000 with a page of 4 MiB for the code; CR4.PSE, CR0.PG; write to c0000000
        RunResult result = run(false, new ArrayList<>(), "0f 01 1d 00 01 10 00"
                + "c7 05 00 00 20 00 83 00 00 00 b8 00 00 20 00 0f 22 d8 b8 10 00 00 00 0f 22 e0"
                + "0f 20 c0 0d 00 00 00 80 0f 22 c0 c7 05 00 00 00 c0 01 00 00 00");
        String report = result.domains().getFirst().crashReport();
        assertTrue(report.contains("#PF at rip 10002c, cpl 0\n      write to c0000000 in supervisor mode: "
                + "the page is not present; entries now: PDE 0 (not present)\n"), report);
    }

    @Test
    void triple_fault_that_restarts_the_guest_is_a_line_and_no_crash() throws Exception {
        List<String> steps = new ArrayList<>();
        RunResult result = run(true, steps, "0f 01 1d 00 01 10 00 0f 0b");
        assertEquals(Outcome.TIMEOUT, result.outcome());
        assertEquals("", result.domains().getFirst().crashReport());
        assertTrue(steps.stream().anyMatch(s -> s.startsWith("triple fault of vCPU 0: #GP while delivering #DF")
                && s.endsWith("; it is started again")), steps.toString());
    }

    private RunResult run(boolean reboot, List<String> steps, String code) throws Exception {
        Path kernel = folder.resolve("triple-fault.elf");
        Files.write(kernel, elf(HexFormat.of().parseHex(code.replace(" ", ""))));
        DomainConfig guest = new DomainConfig("t", GuestType.PVH, kernel, Optional.empty(), "", 16 << 20, 1, reboot);
        MachineConfig config = new MachineConfig(List.of(guest), "x86-64-v2", Tier.AUTO, Pace.MAX, 0,
                MachineConfig.DEFAULT_EPOCH, reboot ? 10L : 1_000_000_000L, Long.MAX_VALUE,
                MachineConfig.DEFAULT_IDLE_TIMEOUT_NS, MachineConfig.DEFAULT_CODE_CACHE,
                Optional.empty(), List.of(), Diagnostics.NONE);
        try (Machine machine = Machine.create(config, d -> new Silent(), new Progress() {
            @Override
            public void step(String domain, String what) {
                steps.add(what);
            }
        })) {
            return machine.run();
        }
    }

    /** A PVH kernel of the code, with an empty IDT's pointer at 100100 and a GDT of one absent segment at 100120. */
    private static byte[] elf(byte[] code) {
        ByteBuffer b = ByteBuffer.allocate(CODE_OFFSET + SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.put(new byte[]{0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
        b.putShort((short) 2).putShort((short) 62).putInt(1).putLong(ENTRY).putLong(64).putLong(0).putInt(0);
        b.putShort((short) 64).putShort((short) 56).putShort((short) 2).putShort((short) 0).putInt(0);
        b.putInt(1).putInt(7).putLong(CODE_OFFSET).putLong(ENTRY).putLong(ENTRY).putLong(SIZE).putLong(SIZE)
                .putLong(4096);
        b.putInt(4).putInt(4).putLong(NOTE_OFFSET).putLong(0).putLong(0).putLong(20).putLong(20).putLong(4);
        b.position(NOTE_OFFSET);
        b.putInt(4).putInt(4).putInt(PHYS32_ENTRY).put(new byte[]{'X', 'e', 'n', 0}).putInt(ENTRY);
        b.position(CODE_OFFSET).put(code);
        b.position(CODE_OFFSET + 0x110).putShort((short) 15).putInt(ENTRY + 0x120);
        b.position(CODE_OFFSET + 0x128).putLong(0x00cf_1200_0000_ffffL);
        return b.array();
    }

    private static final class Silent implements Console {
        @Override
        public boolean output(byte[] bytes, int offset, int length) {
            return true;
        }

        @Override
        public int input(byte[] into, int offset, int length) {
            return 0;
        }

        @Override
        public void await(long millis) {
        }

        @Override
        public void interrupt() {
        }
    }
}

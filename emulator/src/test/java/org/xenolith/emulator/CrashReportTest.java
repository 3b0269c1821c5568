package org.xenolith.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest that takes its interrupt table away and then executes UD2 dies of a triple fault, and the report says how. */
final class CrashReportTest {
    private static final int ENTRY = 0x100000;
    private static final int CODE_OFFSET = 0x1000;
    private static final int NOTE_OFFSET = 0x800;
    private static final int PHYS32_ENTRY = 18;

    @TempDir
    Path folder;

    @Test
    void triple_fault_is_told_as_a_chain_of_exceptions() throws Exception {
        Path kernel = folder.resolve("triple-fault.elf");
        Files.write(kernel, elf());
        DomainConfig guest = new DomainConfig("t", GuestType.PVH, kernel, Optional.empty(), "", 16 << 20, 1, false);
        MachineConfig config = new MachineConfig(List.of(guest), "x86-64-v2", Tier.AUTO, Pace.MAX, 0,
                MachineConfig.DEFAULT_EPOCH,
                1_000_000_000L, Long.MAX_VALUE, MachineConfig.DEFAULT_IDLE_TIMEOUT_NS);
        try (Machine machine = Machine.create(config, d -> new Silent(), new Progress() {
        })) {
            RunResult result = machine.run();
            assertEquals(Outcome.REBOOT, result.outcome());
            String report = result.domains().getFirst().crashReport();
            assertTrue(report.startsWith("triple fault"), report);
            int ud = report.indexOf("#UD at rip 100007");
            int gp = report.indexOf("entry 6 (0x6) of the IDT");
            int df = report.indexOf("#DF at rip 100007");
            assertTrue(0 < df && df < gp && gp < ud, report);
        }
    }

    /** LIDT of a table without entries, then UD2. */
    private static byte[] elf() {
        ByteBuffer b = ByteBuffer.allocate(CODE_OFFSET + 0x106).order(ByteOrder.LITTLE_ENDIAN);
        b.put(new byte[]{0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
        b.putShort((short) 2).putShort((short) 62).putInt(1).putLong(ENTRY).putLong(64).putLong(0).putInt(0);
        b.putShort((short) 64).putShort((short) 56).putShort((short) 2).putShort((short) 0).putInt(0);
        b.putInt(1).putInt(7).putLong(CODE_OFFSET).putLong(ENTRY).putLong(ENTRY).putLong(0x106).putLong(0x106)
                .putLong(4096);
        b.putInt(4).putInt(4).putLong(NOTE_OFFSET).putLong(0).putLong(0).putLong(20).putLong(20).putLong(4);
        b.position(NOTE_OFFSET);
        b.putInt(4).putInt(4).putInt(PHYS32_ENTRY).put(new byte[]{'X', 'e', 'n', 0}).putInt(ENTRY);
        b.position(CODE_OFFSET);
        b.put(new byte[]{0x0f, 0x01, 0x1d}).putInt(ENTRY + 0x100).put(new byte[]{0x0f, 0x0b});
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

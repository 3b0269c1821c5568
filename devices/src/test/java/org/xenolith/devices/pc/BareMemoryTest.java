package org.xenolith.devices.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.devices.RamWindows;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

class BareMemoryTest {
    private static final long RAM = 4L << 20;

    private final PhysicalMemory machine = new PhysicalMemory(RAM + (1 << 20));
    private final BareMemory memory = new BareMemory(machine, RAM);
    private int changes;

    @AfterEach
    void close() {
        machine.close();
    }

    @Test
    void ram_has_the_hole_of_the_video_memory_and_ends() {
        assertEquals(0x9f, memory.mfn(0x9f));
        assertEquals(Stage2.MMIO, memory.mfn(0xa0));
        assertEquals(Stage2.MMIO, memory.mfn(0xbf));
        assertEquals(0xc0, memory.mfn(0xc0));
        assertEquals(Stage2.MMIO, memory.mfn(RAM >>> 12));
        assertEquals(Stage2.MMIO, memory.mfn(1L << 40));
        assertFalse(memory.isRam(0x9ffff, 2));
        assertTrue(memory.isRam(0xc0000, 0x1000));
        assertFalse(memory.isRam(-4096, 4096));
        assertFalse(memory.isRam(Long.MAX_VALUE - 10, 100));
    }

    @Test
    void ram_beyond_the_hole_of_pci_goes_on_at_4_gib() {
        try (PhysicalMemory big = new PhysicalMemory(5L << 30)) {
            BareMemory m = new BareMemory(big, 4L << 30);
            assertEquals(3L << 30, m.lowRam());
            assertEquals(1L << 30, m.highRam());
            assertEquals(0xb_ffff, m.mfn(0xb_ffff));
            assertEquals(Stage2.MMIO, m.mfn(0xc_0000));
            assertEquals(0xc_0000, m.mfn(0x10_0000));
            assertEquals(0xf_ffff, m.mfn(0x13_ffff));
            assertEquals(Stage2.MMIO, m.mfn(0x14_0000));
            m.write64(4L << 30, 42);
            assertEquals(42, RawMemory.get64(big.hostPage(0xc_0000)));
        }
    }

    @Test
    void windows_lie_over_ram_and_give_it_back() {
        memory.setListener(() -> changes++);
        RamWindows.Block rom = memory.allocate(0x2000);
        RawMemory.put64(rom.address() + 0x1000, 0x1234);
        memory.show(0xf0000, rom, 0x1000, 0x1000, false);
        assertEquals(Stage2.READ_ONLY, memory.mfn(0xf0) & Stage2.READ_ONLY);
        byte[] b = new byte[8];
        assertTrue(memory.tryRead(0xf0000, b, 0, 8));
        assertEquals(0x34, b[0]);
        assertFalse(memory.tryWrite(0xf0000, b, 0, 8));
        assertEquals(0, memory.hostPage(0xf0));
        memory.hide(0xf0000, 0x1000);
        assertEquals(Stage2.MMIO, memory.mfn(0xf0));
        memory.restore(0xa0000, 0x60000, true);
        assertEquals(0xf0, memory.mfn(0xf0));
        assertEquals(Stage2.MMIO, memory.mfn(0xa0));
        assertEquals(3, changes);
        assertThrows(IllegalStateException.class, () -> memory.allocate(2 << 20));
    }

    @Test
    void a_closed_a20_gate_folds_odd_megabytes_for_the_cpu_only() {
        memory.setA20(false);
        assertEquals(0x05, memory.mfn(0x105));
        assertEquals(0x205, memory.mfn(0x305));
        memory.write8(0x105000, 7);
        assertEquals(0, memory.read8(0x5000));
        memory.setA20(true);
        assertEquals(0x105, memory.mfn(0x105));
    }
}

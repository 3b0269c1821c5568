package org.xenolith.guests.hvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.pvh.MemoryRange;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.memory.PhysicalMemory;

/** What firmware finds in a new HVM guest's memory. */
final class HvmBootTest {
    private static final UUID HANDLE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final long MIB = 1 << 20;

    private final PhysicalMemory machine = new PhysicalMemory(8 << 20);
    private final Physmap memory = new Physmap(machine, gfn -> false);
    private long next;

    private void populate(HvmLayout layout) {
        layout.ram().forEach(this::populate);
        layout.extra().forEach(this::populate);
    }

    private void populate(MemoryRange r) {
        for (long gfn = r.start() >>> 12; gfn < r.end() >>> 12; gfn++) {
            memory.set(gfn, next++, Physmap.Type.RAM_RW);
        }
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private String text(long gpa, int length) {
        byte[] b = new byte[length];
        memory.read(gpa, b, 0, length);
        return new String(b, StandardCharsets.ISO_8859_1);
    }

    private int sum(long gpa, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += memory.read8(gpa + i);
        }
        return sum & 0xff;
    }

    @Test
    void seabios_finds_itself_its_tables_and_the_memory_map() throws ImageException {
        HvmLayout layout = HvmLayout.of(4 * MIB);
        populate(layout);
        byte[] firmware = new byte[1 << 17];
        firmware[firmware.length - 1] = 0x42;
        HvmBoot.load(memory, layout, firmware, "bios.bin", 2, "4.17.7", HANDLE);
        assertEquals(0x42, memory.read8(0xfffff));
        assertEquals("XenHVMSeaBIOS\0", text(0x1000, 14));
        assertEquals(0, sum(0x1000, memory.read8(0x100e)));
        long tables = memory.read32(0x1010);
        assertEquals(2, memory.read32(0x1014));
        long rsdp = memory.read32(tables) & 0xffff_ffffL;
        assertEquals("RSD PTR ", text(rsdp, 8));
        assertEquals(0, sum(rsdp, 20));
        assertEquals("XSDT", text(memory.read64(rsdp + 24), 4));
        long smbios = memory.read32(tables + 4) & 0xffff_ffffL;
        assertEquals("_SM_", text(smbios, 4));
        assertEquals(0, sum(smbios, 0x1f));
        assertEquals("_DMI_", text(smbios + 16, 5));
        assertEquals(0, sum(smbios + 16, 15));
        long system = memory.read32(smbios + 24) & 0xffff_ffffL;
        assertEquals(0, memory.read8(system));
        long map = memory.read32(0x1018);
        assertEquals(layout.map().size(), memory.read32(0x101c));
        assertEquals(0, memory.read64(map));
        assertEquals(0x9fc00, memory.read64(map + 8));
        assertEquals(1, memory.read32(map + 16));
    }

    @Test
    void memory_above_the_hole_goes_on_at_4_gib() {
        HvmLayout layout = HvmLayout.of(6L << 30);
        assertEquals(HvmLayout.PCI_START, layout.lowEnd());
        assertEquals((6L << 30) - HvmLayout.PCI_START, layout.high());
        long ram = layout.ram().stream().mapToLong(MemoryRange::size).sum();
        assertEquals((6L << 30) - 0x2_0000, ram);
        List<MemoryRange> map = layout.map();
        for (int i = 1; i < map.size(); i++) {
            assertTrue(map.get(i - 1).end() <= map.get(i).start());
        }
        assertThrows(IllegalArgumentException.class, () -> HvmLayout.of(MIB));
    }

    @Test
    void firmware_that_cannot_be_one_is_refused() {
        HvmLayout layout = HvmLayout.of(4 * MIB);
        for (int size : new int[]{512, 4 << 20}) {
            ImageException e = assertThrows(ImageException.class,
                    () -> HvmBoot.load(memory, layout, new byte[size], "OVMF.fd", 1, "4.17", HANDLE));
            assertTrue(e.getMessage().contains("OVMF.fd") && e.getMessage().contains("64 to 256 KiB"), e.getMessage());
        }
    }
}

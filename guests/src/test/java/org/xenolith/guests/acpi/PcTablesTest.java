package org.xenolith.guests.acpi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PcTablesTest {
    private static final long BASE = 0x0123_4000;

    private final PcTables tables = new PcTables(4, 1, 0xe000_0000L, 0x600);

    private static ByteBuffer little(byte[] b) {
        return ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int sum(byte[] b, int at, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += b[at + i];
        }
        return sum & 0xff;
    }

    private static String signature(byte[] b, int at) {
        return new String(b, at, 4, StandardCharsets.US_ASCII);
    }

    /** Follows the pointers from the RSDP as an operating system does. */
    private static Map<String, Integer> found(byte[] rsdp, byte[] blob, long base) {
        assertEquals("RSD PTR ", new String(rsdp, 0, 8, StandardCharsets.US_ASCII));
        assertEquals(0, sum(rsdp, 0, 20));
        assertEquals(0, sum(rsdp, 0, 36));
        Map<String, Integer> all = new TreeMap<>();
        int rsdt = (int) (little(rsdp).getInt(16) - base);
        int xsdt = (int) (little(rsdp).getLong(24) - base);
        all.put(signature(blob, rsdt), rsdt);
        all.put(signature(blob, xsdt), xsdt);
        for (int at = 36; at < little(blob).getInt(rsdt + 4); at += 4) {
            int table = (int) (little(blob).getInt(rsdt + at) - base);
            assertEquals(table, little(blob).getLong(xsdt + 36 + 2 * (at - 36)) - base);
            all.put(signature(blob, table), table);
        }
        int fadt = all.get("FACP");
        all.put("DSDT", (int) (little(blob).getInt(fadt + 40) - base));
        assertEquals("DSDT", signature(blob, all.get("DSDT")));
        assertEquals("FACS", signature(blob, (int) (little(blob).getInt(fadt + 36) - base)));
        all.forEach((name, at) -> assertEquals(0, sum(blob, at, little(blob).getInt(at + 4)), name));
        return all;
    }

    @Test
    void tables_at_a_place_are_found_from_the_rsdp_with_right_sums() {
        Map<String, Integer> all = found(tables.rsdp(BASE), tables.at(BASE), BASE);
        assertEquals(List.of("APIC", "DSDT", "FACP", "HPET", "RSDT", "XSDT"), List.copyOf(all.keySet()));
    }

    @Test
    void the_madt_lists_processors_the_io_apic_and_level_triggered_interrupts() {
        byte[] b = new PcTables(3, 2, 0xe000_0000L, 0x600).at(BASE);
        int at = found(new PcTables(3, 2, 0xe000_0000L, 0x600).rsdp(BASE), b, BASE).get("APIC");
        Map<Integer, Integer> count = new HashMap<>();
        int end = at + little(b).getInt(at + 4);
        for (int e = at + 44; e < end; e += b[e + 1]) {
            int type = b[e];
            if (type == 0) {
                assertEquals(2 * count.getOrDefault(0, 0), b[e + 3]);
            }
            count.merge(type, 1, Integer::sum);
        }
        assertEquals(Map.of(0, 3, 1, 1, 2, 5, 4, 1), count);
    }

    /** Executes the script as firmware does, with both files at places of its choice. */
    @Test
    void firmware_that_follows_the_script_gets_the_same_tables() {
        Map<String, byte[]> files = Map.of("tables", tables.file(), "rsdp", tables.rsdpFile());
        Map<String, Long> places = Map.of("tables", BASE, "rsdp", 0xf_5678L);
        byte[] script = tables.loaderScript("tables", "rsdp");
        int allocated = 0;
        for (int at = 0; at < script.length; at += 128) {
            ByteBuffer c = little(script);
            String file = name(script, at + 4);
            switch (c.getInt(at)) {
                case 1 -> allocated++;
                case 2 -> {
                    ByteBuffer f = little(files.get(file));
                    int offset = c.getInt(at + 116);
                    long to = places.get(name(script, at + 60));
                    if (script[at + 120] == 8) {
                        f.putLong(offset, f.getLong(offset) + to);
                    } else {
                        f.putInt(offset, (int) (f.getInt(offset) + to));
                    }
                }
                default -> {
                    assertEquals(3, c.getInt(at));
                    byte[] f = files.get(file);
                    int sum = c.getInt(at + 60);
                    f[sum] = (byte) (f[sum] - sum(f, c.getInt(at + 64), c.getInt(at + 68)));
                }
            }
        }
        assertEquals(2, allocated);
        assertArrayEquals(tables.at(BASE), files.get("tables"));
        assertArrayEquals(tables.rsdp(BASE), files.get("rsdp"));
        assertTrue(tables.length() > 2000);
    }

    private static String name(byte[] from, int at) {
        return new String(from, at, 56, StandardCharsets.US_ASCII).trim();
    }
}

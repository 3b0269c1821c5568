package org.xenolith.guests.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.guests.LittleEndian;

/**
 * The tables stand at the addresses that a Debian guest reports on Xen 4.17 (RSDP fc008000, XSDT fc007f50, FACP
 * fc007d60, DSDT fc001040, FACS fc001000, APIC fc007e70 with 0x34 bytes), every checksum is right, and the ACPICA
 * compiler takes the DSDT.
 */
class AcpiTablesTest {
    private static final int TABLES = 0xfc00_1000;

    private static byte[] table(AcpiTables acpi, long gpa) {
        byte[] pages = acpi.tablePages();
        int at = (int) gpa - TABLES;
        return Arrays.copyOfRange(pages, at, at + LittleEndian.i32(pages, at + 4));
    }

    private static String signature(byte[] table) {
        return new String(table, 0, 4, StandardCharsets.US_ASCII);
    }

    private static int sum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return sum & 0xff;
    }

    @Test
    void one_vcpu_gives_the_addresses_of_real_xen() {
        AcpiTables acpi = AcpiTables.build(1, 1);
        assertEquals(0xfc00_8000L, acpi.end());
        assertEquals(0xfc00_7f50L, LittleEndian.i64(acpi.rsdp(), 24));
        byte[] xsdt = table(acpi, 0xfc00_7f50L);
        assertEquals("XSDT", signature(xsdt));
        assertEquals(0xfc00_7d60L, LittleEndian.i64(xsdt, 36));
        assertEquals(0xfc00_7e70L, LittleEndian.i64(xsdt, 44));
        byte[] fadt = table(acpi, 0xfc00_7d60L);
        assertEquals("FACP", signature(fadt));
        assertEquals(5, fadt[8]);
        assertEquals(0xfc00_1040L, LittleEndian.i64(fadt, 140));
        assertEquals(0xfc00_1000L, LittleEndian.i64(fadt, 132));
        assertEquals("DSDT", signature(table(acpi, 0xfc00_1040L)));
        assertEquals("FACS", signature(table(acpi, 0xfc00_1000L)));
        byte[] madt = table(acpi, 0xfc00_7e70L);
        assertEquals("APIC", signature(madt));
        assertEquals(0x34, madt.length);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 8, 9, 32, 128})
    void every_table_is_linked_and_has_a_right_checksum(int vcpus) {
        AcpiTables acpi = AcpiTables.build(vcpus, vcpus);
        byte[] rsdp = acpi.rsdp();
        assertEquals(0, sum(rsdp, 20));
        assertEquals(0, sum(rsdp, 36));
        byte[] xsdt = table(acpi, LittleEndian.i64(rsdp, 24));
        byte[] rsdt = table(acpi, LittleEndian.u32(rsdp, 16));
        byte[] fadt5 = table(acpi, LittleEndian.i64(xsdt, 36));
        byte[] fadt1 = table(acpi, LittleEndian.u32(rsdt, 36));
        byte[] madt = table(acpi, LittleEndian.i64(xsdt, 44));
        byte[] dsdt = table(acpi, LittleEndian.i64(fadt5, 140));
        for (byte[] table : new byte[][]{xsdt, rsdt, fadt5, fadt1, madt, dsdt}) {
            assertEquals(0, sum(table, table.length), signature(table));
        }
        assertEquals(268, fadt5.length);
        assertEquals(116, fadt1.length);
        assertEquals(44 + 8 * vcpus, madt.length);
        for (int i = 0; i < vcpus; i++) {
            assertEquals(i, madt[44 + 8 * i + 2] & 0xff, "ACPI processor id");
            assertEquals(2 * i, madt[44 + 8 * i + 3] & 0xff, "local APIC id");
            assertEquals(1, LittleEndian.i32(madt, 44 + 8 * i + 4), "enabled");
        }
    }

    @Test
    void vcpus_that_are_offline_at_the_start_are_there_but_not_enabled() {
        AcpiTables acpi = AcpiTables.build(4, 2);
        byte[] madt = table(acpi, LittleEndian.i64(table(acpi, LittleEndian.i64(acpi.rsdp(), 24)), 44));
        assertEquals(44 + 8 * 4, madt.length);
        for (int i = 0; i < 4; i++) {
            assertEquals(2 * i, madt[44 + 8 * i + 3] & 0xff, "local APIC id");
            assertEquals(i < 2 ? 1 : 0, LittleEndian.i32(madt, 44 + 8 * i + 4), "enabled");
        }
        assertThrows(IllegalArgumentException.class, () -> AcpiTables.build(4, 5));
        assertThrows(IllegalArgumentException.class, () -> AcpiTables.build(4, 0));
    }

    @Test
    void the_information_page_points_into_the_madt() {
        AcpiTables acpi = AcpiTables.build(4, 4);
        byte[] info = acpi.infoPage();
        assertEquals(4, LittleEndian.u16(info, 2));
        assertEquals(0xfc00_7e79L, LittleEndian.u32(info, 12));
        assertEquals(0xfc00_7e70L + 44, LittleEndian.u32(info, 16));
    }

    @Test
    void vcpu_counts_out_of_range_are_refused() {
        assertThrows(IllegalArgumentException.class, () -> AcpiTables.build(0, 1));
        assertThrows(IllegalArgumentException.class, () -> AcpiTables.build(129, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 128})
    void acpica_disassembles_all_tables_and_recompiles_the_dsdt(int vcpus, @TempDir Path dir) throws Exception {
        assumeTrue(run(dir, "iasl", "-v").contains("Intel"), "needs iasl of Debian's package acpica-tools");
        AcpiTables acpi = AcpiTables.build(vcpus, vcpus);
        byte[] xsdt = table(acpi, LittleEndian.i64(acpi.rsdp(), 24));
        byte[] fadt = table(acpi, LittleEndian.i64(xsdt, 36));
        Files.write(dir.resolve("xsdt.dat"), xsdt);
        Files.write(dir.resolve("fadt.dat"), fadt);
        Files.write(dir.resolve("madt.dat"), table(acpi, LittleEndian.i64(xsdt, 44)));
        Files.write(dir.resolve("dsdt.dat"), table(acpi, LittleEndian.i64(fadt, 140)));
        for (String name : new String[]{"xsdt", "fadt", "madt", "dsdt"}) {
            String said = run(dir, "iasl", "-d", name + ".dat");
            assertFalse(said.matches("(?si).*(error|invalid|incorrect|unknown|warning).*"), said);
            assertTrue(Files.exists(dir.resolve(name + ".dsl")), said);
        }
        String said = run(dir, "iasl", "dsdt.dsl");
        assertTrue(said.contains("0 Errors, 0 Warnings"), said);
        String source = Files.readString(dir.resolve("dsdt.dsl"));
        assertEquals(vcpus, source.split("ACPI0007", -1).length - 1);
    }

    private static String run(Path dir, String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return said;
        } catch (IOException e) {
            return "";
        }
    }
}

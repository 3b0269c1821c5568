package org.xenolith.guests.acpi;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.TableBytes.checksum;
import static org.xenolith.guests.TableBytes.text;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The ACPI tables of a PC with i440FX and PIIX3 (ACPI 6.4, chapter 5): FACS, DSDT, FADT, MADT, HPET, RSDT, XSDT and RSDP, without a place
 * yet: {@link #at} gives them one, {@link #loaderScript} has firmware do it (QEMU: docs/specs/fw_cfg.rst, {@code etc/table-loader}).
 */
public final class PcTables {
    private static final int HEADER = 36;
    private static final int FACS_LENGTH = 64;
    private static final int FADT_LENGTH = 244;
    private static final int RSDP_LENGTH = 36;
    private static final int SCI = 9;
    private static final int GPE0 = 0xafe0;
    private static final int SMI_COMMAND = 0xb2;
    private static final int ACPI_ENABLE = 0xf1;
    private static final int ACPI_DISABLE = 0xf0;
    /** WBINVD, C1, power and sleep button as control methods, reset register. */
    private static final int FADT_FLAGS = 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 10;
    /** Legacy devices and an 8042 are there. */
    private static final int BOOT_ARCHITECTURE = 3;
    private static final long LAPIC = 0xfee0_0000L;
    private static final long IOAPIC = 0xfec0_0000L;
    private static final long HPET = 0xfed0_0000L;
    /** Interrupts that PCI devices share: level-triggered. */
    private static final int[] LEVEL_IRQS = {5, 9, 10, 11};

    private static final int ALLOCATE = 1;
    private static final int ADD_POINTER = 2;
    private static final int ADD_CHECKSUM = 3;
    private static final int COMMAND_LENGTH = 128;
    private static final int NAME_LENGTH = 56;
    private static final int ZONE_HIGH = 1;
    private static final int ZONE_FSEG = 2;

    private record Pointer(int at, int size) {
    }

    private record Checksum(int start, int length, int at) {
    }

    private final byte[] blob;
    private final byte[] rsdp = new byte[RSDP_LENGTH];
    private final List<Pointer> pointers = new ArrayList<>();
    private final List<Checksum> checksums = new ArrayList<>();

    /**
     * Builds the tables.
     *
     * @param cpus processors, 1 to 64; the local APIC id of CPU n is {@code n * apicIdStep}
     * @param pciStart first address that PCI devices may have, at the end of low RAM or above it
     * @param pmBase I/O base of the PIIX4's power management
     */
    public PcTables(int cpus, int apicIdStep, long pciStart, int pmBase) {
        if (cpus < 1 || cpus > 64) {
            throw new IllegalArgumentException("a PC has 1 to 64 CPUs here, not " + cpus);
        }
        byte[] dsdt = PcDsdt.body(cpus, pciStart);
        byte[] madt = madt(cpus, apicIdStep);
        int facsAt = 0;
        int dsdtAt = FACS_LENGTH;
        int fadtAt = align(dsdtAt + HEADER + dsdt.length);
        int madtAt = align(fadtAt + FADT_LENGTH);
        int hpetAt = align(madtAt + HEADER + madt.length);
        int rsdtAt = align(hpetAt + 56);
        int xsdtAt = align(rsdtAt + HEADER + 3 * 4);
        blob = new byte[xsdtAt + HEADER + 3 * 8];
        text(blob, facsAt, "FACS");
        put32(blob, facsAt + 4, FACS_LENGTH);
        blob[facsAt + 32] = 1;
        table(dsdtAt, "DSDT", 2, dsdt);
        table(fadtAt, "FACP", 3, fadt(pmBase));
        pointer(fadtAt + 36, 4, facsAt);
        pointer(fadtAt + 40, 4, dsdtAt);
        pointer(fadtAt + 140, 8, dsdtAt);
        table(madtAt, "APIC", 3, madt);
        table(hpetAt, "HPET", 1, hpet());
        table(rsdtAt, "RSDT", 1, new byte[12]);
        table(xsdtAt, "XSDT", 1, new byte[24]);
        int[] listed = {fadtAt, madtAt, hpetAt};
        for (int i = 0; i < listed.length; i++) {
            pointer(rsdtAt + HEADER + 4 * i, 4, listed[i]);
            pointer(xsdtAt + HEADER + 8 * i, 8, listed[i]);
        }
        text(rsdp, 0, "RSD PTR ");
        text(rsdp, 9, "XENLTH");
        rsdp[15] = 2;
        put32(rsdp, 16, rsdtAt);
        put32(rsdp, 20, RSDP_LENGTH);
        put64(rsdp, 24, xsdtAt);
    }

    private static int align(int at) {
        return at + 15 & -16;
    }

    private void table(int at, String signature, int revision, byte[] body) {
        text(blob, at, signature);
        put32(blob, at + 4, HEADER + body.length);
        blob[at + 8] = (byte) revision;
        text(blob, at + 10, "XENLTH");
        text(blob, at + 16, "PC");
        put32(blob, at + 24, 1);
        text(blob, at + 28, "XNLT");
        put32(blob, at + 32, 1);
        System.arraycopy(body, 0, blob, at + HEADER, body.length);
        checksums.add(new Checksum(at, HEADER + body.length, at + 9));
    }

    /** A field that holds the place of another table: its offset, until it is known where the tables are. */
    private void pointer(int at, int size, int target) {
        put32(blob, at, target);
        pointers.add(new Pointer(at, size));
    }

    private static byte[] fadt(int pm) {
        byte[] f = new byte[FADT_LENGTH];
        put16(f, 46, SCI);
        put32(f, 48, SMI_COMMAND);
        f[52] = (byte) ACPI_ENABLE;
        f[53] = (byte) ACPI_DISABLE;
        put32(f, 56, pm);
        put32(f, 64, pm + 4);
        put32(f, 76, pm + 8);
        put32(f, 80, GPE0);
        f[88] = 4;
        f[89] = 2;
        f[91] = 4;
        f[92] = 4;
        // latencies above 100 and 1000 microseconds: no C2, no C3
        put16(f, 96, 0xfff);
        put16(f, 98, 0xfff);
        f[108] = 0x32; // the CMOS's century
        put16(f, 109, BOOT_ARCHITECTURE);
        put32(f, 112, FADT_FLAGS);
        register(f, 116, 8, 0xcf9);
        f[128] = 6;
        register(f, 148, 32, pm);
        register(f, 172, 16, pm + 4);
        register(f, 208, 32, pm + 8);
        register(f, 220, 32, GPE0);
        return Arrays.copyOfRange(f, HEADER, FADT_LENGTH);
    }

    private static void register(byte[] to, int at, int bits, long port) {
        to[at] = 1;
        to[at + 1] = (byte) bits;
        put64(to, at + 4, port);
    }

    private static byte[] madt(int cpus, int step) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(Aml.little(LAPIC, 4));
        out.writeBytes(Aml.little(1, 4)); // the 8259s are there
        for (int i = 0; i < cpus; i++) {
            out.writeBytes(new byte[]{0, 8, (byte) i, (byte) (i * step), 1, 0, 0, 0});
        }
        out.writeBytes(new byte[]{1, 12, 0, 0});
        out.writeBytes(Aml.little(IOAPIC, 4));
        out.writeBytes(Aml.little(0, 4));
        out.writeBytes(override(0, 2, 0));
        for (int irq : LEVEL_IRQS) {
            out.writeBytes(override(irq, irq, 0xd));
        }
        out.writeBytes(new byte[]{4, 6, (byte) 0xff, 0, 0, 1}); // NMI is on LINT1 of every CPU
        return out.toByteArray();
    }

    private static byte[] override(int irq, int gsi, int flags) {
        return new byte[]{2, 10, 0, (byte) irq, (byte) gsi, 0, 0, 0, (byte) flags, 0};
    }

    private static byte[] hpet() {
        byte[] h = new byte[20];
        put32(h, 0, 0x8086_a201);
        put64(h, 8, HPET);
        return h;
    }

    // ---- results ----

    /** Bytes of the tables, without the RSDP. */
    public int length() {
        return blob.length;
    }

    /**
     * The tables for a place in memory.
     *
     * @param base gpa of their first byte, a multiple of 64 below 4 GiB
     */
    public byte[] at(long base) {
        byte[] b = blob.clone();
        for (Pointer p : pointers) {
            put32(b, p.at(), (int) (u32(b, p.at()) + base));
        }
        for (Checksum c : checksums) {
            b[c.at()] = checksum(b, c.start(), c.length());
        }
        return b;
    }

    /** The RSDP for tables at {@code base}. */
    public byte[] rsdp(long base) {
        byte[] r = rsdp.clone();
        put32(r, 16, (int) (u32(r, 16) + base));
        put64(r, 24, u32(r, 24) + base);
        r[8] = checksum(r, 0, 20);
        r[32] = checksum(r, 0, RSDP_LENGTH);
        return r;
    }

    /** The tables as a file whose pointers are offsets. */
    public byte[] file() {
        return blob.clone();
    }

    /** The RSDP as a file whose pointers are offsets. */
    public byte[] rsdpFile() {
        return rsdp.clone();
    }

    /** Commands for firmware that finds the two files under these names. */
    public byte[] loaderScript(String tables, String rsdpName) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(allocate(rsdpName, 16, ZONE_FSEG));
        out.writeBytes(allocate(tables, 64, ZONE_HIGH));
        for (Pointer p : pointers) {
            out.writeBytes(addPointer(tables, tables, p.at(), p.size()));
        }
        for (Checksum c : checksums) {
            out.writeBytes(addChecksum(tables, c));
        }
        out.writeBytes(addPointer(rsdpName, tables, 16, 4));
        out.writeBytes(addPointer(rsdpName, tables, 24, 8));
        out.writeBytes(addChecksum(rsdpName, new Checksum(0, 20, 8)));
        out.writeBytes(addChecksum(rsdpName, new Checksum(0, RSDP_LENGTH, 32)));
        return out.toByteArray();
    }

    private static byte[] command(int number, String file) {
        byte[] c = new byte[COMMAND_LENGTH];
        put32(c, 0, number);
        text(c, 4, file);
        return c;
    }

    private static byte[] allocate(String file, int align, int zone) {
        byte[] c = command(ALLOCATE, file);
        put32(c, 4 + NAME_LENGTH, align);
        c[8 + NAME_LENGTH] = (byte) zone;
        return c;
    }

    private static byte[] addPointer(String in, String to, int at, int size) {
        byte[] c = command(ADD_POINTER, in);
        text(c, 4 + NAME_LENGTH, to);
        put32(c, 4 + 2 * NAME_LENGTH, at);
        c[8 + 2 * NAME_LENGTH] = (byte) size;
        return c;
    }

    private static byte[] addChecksum(String file, Checksum sum) {
        byte[] c = command(ADD_CHECKSUM, file);
        put32(c, 4 + NAME_LENGTH, sum.at());
        put32(c, 8 + NAME_LENGTH, sum.start());
        put32(c, 12 + NAME_LENGTH, sum.length());
        return c;
    }
}

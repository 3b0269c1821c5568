package org.xenolith.guests.acpi;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.TableBytes.checksum;
import static org.xenolith.guests.TableBytes.text;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * The ACPI tables of a PVH guest (ACPI 5.0, chapter 5), as Xen 4.17's toolstack gives them: FACS, DSDT, FADT 1 and 5,
 * MADT, XSDT, RSDT and RSDP.
 *
 * <p>They lie where Xen puts them, so that a guest's boot log can be compared line by line: an information page at
 * {@link #BASE}, the tables in the pages behind it, and the RSDP in the page after those. The guest has local APICs but
 * neither I/O APIC nor PM timer nor any legacy device.
 */
public final class AcpiTables {
    /** Guest-physical address of the first page (ACPI_INFO_PHYSICAL_ADDRESS in Xen). */
    public static final long BASE = 0xfc00_0000L;

    /** The most vCPUs: the local APIC ids, two apart, must fit in eight bits. */
    public static final int MAX_VCPUS = 128;

    /** Bytes that the RSDP takes. */
    public static final int RSDP_LENGTH = 64;

    private static final HexFormat HEX = HexFormat.of().withUpperCase();
    private static final int PAGE = 4096;
    private static final int HEADER = 36;
    private static final int LAPIC_BASE = 0xfee0_0000;

    /** Size of the DSDT of Xen 4.17 for PVH, with its 128 processors; the tables behind it stand where Xen's do. */
    private static final int XEN_DSDT_LENGTH = 0x6c9b;

    /** Room that Xen keeps in the MADT for 16 interrupt overrides and an I/O APIC, which PVH does not get. */
    private static final int MADT_UNUSED = 16 * 10 + 12;

    private static final int FADT_1_LENGTH = 116;
    private static final int FADT_5_LENGTH = 268;
    private static final int SCI = 9;
    private static final int PM1A_EVENT = 0xb000;
    private static final int PM1A_CONTROL = 0xb004;
    private static final int GPE0 = 0xafe0;

    /** WBINVD, C1, power and sleep button as control methods, RTC wake not fixed, 32-bit timer, platform clock. */
    private static final int FADT_FLAGS = 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 15;

    private static final int NO_VGA = 1 << 2;
    private static final int NO_CMOS_RTC = 1 << 5;

    private final int vcpus;
    private final int online;
    private final byte[] tables = new byte[16 * PAGE];
    private final byte[] info = new byte[PAGE];
    private final byte[] rsdp = new byte[RSDP_LENGTH];
    private final int pages;
    private int next;

    private AcpiTables(int vcpus, int online) {
        this.vcpus = vcpus;
        this.online = online;
        int facs = allocate(64, 64);
        writeFacs(facs);
        byte[] dsdt = table("DSDT", 5, dsdtBody());
        int dsdtAt = allocate(Math.max(dsdt.length, XEN_DSDT_LENGTH), 16);
        System.arraycopy(dsdt, 0, tables, dsdtAt, dsdt.length);
        int fadt1 = place(fadt(1, FADT_1_LENGTH, facs, dsdtAt), 0);
        int fadt5 = place(fadt(5, FADT_5_LENGTH, facs, dsdtAt), 0);
        byte[] madt = table("APIC", 2, madtBody());
        int madtAt = place(madt, MADT_UNUSED);
        byte[] xsdtBody = new byte[16];
        put64(xsdtBody, 0, gpa(fadt5));
        put64(xsdtBody, 8, gpa(madtAt));
        int xsdt = place(table("XSDT", 1, xsdtBody), 0);
        byte[] rsdtBody = new byte[8];
        put32(rsdtBody, 0, (int) gpa(fadt1));
        put32(rsdtBody, 4, (int) gpa(madtAt));
        int rsdt = place(table("RSDT", 1, rsdtBody), 0);
        pages = (next + PAGE - 1) / PAGE;
        writeInfo(madtAt);
        writeRsdp(rsdt, xsdt);
    }

    /**
     * Builds the tables.
     *
     * @param vcpus number of vCPUs, 1 to {@link #MAX_VCPUS}; the local APIC id of vCPU n is 2n
     * @param online how many of them, from the first, are enabled at the start; 1 to {@code vcpus}
     * @return the tables
     */
    public static AcpiTables build(int vcpus, int online) {
        if (vcpus < 1 || vcpus > MAX_VCPUS) {
            throw new IllegalArgumentException("a PVH guest has 1 to " + MAX_VCPUS + " vCPUs, not " + vcpus);
        }
        if (online < 1 || online > vcpus) {
            throw new IllegalArgumentException("1 to " + vcpus + " vCPUs can be online, not " + online);
        }
        return new AcpiTables(vcpus, online);
    }

    /** {@return the page at {@link #BASE}, with what Xen's own AML reads from it} */
    public byte[] infoPage() {
        return info.clone();
    }

    /** {@return the pages behind the information page, with all tables but the RSDP} */
    public byte[] tablePages() {
        return Arrays.copyOf(tables, pages * PAGE);
    }

    /** {@return the RSDP, {@link #RSDP_LENGTH} bytes} */
    public byte[] rsdp() {
        return rsdp.clone();
    }

    /** {@return the guest-physical address behind the table pages, where the RSDP belongs} */
    public long end() {
        return BASE + PAGE + (long) pages * PAGE;
    }

    private static long gpa(int offset) {
        return BASE + PAGE + offset;
    }

    private int allocate(int size, int align) {
        int at = (next + align - 1) / align * align;
        next = at + size;
        return at;
    }

    private int place(byte[] table, int unused) {
        int at = allocate(table.length + unused, 16);
        System.arraycopy(table, 0, tables, at, table.length);
        return at;
    }

    /** A table with the common header (5.2.6); the checksum is over the whole. */
    private static byte[] table(String signature, int revision, byte[] body) {
        byte[] table = new byte[HEADER + body.length];
        text(table, 0, signature);
        put32(table, 4, table.length);
        table[8] = (byte) revision;
        text(table, 10, "Xen");
        text(table, 16, "HVM");
        text(table, 28, "HVML");
        System.arraycopy(body, 0, table, HEADER, body.length);
        table[9] = checksum(table, 0, table.length);
        return table;
    }

    private void writeFacs(int at) {
        text(tables, at, "FACS");
        put32(tables, at + 4, 64);
        tables[at + 32] = 1;
    }

    /** Linux finds a processor by its device's _UID, which the MADT names too. */
    private byte[] dsdtBody() {
        byte[][] devices = new byte[vcpus][];
        for (int i = 0; i < vcpus; i++) {
            devices[i] = Aml.device(
                    "PR" + HEX.toHexDigits((byte) i),
                    Aml.name("_HID", Aml.string("ACPI0007")),
                    Aml.name("_UID", Aml.integer(i)),
                    Aml.name("_STA", Aml.integer(i < online ? 0xf : 0)));
        }
        // The handler of Xen's CPU hotplug event; without it Linux complains about this event as about the others.
        return Aml.concat(Aml.scope("\\_SB_", devices), Aml.scope("\\_GPE", Aml.method("_E02", 0)));
    }

    private byte[] fadt(int revision, int length, int facs, int dsdt) {
        byte[] whole = new byte[FADT_5_LENGTH];
        put32(whole, 36, (int) gpa(facs));
        put32(whole, 40, (int) gpa(dsdt));
        put16(whole, 46, SCI);
        put32(whole, 56, PM1A_EVENT);
        put32(whole, 64, PM1A_CONTROL);
        put32(whole, 80, GPE0);
        whole[88] = 4;
        whole[89] = 2;
        whole[92] = 4;
        // Latencies above 100 and 1000 microseconds: no C2, no C3.
        put16(whole, 96, 0xfff);
        put16(whole, 98, 0xfff);
        put16(whole, 109, NO_VGA | NO_CMOS_RTC);
        put32(whole, 112, FADT_FLAGS);
        genericAddress(whole, 116, 8, 0xcf9);
        whole[128] = 6;
        put64(whole, 132, gpa(facs));
        put64(whole, 140, gpa(dsdt));
        genericAddress(whole, 148, 32, PM1A_EVENT);
        genericAddress(whole, 172, 16, PM1A_CONTROL);
        byte[] body = Arrays.copyOfRange(whole, HEADER, length);
        if (revision == 1) {
            // IAPC_BOOT_ARCH came with revision 3; these bytes are reserved before.
            put16(body, 109 - HEADER, 0);
        }
        return table("FACP", revision, body);
    }

    private static void genericAddress(byte[] out, int at, int bits, long port) {
        out[at] = 1;
        out[at + 1] = (byte) bits;
        put64(out, at + 4, port);
    }

    private byte[] madtBody() {
        byte[] body = new byte[8 + 8 * vcpus];
        put32(body, 0, LAPIC_BASE);
        put32(body, 4, 1);
        for (int i = 0; i < vcpus; i++) {
            int at = 8 + 8 * i;
            body[at] = 0;
            body[at + 1] = 8;
            body[at + 2] = (byte) i;
            body[at + 3] = (byte) lapicId(i);
            put32(body, at + 4, i < online ? 1 : 0);
        }
        return body;
    }

    /**
     * The local APIC id of a vCPU.
     *
     * @param vcpu its number
     * @return twice its number, as Xen has it
     */
    public static int lapicId(int vcpu) {
        return 2 * vcpu;
    }

    /** struct acpi_info of Xen's libacpi. */
    private void writeInfo(int madt) {
        put16(info, 2, vcpus);
        put32(info, 12, (int) gpa(madt + 9));
        put32(info, 16, (int) gpa(madt + HEADER + 8));
    }

    private void writeRsdp(int rsdt, int xsdt) {
        text(rsdp, 0, "RSD PTR ");
        text(rsdp, 9, "Xen");
        rsdp[15] = 2;
        put32(rsdp, 16, (int) gpa(rsdt));
        put32(rsdp, 20, 36);
        put64(rsdp, 24, gpa(xsdt));
        rsdp[8] = checksum(rsdp, 0, 20);
        rsdp[32] = checksum(rsdp, 0, 36);
    }
}

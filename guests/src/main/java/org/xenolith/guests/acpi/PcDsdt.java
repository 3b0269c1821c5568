package org.xenolith.guests.acpi;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** The DSDT of a PC with i440FX and PIIX3: its PCI bus with the routing of interrupts, its ISA devices, processors and sleep states. */
final class PcDsdt {
    /** ISA interrupts of the four PIRQ lines, as SeaBIOS and hvmloader set PIRQRC. */
    private static final int[] PIRQ = {10, 10, 11, 11};
    private static final int DEVICES = 32;
    private static final int PINS = 4;
    private static final long PCI_END = 0xfebf_ffffL;

    private PcDsdt() {
    }

    /**
     * The body of the table.
     *
     * @param cpus processors, 1 to 255
     * @param pciStart first address that PCI devices may have
     */
    static byte[] body(int cpus, long pciStart) {
        List<byte[]> system = new ArrayList<>();
        system.add(pci(pciStart));
        system.add(Aml.device("HPET", Aml.name("_HID", Aml.eisaId("PNP0103")), Aml.name("_UID", Aml.integer(0)),
                Resources.current(Resources.memory(0xfed0_0000L, 0x400, false))));
        for (int i = 0; i < cpus; i++) {
            system.add(Aml.device("CP" + HexFormat.of().withUpperCase().toHexDigits((byte) i),
                    Aml.name("_HID", Aml.string("ACPI0007")), Aml.name("_UID", Aml.integer(i)),
                    Aml.name("_STA", Aml.integer(0xf))));
        }
        byte[] zero = Aml.integer(0);
        return Aml.concat(Aml.scope("\\_SB_", system.toArray(byte[][]::new)),
                Aml.name("\\_S5_", Aml.packageOf(zero, zero, zero, zero)), Aml.scope("\\_GPE"));
    }

    private static byte[] pci(long pciStart) {
        return Aml.device("PCI0", Aml.name("_HID", Aml.eisaId("PNP0A03")), Aml.name("_ADR", Aml.integer(0)),
                Aml.name("_UID", Aml.integer(0)),
                Resources.current(Resources.busNumbers(0, 0xff), Resources.ports(0xcf8, 8),
                        Resources.windowPorts(0, 0xcf7), Resources.windowPorts(0xd00, 0xffff),
                        Resources.windowMemory(0xa_0000, 0xb_ffff, true),
                        Resources.windowMemory(pciStart, PCI_END, false)),
                Aml.name("_PRT", routing()), isa());
    }

    /** Pin p of device d is on PIRQ line (d + p - 1) mod 4, as the PIIX3's boards have it. */
    private static byte[] routing() {
        List<byte[]> entries = new ArrayList<>();
        for (int d = 0; d < DEVICES; d++) {
            for (int p = 0; p < PINS; p++) {
                entries.add(Aml.packageOf(Aml.integer((long) d << 16 | 0xffff), Aml.integer(p), Aml.integer(0),
                        Aml.integer(PIRQ[d + p + 3 & 3])));
            }
        }
        return Aml.packageOf(entries.toArray(byte[][]::new));
    }

    private static byte[] isa() {
        return Aml.device("ISA", Aml.name("_ADR", Aml.integer(1 << 16)),
                isaDevice("RTC", "PNP0B00", Resources.ports(0x70, 2), Resources.irq(8)),
                isaDevice("KBD", "PNP0303", Resources.ports(0x60, 1), Resources.ports(0x64, 1), Resources.irq(1)),
                isaDevice("MOU", "PNP0F13", Resources.irq(12)),
                isaDevice("COM1", "PNP0501", Resources.ports(0x3f8, 8), Resources.irq(4)));
    }

    private static byte[] isaDevice(String name, String id, byte[]... resources) {
        return Aml.device(name, Aml.name("_HID", Aml.eisaId(id)), Aml.name("_STA", Aml.integer(0xf)),
                Resources.current(resources));
    }
}

package org.xenolith.guests.hvm;

import java.util.List;
import java.util.UUID;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.acpi.PcTables;
import org.xenolith.guests.pvh.SpecialPages;
import org.xenolith.memory.GuestMemory;

/** Puts SeaBIOS and the tables that it wants of Xen's hvmloader into a new guest's memory. */
public final class HvmBoot {
    /** Most bytes of firmware: it ends at 1 MiB and begins at C0000h or above. */
    public static final int MAX_FIRMWARE = 0x4_0000;

    private static final long MIB = 0x10_0000;
    /** Where the RSDP waits until firmware copies it. */
    private static final long RSDP = HvmLayout.TABLES;
    private static final long SMBIOS = HvmLayout.TABLES + 0x100;
    private static final long ACPI = HvmLayout.TABLES + 0x1000;
    /** Even APIC ids: vCPUs look like cores without hyperthreads. */
    private static final int APIC_ID_STEP = 2;

    private HvmBoot() {
    }

    /**
     * Loads firmware.
     *
     * @param memory the guest's, populated as {@code layout} says and zero
     * @param firmware what is to end at 1 MiB
     * @param file its name, for messages
     * @param xen version that the guest sees
     * @throws ImageException when this cannot be firmware of that kind
     */
    public static void load(GuestMemory memory, HvmLayout layout, byte[] firmware, String file, int vcpus, String xen,
            UUID uuid) throws ImageException {
        if (firmware.length > MAX_FIRMWARE || firmware.length < 1 << 16) {
            throw new ImageException(file, "has " + firmware.length
                    + " bytes; firmware of an HVM guest ends at 1 MiB and has 64 to 256 KiB, as SeaBIOS has");
        }
        tables(memory, layout, vcpus, xen, uuid);
        memory.write(MIB - firmware.length, firmware, 0, firmware.length);
    }

    /** The ACPI tables of an HVM guest. */
    public static PcTables acpi(int vcpus) {
        return new PcTables(vcpus, APIC_ID_STEP, HvmLayout.PCI_START, PciSetup.PM_BASE);
    }

    /** Everything but the firmware. */
    private static void tables(GuestMemory memory, HvmLayout layout, int vcpus, String xen, UUID uuid) {
        PcTables acpi = acpi(vcpus);
        put(memory, ACPI, acpi.at(ACPI));
        put(memory, RSDP, acpi.rsdp(ACPI));
        put(memory, SMBIOS, Smbios.at(SMBIOS, xen, uuid));
        put(memory, SeabiosInfo.AT, SeabiosInfo.page(List.of(RSDP, SMBIOS), layout.map()));
        put(memory, SpecialPages.IDENT_PT << 12, SpecialPages.identityPageDirectory());
    }

    private static void put(GuestMemory memory, long gpa, byte[] bytes) {
        memory.write(gpa, bytes, 0, bytes.length);
    }
}

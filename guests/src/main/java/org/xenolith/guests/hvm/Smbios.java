package org.xenolith.guests.hvm;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.smbios.SmbiosStructures.structure;

import java.util.Arrays;
import java.util.UUID;
import org.xenolith.guests.smbios.SmbiosStructures;

/** The least that SMBIOS 2.4 asks for (DMTF DSP0134): BIOS, system and enclosure, with the names that hvmloader gives them. */
final class Smbios {
    /** Bytes of the entry point, behind which the structures lie. */
    static final int ENTRY = 32;

    private static final int HEADER = 4;
    private static final int VERSION_MINOR = 4;

    private Smbios() {
    }

    /**
     * Entry point and structures.
     *
     * @param at gpa of the entry point
     * @param xen the version of Xen that the guest sees, {@code 4.17.7}
     */
    static byte[] at(long at, String xen, UUID uuid) {
        SmbiosStructures s = new SmbiosStructures();
        byte[] bios = structure(0, 0x18, 0);
        bios[HEADER] = 1;
        bios[5] = 2;
        put16(bios, 6, 0xe800);
        bios[8] = 3;
        bios[10] = 8; // BIOS characteristics are not supported
        bios[0x13] = 4; // targeted content distribution: none of the legacy BIOS's limits is told
        bios[0x14] = (byte) 0xff;
        bios[0x15] = (byte) 0xff;
        bios[0x16] = (byte) 0xff;
        bios[0x17] = (byte) 0xff;
        s.add(bios, "Xen", xen, "01/01/2026");
        byte[] system = structure(1, 0x1b, 1);
        system[HEADER] = 1;
        system[5] = 2;
        system[6] = 3;
        system[7] = 4;
        for (int i = 0; i < 16; i++) {
            long half = i < 8 ? uuid.getMostSignificantBits() : uuid.getLeastSignificantBits();
            system[8 + uuidPlace(i)] = (byte) (half >>> 56 - 8 * (i & 7));
        }
        system[0x18] = 6; // woken by the power switch
        s.add(system, "Xen", "HVM domU", xen, uuid.toString());
        byte[] enclosure = structure(3, 0x0d, 2);
        enclosure[HEADER] = 1;
        enclosure[5] = 1; // other
        for (int i = 9; i < 13; i++) {
            enclosure[i] = 3; // states are safe; security is not known
        }
        s.add(enclosure, "Xen");
        s.add(structure(127, HEADER, 3));
        byte[] structures = s.bytes();
        byte[] table = Arrays.copyOf(s.entryPoint(VERSION_MINOR, (int) at + ENTRY), ENTRY + structures.length);
        System.arraycopy(structures, 0, table, ENTRY, structures.length);
        return table;
    }

    /** The first three fields of a UUID are little-endian. */
    private static int uuidPlace(int i) {
        return i < 4 ? 3 - i : i < 6 ? 9 - i : i < 8 ? 13 - i : i;
    }
}

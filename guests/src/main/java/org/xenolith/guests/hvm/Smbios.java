package org.xenolith.guests.hvm;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** The least that SMBIOS 2.4 asks for (DMTF DSP0134): BIOS, system and enclosure, with the names that hvmloader gives them. */
final class Smbios {
    /** Bytes of the entry point, behind which the structures lie. */
    static final int ENTRY = 32;

    private static final int HEADER = 4;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int count;
    private int longest;

    private Smbios() {
    }

    /**
     * Entry point and structures.
     *
     * @param at gpa of the entry point
     * @param xen the version of Xen that the guest sees, {@code 4.17.7}
     */
    static byte[] at(long at, String xen, UUID uuid) {
        Smbios s = new Smbios();
        byte[] bios = new byte[0x18];
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
        s.add(0, bios, "Xen", xen, "01/01/2026");
        byte[] system = new byte[0x1b];
        system[HEADER] = 1;
        system[5] = 2;
        system[6] = 3;
        system[7] = 4;
        for (int i = 0; i < 16; i++) {
            long half = i < 8 ? uuid.getMostSignificantBits() : uuid.getLeastSignificantBits();
            system[8 + uuidPlace(i)] = (byte) (half >>> 56 - 8 * (i & 7));
        }
        system[0x18] = 6; // woken by the power switch
        s.add(1, system, "Xen", "HVM domU", xen, uuid.toString());
        byte[] enclosure = new byte[0x0d];
        enclosure[HEADER] = 1;
        enclosure[5] = 1; // other
        for (int i = 9; i < 13; i++) {
            enclosure[i] = 3; // states are safe; security is not known
        }
        s.add(3, enclosure, "Xen");
        s.add(127, new byte[HEADER]);
        return s.table(at);
    }

    /** The first three fields of a UUID are little-endian. */
    private static int uuidPlace(int i) {
        return i < 4 ? 3 - i : i < 6 ? 9 - i : i < 8 ? 13 - i : i;
    }

    private void add(int type, byte[] body, String... texts) {
        body[0] = (byte) type;
        body[1] = (byte) body.length;
        put16(body, 2, count++);
        int before = out.size();
        out.writeBytes(body);
        for (String t : texts) {
            out.writeBytes(t.getBytes(StandardCharsets.US_ASCII));
            out.write(0);
        }
        if (texts.length == 0) {
            out.write(0);
        }
        out.write(0);
        longest = Math.max(longest, out.size() - before);
    }

    private byte[] table(long at) {
        byte[] structures = out.toByteArray();
        byte[] t = new byte[ENTRY + structures.length];
        text(t, 0, "_SM_");
        t[5] = 0x1f;
        t[6] = 2;
        t[7] = 4;
        put16(t, 8, longest);
        text(t, 16, "_DMI_");
        put16(t, 22, structures.length);
        put32(t, 24, (int) at + ENTRY);
        put16(t, 28, count);
        t[30] = 0x24;
        t[21] = checksum(t, 16, 0x0f);
        t[4] = checksum(t, 0, 0x1f);
        System.arraycopy(structures, 0, t, ENTRY, structures.length);
        return t;
    }

    private static byte checksum(byte[] b, int from, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += b[from + i];
        }
        return (byte) -sum;
    }

    private static void text(byte[] to, int at, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, to, at, ascii.length);
    }
}

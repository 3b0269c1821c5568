package org.xenolith.guests.smbios;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.TableBytes.checksum;
import static org.xenolith.guests.TableBytes.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** SMBIOS structures one behind the other, and the 32-bit entry point that leads to them (DMTF DSP0134, 5.2.1 and 6). */
public final class SmbiosStructures {
    /** Bytes of the entry point. */
    public static final int ENTRY_POINT = 31;

    private static final int INTERMEDIATE = 16;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int count;
    private int longest;

    /**
     * The formatted area of a structure with its header, to be filled in.
     *
     * @param length bytes, the header included
     */
    public static byte[] structure(int type, int length, int handle) {
        byte[] s = new byte[length];
        s[0] = (byte) type;
        s[1] = (byte) length;
        put16(s, 2, handle);
        return s;
    }

    /** Appends a structure with the strings that it counts from 1. */
    public void add(byte[] structure, String... strings) {
        int before = out.size();
        out.writeBytes(structure);
        for (String s : strings) {
            out.writeBytes(s.getBytes(StandardCharsets.US_ASCII));
            out.write(0);
        }
        if (strings.length == 0) {
            out.write(0);
        }
        out.write(0);
        count++;
        longest = Math.max(longest, out.size() - before);
    }

    /** The structures. */
    public byte[] bytes() {
        return out.toByteArray();
    }

    /**
     * The entry point.
     *
     * @param minor of version 2
     * @param address gpa of the structures below 4 GiB; 0 for firmware to fill in, with both checksums
     */
    public byte[] entryPoint(int minor, int address) {
        byte[] e = new byte[ENTRY_POINT];
        text(e, 0, "_SM_");
        e[5] = ENTRY_POINT;
        e[6] = 2;
        e[7] = (byte) minor;
        put16(e, 8, longest);
        text(e, INTERMEDIATE, "_DMI_");
        put16(e, 22, out.size());
        put32(e, 24, address);
        put16(e, 28, count);
        e[30] = (byte) (0x20 | minor);
        e[21] = checksum(e, INTERMEDIATE, ENTRY_POINT - INTERMEDIATE);
        e[4] = checksum(e, 0, ENTRY_POINT);
        return e;
    }
}

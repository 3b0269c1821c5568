package org.xenolith.guests;

import java.nio.charset.StandardCharsets;

/** What tables for firmware and operating systems have in common (ACPI, SMBIOS, hvmloader's): ASCII fields, and bytes that add up to zero. */
public final class TableBytes {
    private TableBytes() {
    }

    /** Stores ASCII without a zero behind it. */
    public static void text(byte[] to, int at, String ascii) {
        byte[] bytes = ascii.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, to, at, bytes.length);
    }

    /** {@return what must be added to the bytes of a range so that they sum to zero} */
    public static byte checksum(byte[] bytes, int from, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[from + i];
        }
        return (byte) -sum;
    }
}

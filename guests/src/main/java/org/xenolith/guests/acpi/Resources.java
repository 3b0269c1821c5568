package org.xenolith.guests.acpi;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;

/** Resource descriptors (ACPI 6.4, 6.4): what a {@code _CRS} is made of. Ranges are given by their first and last address. */
final class Resources {
    private Resources() {
    }

    /** A {@code _CRS} of descriptors. */
    static byte[] current(byte[]... descriptors) {
        return Aml.name("_CRS", Aml.buffer(Aml.concat(Aml.concat(descriptors), new byte[]{0x79, 0})));
    }

    /** I/O ports, decoded with 16 bits, at a fixed place. */
    static byte[] ports(int first, int count) {
        byte[] d = {0x47, 1, 0, 0, 0, 0, 1, (byte) count};
        put16(d, 2, first);
        put16(d, 4, first);
        return d;
    }

    /** An edge-triggered ISA interrupt. */
    static byte[] irq(int number) {
        byte[] d = {0x22, 0, 0};
        put16(d, 1, 1 << number);
        return d;
    }

    /** Memory at a fixed place, read-only or not. */
    static byte[] memory(long first, long bytes, boolean writable) {
        byte[] d = {(byte) 0x86, 9, 0, (byte) (writable ? 1 : 0), 0, 0, 0, 0, 0, 0, 0, 0};
        put32(d, 4, (int) first);
        put32(d, 8, (int) bytes);
        return d;
    }

    /** Bus numbers that a bridge passes on. */
    static byte[] busNumbers(int first, int last) {
        return word(2, 0, first, last);
    }

    /** I/O ports that a bridge passes on, ISA and others. */
    static byte[] windowPorts(int first, int last) {
        return word(1, 3, first, last);
    }

    private static byte[] word(int type, int specific, int first, int last) {
        byte[] d = new byte[16];
        d[0] = (byte) 0x88;
        put16(d, 1, 13);
        d[3] = (byte) type;
        d[4] = 0xc; // the bridge produces them, at fixed ends
        d[5] = (byte) specific;
        put16(d, 8, first);
        put16(d, 10, last);
        put16(d, 14, last - first + 1);
        return d;
    }

    /** Memory below 4 GiB that a bridge passes on. */
    static byte[] windowMemory(long first, long last, boolean cacheable) {
        byte[] d = new byte[26];
        d[0] = (byte) 0x87;
        put16(d, 1, 23);
        d[4] = 0xc;
        d[5] = (byte) (cacheable ? 3 : 1);
        put32(d, 10, (int) first);
        put32(d, 14, (int) last);
        put32(d, 22, (int) (last - first + 1));
        return d;
    }
}

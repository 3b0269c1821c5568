package org.xenolith.devices.ide;

import java.util.Arrays;

/** The 256 words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE, at the start of a drive's buffer. */
final class IdentifyData {
    static final int BYTES = 512;

    private final byte[] to;

    IdentifyData(byte[] to) {
        this.to = to;
        Arrays.fill(to, 0, BYTES, (byte) 0);
    }

    void word(int n, int value) {
        to[2 * n] = (byte) value;
        to[2 * n + 1] = (byte) (value >>> 8);
    }

    void dword(int n, long value) {
        word(n, (int) value & 0xffff);
        word(n + 1, (int) (value >>> 16) & 0xffff);
    }

    /** ASCII, padded with blanks; of each two characters the first is the high byte. */
    private void text(int n, int characters, String s) {
        for (int i = 0; i < characters; i++) {
            int c = i < s.length() ? s.charAt(i) : ' ';
            to[2 * n + (i ^ 1)] = (byte) (c < 0x20 || c > 0x7e ? '?' : c);
        }
    }

    void names(String serial, String model) {
        text(10, 20, serial);
        text(23, 8, "1.0");
        text(27, 40, model);
    }

    /** Signature and checksum in the last word. */
    void seal() {
        to[510] = (byte) 0xa5;
        int sum = 0;
        for (int i = 0; i < 511; i++) {
            sum += to[i];
        }
        to[511] = (byte) -sum;
    }
}

package org.xenolith.guests;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Wraps a compressed payload into a Linux bzImage of boot protocol 2.15. */
public final class TestBzImage {
    private TestBzImage() {}

    /** The payload as it is, the appended size included where the format needs it. */
    public static byte[] wrap(byte[] payload) {
        byte[] image = Arrays.copyOf(new byte[0], 1024 + payload.length);
        image[0x1f1] = 1;
        LittleEndian.put16(image, 0x1fe, 0xaa55);
        LittleEndian.put32(image, 0x202, 0x5372_6448);
        LittleEndian.put16(image, 0x206, 0x20f);
        LittleEndian.put16(image, 0x20e, 0x80);
        byte[] version = "6.1.0-test #1".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(version, 0, image, 0x280, version.length);
        LittleEndian.put32(image, 0x248, 0);
        LittleEndian.put32(image, 0x24c, payload.length);
        System.arraycopy(payload, 0, image, 1024, payload.length);
        return image;
    }

    /** A payload with the size of the uncompressed kernel behind it, as Linux's build appends it. */
    public static byte[] wrap(byte[] compressed, long uncompressedSize) {
        byte[] payload = Arrays.copyOf(compressed, compressed.length + 4);
        LittleEndian.put32(payload, compressed.length, (int) uncompressedSize);
        return wrap(payload);
    }

    /** Packs bytes into one LZ4 legacy frame without compressing them: literals only. */
    public static byte[] lz4(byte[] content) {
        byte[] frame = new byte[content.length + content.length / 255 + 32];
        LittleEndian.put32(frame, 0, 0x184c_2102);
        int at = 8;
        frame[at++] = (byte) 0xf0;
        int rest = content.length - 15;
        while (rest >= 255) {
            frame[at++] = (byte) 255;
            rest -= 255;
        }
        frame[at++] = (byte) rest;
        System.arraycopy(content, 0, frame, at, content.length);
        at += content.length;
        LittleEndian.put32(frame, 4, at - 8);
        return Arrays.copyOf(frame, at);
    }
}

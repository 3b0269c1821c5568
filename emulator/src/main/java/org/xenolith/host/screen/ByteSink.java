package org.xenolith.host.screen;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Bytes that wait to be sent, most significant byte of a number first. */
final class ByteSink {
    private static final int KEEP = 1 << 16;

    private byte[] bytes = new byte[4096];
    private int length;
    private int sent;

    void u8(int v) {
        room(1);
        bytes[length++] = (byte) v;
    }

    void u16(int v) {
        u8(v >> 8);
        u8(v);
    }

    void u32(int v) {
        u16(v >>> 16);
        u16(v);
    }

    void bytes(byte[] from, int at, int count) {
        room(count);
        System.arraycopy(from, at, bytes, length, count);
        length += count;
    }

    int length() {
        return length;
    }

    byte[] array() {
        return bytes;
    }

    /** Overwrites a byte that was added before. */
    void set(int at, int v) {
        bytes[at] = (byte) v;
    }

    /** Overwrites a number of 32 bits. */
    void set32(int at, int v) {
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = (byte) (v >>> 24 - 8 * i);
        }
    }

    /** Takes back what was added after the sink was {@code to} bytes long. */
    void truncate(int to) {
        length = to;
    }

    void clear() {
        length = 0;
        sent = 0;
        if (bytes.length > KEEP) {
            bytes = new byte[4096];
        }
    }

    boolean isEmpty() {
        return sent == length;
    }

    /** What is to be sent. */
    ByteBuffer pending() {
        return ByteBuffer.wrap(bytes, sent, length - sent);
    }

    /** Some bytes were sent. */
    void sent(int count) {
        sent += count;
        if (sent == length) {
            clear();
        }
    }

    private void room(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
        }
    }
}

package org.xenolith.host.nat;

/** Bytes for the guest from the oldest that it has not acknowledged on. Grows up to a limit. */
final class SendBuffer {
    private final int limit;
    private byte[] bytes = new byte[4096];
    private int start;
    private int length;

    SendBuffer(int limit) {
        this.limit = limit;
    }

    int length() {
        return length;
    }

    int room() {
        return limit - length;
    }

    /** Adds at most {@link #room} bytes. */
    void add(byte[] from, int count) {
        if (length + count > bytes.length) {
            byte[] larger = new byte[Math.min(limit, Math.max(bytes.length * 2, length + count))];
            copy(0, larger, 0, length);
            bytes = larger;
            start = 0;
        }
        int tail = (start + length) % bytes.length;
        int first = Math.min(count, bytes.length - tail);
        System.arraycopy(from, 0, bytes, tail, first);
        System.arraycopy(from, first, bytes, 0, count - first);
        length += count;
    }

    /** Copies {@code count} bytes from {@code offset} after the oldest. */
    void copy(int offset, byte[] to, int at, int count) {
        int from = (start + offset) % bytes.length;
        int first = Math.min(count, bytes.length - from);
        System.arraycopy(bytes, from, to, at, first);
        System.arraycopy(bytes, 0, to, at + first, count - first);
    }

    /** Forgets the oldest bytes. */
    void drop(int count) {
        start = (start + count) % bytes.length;
        length -= count;
    }
}

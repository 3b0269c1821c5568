package org.xenolith.bus;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The physical addresses that devices answer instead of RAM. What nobody claims reads as ones and swallows what is written; each such page is
 * reported.
 */
public final class MmioBus {
    private final List<Mapping> mappings = new ArrayList<>();
    private final Consumer<String> unclaimed;
    private Mapping last;

    /** @param unclaimed hears of accesses that nobody answers: {@code mmio:fed40}, with the page's number in hexadecimal */
    public MmioBus(Consumer<String> unclaimed) {
        this.unclaimed = unclaimed;
    }

    /** A range of addresses that a handler has; a later mapping lies over an earlier one. */
    public final class Mapping {
        private final long first;
        private final long bytes;
        private final MmioHandler handler;

        private Mapping(long first, long bytes, MmioHandler handler) {
            this.first = first;
            this.bytes = bytes;
            this.handler = handler;
        }

        private boolean has(long gpa, int size) {
            return gpa - first >= 0 && gpa - first <= bytes - size;
        }

        private boolean touches(long gpa, long length) {
            return gpa < first + bytes && first < gpa + length;
        }

        /** Takes the range away; a second call does nothing. */
        public void unmap() {
            mappings.remove(this);
            last = null;
        }
    }

    /**
     * Gives addresses to a handler, over what is mapped there.
     *
     * @param first gpa
     * @param bytes 1 or more; the range must not pass 2^52
     */
    public Mapping map(long first, long bytes, MmioHandler handler) {
        Mapping m = new Mapping(first, bytes, handler);
        mappings.add(m);
        last = null;
        return m;
    }

    /** True when a handler answers the byte at this gpa. */
    public boolean claimed(long gpa) {
        return find(gpa, 1) != null;
    }

    /** A read of 1 to 8 bytes; an access across two handlers is split into bytes. */
    public long read(long gpa, int size) {
        Mapping m = find(gpa, size);
        if (m != null && Integer.bitCount(size) == 1) {
            return m.handler.read(gpa - m.first, size);
        }
        if (size == 1 || nobody(gpa, size)) {
            unclaimed.accept("mmio:" + Long.toHexString(gpa >>> 12));
            return -1L;
        }
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= (read(gpa + i, 1) & 0xff) << 8 * i;
        }
        return v;
    }

    /** A write of 1 to 8 bytes; an access across two handlers is split into bytes. */
    public void write(long gpa, int size, long value) {
        Mapping m = find(gpa, size);
        if (m != null && Integer.bitCount(size) == 1) {
            m.handler.write(gpa - m.first, size, size == 8 ? value : value & (1L << 8 * size) - 1);
            return;
        }
        if (size == 1 || nobody(gpa, size)) {
            unclaimed.accept("mmio:" + Long.toHexString(gpa >>> 12));
            return;
        }
        for (int i = 0; i < size; i++) {
            write(gpa + i, 1, value >>> 8 * i & 0xff);
        }
    }

    private Mapping find(long gpa, int size) {
        if (last != null && last.has(gpa, size)) {
            return last;
        }
        for (int i = mappings.size() - 1; i >= 0; i--) {
            Mapping m = mappings.get(i);
            if (m.has(gpa, size)) {
                // a handler that lies over a part of this one must be found first, so only the topmost is remembered
                if (i == mappings.size() - 1 || alone(m)) {
                    last = m;
                }
                return m;
            }
            if (m.touches(gpa, size)) {
                return null;
            }
        }
        return null;
    }

    private boolean nobody(long gpa, int size) {
        for (Mapping m : mappings) {
            if (m.touches(gpa, size)) {
                return false;
            }
        }
        return true;
    }

    private boolean alone(Mapping m) {
        for (Mapping o : mappings) {
            if (o != m && o.touches(m.first, m.bytes)) {
                return false;
            }
        }
        return true;
    }
}

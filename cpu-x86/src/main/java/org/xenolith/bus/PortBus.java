package org.xenolith.bus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The 65,536 I/O ports of a machine or of an HVM domain. A port that nobody claims reads as ones and swallows what is
 * written; each such port
 * is reported.
 */
public final class PortBus {
    private static final int PORTS = 65536;

    private final Mapping[] owner = new Mapping[PORTS];
    private final List<Mapping> mappings = new ArrayList<>();
    private final Consumer<String> unclaimed;

    /**
     * @param unclaimed hears of accesses to ports that nobody has: {@code in:70}, {@code out:70}, with the port in
     * hexadecimal
     */
    public PortBus(Consumer<String> unclaimed) {
        this.unclaimed = unclaimed;
    }

    /** A range of ports that a handler has; what it covers comes back when it is unmapped. */
    public final class Mapping {
        private final int first;
        private final int count;
        private final PortHandler handler;

        private Mapping(int first, int count, PortHandler handler) {
            this.first = first;
            this.count = count;
            this.handler = handler;
        }

        /** Gives the ports back to whoever had them before; a second call does nothing. */
        public void unmap() {
            if (!mappings.remove(this)) {
                return;
            }
            for (int port = first; port < first + count; port++) {
                owner[port] = null;
                for (Mapping m : mappings) {
                    if (port >= m.first && port < m.first + m.count) {
                        owner[port] = m;
                    }
                }
            }
        }
    }

    /**
     * Gives ports to a handler, over what is mapped there; what would lie beyond port FFFFh is left out.
     *
     * @param first 0 to 65535
     * @param count 1 or more
     */
    public Mapping map(int first, int count, PortHandler handler) {
        Mapping m = new Mapping(first, Math.min(count, PORTS - first), handler);
        mappings.add(m);
        Arrays.fill(owner, first, first + m.count, m);
        return m;
    }

    /** IN; an access across two handlers is split into bytes. */
    public long in(int port, int size) {
        Mapping m = owner[port];
        if (whole(m, port, size)) {
            if (m == null) {
                unclaimed.accept("in:" + Integer.toHexString(port));
                return ones(size);
            }
            return m.handler.in(port, size) & ones(size);
        }
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= in(port + i & PORTS - 1, 1) << 8 * i;
        }
        return v;
    }

    /** OUT; an access across two handlers is split into bytes. */
    public void out(int port, int size, long value) {
        Mapping m = owner[port];
        if (whole(m, port, size)) {
            if (m == null) {
                unclaimed.accept("out:" + Integer.toHexString(port));
            } else {
                m.handler.out(port, size, value & ones(size));
            }
            return;
        }
        for (int i = 0; i < size; i++) {
            out(port + i & PORTS - 1, 1, value >>> 8 * i & 0xff);
        }
    }

    private boolean whole(Mapping m, int port, int size) {
        for (int i = 1; i < size; i++) {
            if (port + i >= PORTS || owner[port + i] != m) {
                return false;
            }
        }
        return true;
    }

    private static long ones(int size) {
        return size == 4 ? 0xffff_ffffL : (1L << 8 * size) - 1;
    }
}

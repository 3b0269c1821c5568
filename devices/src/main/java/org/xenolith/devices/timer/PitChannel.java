package org.xenolith.devices.timer;

/**
 * One counter of an 82C54 (Intel 231244), computed from the tick it is asked at. It knows nothing of time but ticks, which never go back.
 *
 * <p>A count that is written while a period of mode 2 or 3 runs takes effect at the end of the period (in mode 3 too, where the 82C54 would
 * take it at the end of the half).
 */
final class PitChannel {
    private static final int READ_LOW = 1;
    private static final int READ_HIGH = 2;
    private static final int BCD_LIMIT = 10_000;
    private static final int LIMIT = 65_536;
    private static final long NEVER = Long.MAX_VALUE;

    private int mode;
    private int access;
    private boolean bcd;
    private boolean gate;

    /** Whether a count has been written since the control word, and for modes 1 and 5 a trigger seen. */
    private boolean running;
    private boolean written;
    /** Count in force, and the one that comes next. */
    private int count;
    private int next;
    /** Tick at which the count was loaded, or the period in force began. */
    private long start;
    /** Ticks counted when the gate stopped modes 0 and 4; -1 while they are not stopped. */
    private long stopped;

    private boolean highByteNext;
    private int lowByte;
    private boolean readHighNext;
    /** Latched count, or -1; {@link #latchBytes} of it are still to be read. */
    private int latch;
    private int latchBytes;
    private int status;

    PitChannel(boolean gate) {
        this.gate = gate;
        reset();
    }

    void reset() {
        mode = 3;
        access = READ_LOW | READ_HIGH;
        bcd = false;
        running = false;
        written = false;
        count = LIMIT;
        next = LIMIT;
        start = 0;
        stopped = -1;
        highByteNext = false;
        readHighNext = false;
        latch = -1;
        status = -1;
    }

    private int limit() {
        return bcd ? BCD_LIMIT : LIMIT;
    }

    /** Brings the period up to date: counts that were written take effect at its end. */
    private void settle(long now) {
        if (running && (mode == 2 || mode == 3) && next != count && gate) {
            long end = start + count;
            if (now >= end) {
                start = end;
                count = next;
            }
        }
    }

    private long elapsed(long now) {
        return stopped >= 0 ? stopped : Math.max(0, now - start);
    }

    // ---- OUT ----

    /** The level of OUT. */
    boolean out(long now) {
        settle(now);
        if (!running) {
            return mode != 0;
        }
        long e = elapsed(now);
        boolean begun = stopped >= 0 || now >= start;
        return switch (mode) {
            case 0 -> begun && e >= count;
            case 1 -> !begun || e >= count;
            case 2 -> !gate || !begun || e % count != count - 1;
            case 3 -> !gate || !begun || e % count < (count + 1) / 2;
            default -> !begun || e != count;
        };
    }

    /** The first tick after {@code now} at which OUT rises, or {@code Long.MAX_VALUE}. */
    long nextRise(long now) {
        settle(now);
        if (!running || stopped >= 0) {
            return NEVER;
        }
        if (mode == 2 || mode == 3) {
            if (!gate) {
                return NEVER;
            }
            if (now < start + count) {
                return start + count;
            }
            return now + count - (now - start) % count;
        }
        long rise = start + count + (mode >= 4 ? 1 : 0);
        return rise > now ? rise : NEVER;
    }

    // ---- GATE ----

    boolean gate() {
        return gate;
    }

    void setGate(boolean level, long now) {
        if (level == gate) {
            return;
        }
        settle(now);
        gate = level;
        switch (mode) {
            case 0, 4 -> {
                if (!running) {
                    return;
                }
                if (level) {
                    start = now - Math.max(0, stopped);
                    stopped = -1;
                } else {
                    stopped = Math.max(0, now - start);
                }
            }
            // the trigger of modes 1 and 5, and a new period of modes 2 and 3
            default -> {
                if (level && written) {
                    load(now);
                }
            }
        }
    }

    private void load(long now) {
        count = next;
        start = now + 1;
        stopped = (mode == 0 || mode == 4) && !gate ? 0 : -1;
        running = true;
    }

    // ---- registers ----

    /** A control word other than a latch command. */
    void control(int word) {
        access = word >>> 4 & 3;
        mode = word >>> 1 & 7;
        if (mode > 5) {
            mode -= 4;
        }
        bcd = (word & 1) != 0;
        running = false;
        written = false;
        stopped = -1;
        highByteNext = false;
        readHighNext = false;
        latch = -1;
        status = -1;
    }

    void write(int v, long now) {
        if (access == (READ_LOW | READ_HIGH)) {
            if (!highByteNext) {
                highByteNext = true;
                lowByte = v;
                if (mode == 0 && running) {
                    // the first byte stops the count and OUT goes low
                    running = false;
                }
                return;
            }
            highByteNext = false;
            setCount(v << 8 | lowByte, now);
        } else {
            setCount(access == READ_HIGH ? v << 8 : v, now);
        }
    }

    private void setCount(int v, long now) {
        settle(now);
        int n = bcd ? fromBcd(v) : v;
        next = n == 0 ? limit() : n;
        written = true;
        switch (mode) {
            case 0, 4 -> load(now);
            case 1, 5 -> {
            }
            default -> {
                if (!running && gate) {
                    load(now);
                }
            }
        }
    }

    private static int fromBcd(int v) {
        return ((v >>> 12) * 1000 + (v >>> 8 & 15) * 100 + (v >>> 4 & 15) * 10 + (v & 15)) % BCD_LIMIT;
    }

    private static int toBcd(int v) {
        return v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
    }

    /** The counting element, 16 bits as they are read. */
    int value(long now) {
        settle(now);
        int v;
        if (!running) {
            v = next % limit();
        } else {
            long e = elapsed(now);
            v = switch (mode) {
                case 2 -> gate ? (int) (count - e % count) % limit() : count % limit();
                case 3 -> gate ? square((int) (e % count)) % limit() : count % limit();
                default -> Math.floorMod(count - e, limit());
            };
        }
        return bcd ? toBcd(v) : v;
    }

    /** Mode 3 counts by twos, from the even number at or below the count, once for each level. */
    private int square(int e) {
        int high = (count + 1) / 2;
        return (count & ~1) - 2 * (e < high ? e : e - high);
    }

    /** Frequency of OUT in mode 3, in hertz, or 0. */
    int squareHertz() {
        return running && mode == 3 && gate ? (int) (Frequency.PIT.hz() / count) : 0;
    }

    /** Counter latch command. */
    void latchCount(long now) {
        if (latch < 0) {
            latch = value(now);
            latchBytes = access == (READ_LOW | READ_HIGH) ? 2 : 1;
        }
    }

    /** Read-back of status. */
    void latchStatus(long now) {
        if (status < 0) {
            boolean nullCount = !running || next != count || now < start;
            status = (out(now) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
        }
    }

    int read(long now) {
        if (status >= 0) {
            int v = status;
            status = -1;
            return v;
        }
        if (latch >= 0) {
            int v = access == READ_HIGH || access == 3 && latchBytes == 1 ? latch >>> 8 : latch & 0xff;
            if (--latchBytes == 0) {
                latch = -1;
            }
            return v;
        }
        int v = value(now);
        if (access == (READ_LOW | READ_HIGH)) {
            readHighNext = !readHighNext;
            return readHighNext ? v & 0xff : v >>> 8;
        }
        return access == READ_HIGH ? v >>> 8 : v & 0xff;
    }
}

package org.xenolith.guests.compress;

import java.util.Arrays;

/**
 * A table of finite state entropy codes (RFC 8878, 4.1.1): each state gives a symbol, and how to come to the next one.
 */
final class FseTable {
    private final int log;
    private final int[] entries;

    private FseTable(int log, int[] entries) {
        this.log = log;
        this.entries = entries;
    }

    /** A header together with the number of bytes that it took. */
    record Parsed(FseTable table, int length) {}

    /** A table whose only symbol needs no bits. */
    static FseTable single(int symbol) {
        return new FseTable(0, new int[]{symbol});
    }

    /** {@return how many bits the first state takes} */
    int log() {
        return log;
    }

    int symbol(int state) {
        return entries[state] & 0xff;
    }

    int bits(int state) {
        return entries[state] >> 8 & 0xff;
    }

    int base(int state) {
        return entries[state] >>> 16;
    }

    /** Reads a table's description from a forward bit stream. */
    static Parsed parse(byte[] src, int from, int to, int maxLog, int maxSymbol) throws CorruptDataException {
        ForwardBits bits = new ForwardBits(src, from, to);
        int log = bits.read(4) + 5;
        if (log > maxLog) {
            throw new CorruptDataException("Zstandard table of " + log + " bits where " + maxLog + " are allowed");
        }
        short[] probabilities = new short[maxSymbol + 1];
        int remaining = 1 << log;
        int symbol = 0;
        while (remaining > 0) {
            if (symbol > maxSymbol) {
                throw new CorruptDataException("Zstandard table with too many symbols");
            }
            int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
            int value = bits.peek(width);
            int lowMask = (1 << width - 1) - 1;
            int threshold = (1 << width) - 1 - (remaining + 1);
            if ((value & lowMask) < threshold) {
                value &= lowMask;
                bits.skip(width - 1);
            } else {
                value -= value > lowMask ? threshold : 0;
                bits.skip(width);
            }
            int probability = value - 1;
            remaining -= Math.abs(probability);
            probabilities[symbol++] = (short) probability;
            if (probability == 0) {
                symbol += zeroRun(bits, maxSymbol + 1 - symbol);
            }
        }
        if (remaining != 0) {
            throw new CorruptDataException("Zstandard table whose probabilities do not add up");
        }
        return new Parsed(build(Arrays.copyOf(probabilities, symbol), log), bits.bytesUsed());
    }

    private static int zeroRun(ForwardBits bits, int most) throws CorruptDataException {
        int run = 0;
        int repeat;
        do {
            repeat = bits.read(2);
            run += repeat;
            if (run > most) {
                throw new CorruptDataException("Zstandard table with too many symbols");
            }
        } while (repeat == 3);
        return run;
    }

    /** Spreads the symbols over the states; a probability of -1 stands for less than one state. */
    static FseTable build(short[] probabilities, int log) {
        int size = 1 << log;
        byte[] symbols = new byte[size];
        int[] next = new int[probabilities.length];
        int high = size;
        for (int s = 0; s < probabilities.length; s++) {
            if (probabilities[s] == -1) {
                symbols[--high] = (byte) s;
                next[s] = 1;
            }
        }
        int step = (size >> 1) + (size >> 3) + 3;
        int position = 0;
        for (int s = 0; s < probabilities.length; s++) {
            if (probabilities[s] <= 0) {
                continue;
            }
            next[s] = probabilities[s];
            for (int i = 0; i < probabilities[s]; i++) {
                symbols[position] = (byte) s;
                do {
                    position = position + step & size - 1;
                } while (position >= high);
            }
        }
        int[] entries = new int[size];
        for (int i = 0; i < size; i++) {
            int symbol = symbols[i] & 0xff;
            int state = next[symbol]++;
            int bits = log - (31 - Integer.numberOfLeadingZeros(state));
            entries[i] = symbol | bits << 8 | (state << bits) - size << 16;
        }
        return new FseTable(log, entries);
    }

    /** Bits from low to high, bytes from first to last; zeros behind the end are an error only when taken. */
    private static final class ForwardBits {
        private final byte[] src;
        private final int from;
        private final int to;
        private int position;

        ForwardBits(byte[] src, int from, int to) {
            this.src = src;
            this.from = from;
            this.to = to;
        }

        int peek(int count) {
            int value = 0;
            for (int i = 0; i < count; i++) {
                int at = from + (position + i >> 3);
                if (at < to) {
                    value |= (src[at] >> (position + i & 7) & 1) << i;
                }
            }
            return value;
        }

        void skip(int count) throws CorruptDataException {
            position += count;
            if (bytesUsed() > to - from) {
                throw new CorruptDataException("Zstandard table is truncated");
            }
        }

        int read(int count) throws CorruptDataException {
            int value = peek(count);
            skip(count);
            return value;
        }

        int bytesUsed() {
            return position + 7 >> 3;
        }
    }
}

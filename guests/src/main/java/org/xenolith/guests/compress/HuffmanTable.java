package org.xenolith.guests.compress;

import org.xenolith.guests.LittleEndian;

/** A Huffman code of Zstandard's literals (RFC 8878, 4.2): at most 11 bits, looked up by the next bits at once. */
final class HuffmanTable {
    private static final int MAX_BITS = 11;
    private static final int MAX_WEIGHT_LOG = 6;
    private static final int MAX_SYMBOLS = 256;

    private final int bits;
    private final short[] entries;

    private HuffmanTable(int bits, short[] entries) {
        this.bits = bits;
        this.entries = entries;
    }

    /** A code together with the number of bytes of its description. */
    record Parsed(HuffmanTable table, int length) {}

    static Parsed parse(byte[] src, int from, int to) throws CorruptDataException {
        if (from >= to) {
            throw truncated();
        }
        int header = LittleEndian.u8(src, from);
        byte[] weights = new byte[MAX_SYMBOLS];
        int count;
        int length;
        if (header >= 128) {
            count = header - 127;
            length = 1 + (count + 1) / 2;
            if (length > to - from) {
                throw truncated();
            }
            for (int i = 0; i < count; i++) {
                int pair = LittleEndian.u8(src, from + 1 + i / 2);
                weights[i] = (byte) (i % 2 == 0 ? pair >> 4 : pair & 0xf);
            }
        } else {
            length = 1 + header;
            if (length > to - from) {
                throw truncated();
            }
            count = compressedWeights(src, from + 1, from + length, weights);
        }
        return new Parsed(build(weights, count), length);
    }

    /** Two interleaved states; the stream ends when a state cannot be filled any more. */
    private static int compressedWeights(byte[] src, int from, int to, byte[] weights) throws CorruptDataException {
        FseTable.Parsed parsed = FseTable.parse(src, from, to, MAX_WEIGHT_LOG, 12);
        FseTable table = parsed.table();
        BackwardBits in = new BackwardBits(src, from + parsed.length(), to);
        int one = (int) in.read(table.log());
        int two = (int) in.read(table.log());
        if (in.left() < 0) {
            throw truncated();
        }
        int count = 0;
        while (true) {
            if (count > MAX_SYMBOLS - 3) {
                throw new CorruptDataException("Zstandard code with too many symbols");
            }
            weights[count++] = (byte) table.symbol(one);
            if (in.left() < table.bits(one)) {
                weights[count++] = (byte) table.symbol(two);
                return count;
            }
            one = table.base(one) + (int) in.read(table.bits(one));
            weights[count++] = (byte) table.symbol(two);
            if (in.left() < table.bits(two)) {
                weights[count++] = (byte) table.symbol(one);
                return count;
            }
            two = table.base(two) + (int) in.read(table.bits(two));
        }
    }

    /** The last symbol's weight is not written: it makes the sum a power of two. */
    private static HuffmanTable build(byte[] weights, int count) throws CorruptDataException {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            if (weights[i] > MAX_BITS) {
                throw new CorruptDataException("Zstandard code with a weight of " + weights[i]);
            }
            sum += weights[i] == 0 ? 0 : 1 << weights[i] - 1;
        }
        if (sum == 0) {
            throw new CorruptDataException("Zstandard code without symbols");
        }
        int bits = 32 - Integer.numberOfLeadingZeros(sum);
        int rest = (1 << bits) - sum;
        if (bits > MAX_BITS || Integer.bitCount(rest) != 1 || count >= MAX_SYMBOLS) {
            throw new CorruptDataException("Zstandard code that is not complete");
        }
        weights[count] = (byte) (Integer.numberOfTrailingZeros(rest) + 1);
        short[] entries = new short[1 << bits];
        int at = 0;
        for (int weight = 1; weight <= bits; weight++) {
            for (int symbol = 0; symbol <= count; symbol++) {
                if (weights[symbol] == weight) {
                    short entry = (short) (symbol | bits + 1 - weight << 8);
                    for (int i = 0; i < 1 << weight - 1; i++) {
                        entries[at++] = entry;
                    }
                }
            }
        }
        return new HuffmanTable(bits, entries);
    }

    /** Decodes one stream into exactly the given number of bytes. */
    void decode(byte[] src, int from, int to, byte[] dst, int start, int end) throws CorruptDataException {
        BackwardBits in = new BackwardBits(src, from, to);
        for (int d = start; d < end; d++) {
            int entry = entries[(int) in.peek(bits)];
            dst[d] = (byte) entry;
            in.skip(entry >> 8);
        }
        if (in.left() != 0) {
            throw new CorruptDataException("Zstandard literals do not end where they should");
        }
    }

    private static CorruptDataException truncated() {
        return new CorruptDataException("Zstandard code is truncated");
    }
}

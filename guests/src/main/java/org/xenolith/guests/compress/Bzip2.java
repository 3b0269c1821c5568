package org.xenolith.guests.compress;

/** One bzip2 stream: blocks of up to 900 kB that are Huffman coded, moved to front, and Burrows-Wheeler sorted. */
final class Bzip2 {
    private static final long BLOCK_MAGIC = 0x3141_5926_5359L;
    private static final long END_MAGIC = 0x1772_4538_5090L;
    private static final int GROUP = 50;
    private static final int MAX_CODE = 20;
    private static final int MAX_ALPHABET = 258;
    private static final int CHUNK = 1 << 16;
    private static final int[] CRC = crcTable();

    private final byte[] src;
    private final int to;
    private final Output out;
    private int at;
    private long bits;
    private int bitCount;
    private int[] block;

    private Bzip2(byte[] src, int from, int to, Output out) {
        this.src = src;
        this.at = from;
        this.to = to;
        this.out = out;
    }

    static void decompress(byte[] src, int from, int to, Output out) throws CorruptDataException {
        new Bzip2(src, from, to, out).run();
    }

    private void run() throws CorruptDataException {
        read(24);
        int level = read(8) - '0';
        if (level < 1 || level > 9) {
            throw new CorruptDataException("bzip2 block size is not 1 to 9");
        }
        block = new int[level * 100_000];
        int combined = 0;
        while (true) {
            long magic = (long) read(24) << 24 | read(24);
            int crc = read(16) << 16 | read(16);
            if (magic == END_MAGIC) {
                if (crc != combined) {
                    throw new CorruptDataException("bzip2 checksum does not match");
                }
                return;
            }
            if (magic != BLOCK_MAGIC) {
                throw new CorruptDataException("bzip2 block does not start with its magic number");
            }
            if (read(1) != 0) {
                throw new CorruptDataException("bzip2 block is randomised, which no version since 0.9.5 does");
            }
            int origin = read(24);
            int count = symbols();
            if (origin >= count) {
                throw new CorruptDataException("bzip2 block starts outside of itself");
            }
            if (unsort(origin, count) != crc) {
                throw new CorruptDataException("bzip2 checksum of a block does not match");
            }
            combined = Integer.rotateLeft(combined, 1) ^ crc;
        }
    }

    /** Fills the block with bytes in sorted order and returns how many there are. */
    private int symbols() throws CorruptDataException {
        byte[] front = new byte[256];
        int used = usedBytes(front);
        int alphabet = used + 2;
        int tableCount = read(3);
        int selectorCount = read(15);
        if (tableCount < 2 || tableCount > 6 || selectorCount == 0) {
            throw new CorruptDataException("bzip2 block with a wrong number of codes");
        }
        byte[] selectors = selectors(tableCount, selectorCount);
        Code[] codes = new Code[tableCount];
        for (int i = 0; i < tableCount; i++) {
            codes[i] = code(alphabet);
        }
        int count = 0;
        int group = 0;
        int leftInGroup = 0;
        Code code = null;
        int run = 0;
        int runWeight = 1;
        while (true) {
            if (leftInGroup == 0) {
                if (group == selectorCount) {
                    throw new CorruptDataException("bzip2 block is longer than its codes");
                }
                code = codes[selectors[group++]];
                leftInGroup = GROUP;
            }
            leftInGroup--;
            int symbol = next(code);
            if (symbol <= 1) {
                if (runWeight > block.length * 2) {
                    throw overlong();
                }
                run += runWeight << symbol;
                runWeight <<= 1;
                continue;
            }
            if (run > 0) {
                if (run > block.length - count) {
                    throw overlong();
                }
                int value = front[0] & 0xff;
                for (int i = 0; i < run; i++) {
                    block[count++] = value;
                }
                run = 0;
                runWeight = 1;
            }
            if (symbol == alphabet - 1) {
                return count;
            }
            if (count == block.length) {
                throw overlong();
            }
            byte value = front[symbol - 1];
            System.arraycopy(front, 0, front, 1, symbol - 1);
            front[0] = value;
            block[count++] = value & 0xff;
        }
    }

    private int usedBytes(byte[] front) throws CorruptDataException {
        int groups = read(16);
        int used = 0;
        for (int i = 0; i < 16; i++) {
            if ((groups & 0x8000 >> i) != 0) {
                int members = read(16);
                for (int j = 0; j < 16; j++) {
                    if ((members & 0x8000 >> j) != 0) {
                        front[used++] = (byte) (16 * i + j);
                    }
                }
            }
        }
        if (used == 0) {
            throw new CorruptDataException("bzip2 block that uses no bytes");
        }
        return used;
    }

    private byte[] selectors(int tableCount, int selectorCount) throws CorruptDataException {
        byte[] order = {0, 1, 2, 3, 4, 5};
        byte[] selectors = new byte[selectorCount];
        for (int i = 0; i < selectorCount; i++) {
            int position = 0;
            while (read(1) != 0) {
                position++;
                if (position >= tableCount) {
                    throw new CorruptDataException("bzip2 block that selects an unknown code");
                }
            }
            byte selected = order[position];
            System.arraycopy(order, 0, order, 1, position);
            order[0] = selected;
            selectors[i] = selected;
        }
        return selectors;
    }

    /** A canonical code: codes of a length count up, and {@code order} lists the symbols in code order. */
    private record Code(int[] last, int[] offset, short[] order) {}

    private Code code(int alphabet) throws CorruptDataException {
        byte[] lengths = new byte[MAX_ALPHABET];
        int length = read(5);
        for (int symbol = 0; symbol < alphabet; symbol++) {
            while (read(1) != 0) {
                length += read(1) == 0 ? 1 : -1;
                if (length < 1 || length > MAX_CODE) {
                    throw new CorruptDataException("bzip2 code of a wrong length");
                }
            }
            if (length < 1 || length > MAX_CODE) {
                throw new CorruptDataException("bzip2 code of a wrong length");
            }
            lengths[symbol] = (byte) length;
        }
        int[] last = new int[MAX_CODE + 1];
        int[] offset = new int[MAX_CODE + 1];
        short[] order = new short[alphabet];
        int placed = 0;
        int next = 0;
        for (int bitLength = 1; bitLength <= MAX_CODE; bitLength++) {
            offset[bitLength] = placed - next;
            for (int symbol = 0; symbol < alphabet; symbol++) {
                if (lengths[symbol] == bitLength) {
                    order[placed++] = (short) symbol;
                    next++;
                }
            }
            last[bitLength] = next - 1;
            next <<= 1;
        }
        return new Code(last, offset, order);
    }

    private int next(Code code) throws CorruptDataException {
        int value = 0;
        for (int length = 1; length <= MAX_CODE; length++) {
            value = value << 1 | read(1);
            if (value <= code.last[length]) {
                int index = value + code.offset[length];
                if (index < 0 || index >= code.order.length) {
                    break;
                }
                return code.order[index];
            }
        }
        throw new CorruptDataException("bzip2 data hold an unknown code");
    }

    /** Undoes the sorting and the runs of the first step, and returns the checksum. */
    private int unsort(int origin, int count) throws CorruptDataException {
        int[] starts = new int[257];
        for (int i = 0; i < count; i++) {
            starts[(block[i] & 0xff) + 1]++;
        }
        for (int i = 1; i < 257; i++) {
            starts[i] += starts[i - 1];
        }
        for (int i = 0; i < count; i++) {
            block[starts[block[i] & 0xff]++] |= i << 8;
        }
        int position = block[origin] >>> 8;
        int crc = -1;
        int previous = -1;
        int same = 0;
        int room = 0;
        for (int i = 0; i < count; i++) {
            int entry = block[position];
            int value = entry & 0xff;
            position = entry >>> 8;
            if (room < 256) {
                out.reserve(Math.min(CHUNK, out.room()));
                room = Math.min(CHUNK, out.room());
            }
            int repeat = 1;
            if (same == 4) {
                repeat = value;
                value = previous;
                same = 0;
            } else if (value == previous) {
                same++;
            } else {
                same = 1;
                previous = value;
            }
            if (repeat > room) {
                throw out.tooLarge();
            }
            byte[] data = out.data();
            int d = out.size();
            for (int r = 0; r < repeat; r++) {
                data[d + r] = (byte) value;
                crc = crc << 8 ^ CRC[crc >>> 24 ^ value];
            }
            out.size(d + repeat);
            room -= repeat;
            // After a counted run, the next byte starts a new one even where it is the same.
            if (same == 0) {
                previous = -1;
            }
        }
        return ~crc;
    }

    private static int[] crcTable() {
        int[] table = new int[256];
        for (int i = 0; i < 256; i++) {
            int value = i << 24;
            for (int bit = 0; bit < 8; bit++) {
                value = value << 1 ^ (value < 0 ? 0x04c1_1db7 : 0);
            }
            table[i] = value;
        }
        return table;
    }

    /** Takes 1 to 24 bits, the highest first. */
    private int read(int count) throws CorruptDataException {
        while (bitCount < count) {
            if (at == to) {
                throw new CorruptDataException("bzip2 data is truncated");
            }
            bits = bits << 8 | src[at++] & 0xff;
            bitCount += 8;
        }
        bitCount -= count;
        return (int) (bits >>> bitCount) & (1 << count) - 1;
    }

    private static CorruptDataException overlong() {
        return new CorruptDataException("bzip2 block is longer than its block size");
    }
}

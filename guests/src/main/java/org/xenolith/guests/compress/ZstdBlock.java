package org.xenolith.guests.compress;

import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u8;

import java.util.Arrays;

/**
 * The compressed blocks of one Zstandard frame (RFC 8878, 3.1.1.3): literals, and sequences that say how many of them
 * to take and which match to copy then. Codes and recent distances live on from block to block.
 */
final class ZstdBlock {
    private static final int MAX_BLOCK = 128 << 10;
    private static final int FASTEST = 16;

    // @formatter:off
    private static final short[] LITERAL_LENGTHS = {
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
        -1, -1, -1, -1};
    private static final short[] MATCH_LENGTHS = {
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
    private static final short[] DISTANCES = {
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
    private static final int[] LITERAL_BASE = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64,
        0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000};
    private static final byte[] LITERAL_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6,
        7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    private static final int[] MATCH_BASE = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
        29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99,
        0x83, 0x103, 0x203, 0x403, 0x803, 0x1003, 0x2003, 0x4003, 0x8003, 0x10003};
    private static final byte[] MATCH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5,
        7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    // @formatter:on

    private static final int MAX_DISTANCE_CODE = 31;

    private final byte[] src;
    private final Output out;
    private final int frameStart;
    private final byte[] literals = new byte[MAX_BLOCK];
    private HuffmanTable huffman;
    private FseTable literalTable;
    private FseTable distanceTable;
    private FseTable matchTable;
    private int recent1 = 1;
    private int recent2 = 4;
    private int recent3 = 8;
    private int at;
    private int to;

    ZstdBlock(byte[] src, Output out) {
        this.src = src;
        this.out = out;
        this.frameStart = out.size();
    }

    /** Decodes one block into the output, where room for {@code most} bytes is reserved. */
    void decode(int from, int blockEnd, int most) throws CorruptDataException {
        at = from;
        to = blockEnd;
        int count = literals();
        sequences(count, most);
    }

    /** Returns the number of literals. */
    private int literals() throws CorruptDataException {
        need(1);
        int first = u8(src, at);
        int type = first & 3;
        int format = first >> 2 & 3;
        if (type < 2) {
            return plainLiterals(type, format);
        }
        int headerLength = format < 2 ? 3 : format + 2;
        need(headerLength);
        long header = 0;
        for (int i = headerLength - 1; i >= 0; i--) {
            header = header << 8 | u8(src, at + i);
        }
        int width = format < 2 ? 10 : format == 2 ? 14 : 18;
        int size = (int) (header >> 4 & (1 << width) - 1);
        int compressed = (int) (header >> 4 + width & (1 << width) - 1);
        at += headerLength;
        need(compressed);
        if (size > MAX_BLOCK) {
            throw new CorruptDataException("Zstandard block with " + size + " literals");
        }
        int end = at + compressed;
        if (type == 2) {
            HuffmanTable.Parsed parsed = HuffmanTable.parse(src, at, end);
            huffman = parsed.table();
            at += parsed.length();
        } else if (huffman == null) {
            throw new CorruptDataException("Zstandard block that repeats a code where none was before");
        }
        if (format == 0) {
            huffman.decode(src, at, end, literals, 0, size);
        } else {
            fourStreams(end, size);
        }
        at = end;
        return size;
    }

    private int plainLiterals(int type, int format) throws CorruptDataException {
        int headerLength = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
        need(headerLength);
        int size = switch (headerLength) {
            case 1 -> u8(src, at) >> 3;
            case 2 -> u16(src, at) >> 4;
            default -> (u16(src, at) | u8(src, at + 2) << 16) >> 4;
        };
        at += headerLength;
        if (size > MAX_BLOCK) {
            throw new CorruptDataException("Zstandard block with " + size + " literals");
        }
        int stored = type == 0 ? size : 1;
        need(stored);
        if (type == 0) {
            System.arraycopy(src, at, literals, 0, size);
        } else {
            Arrays.fill(literals, 0, size, src[at]);
        }
        at += stored;
        return size;
    }

    private void fourStreams(int end, int size) throws CorruptDataException {
        int each = (size + 3) / 4;
        if (end - at < 6 || size - 3 * each < 0) {
            throw truncated();
        }
        int from = at + 6;
        for (int i = 0; i < 4; i++) {
            int length = i < 3 ? u16(src, at + 2 * i) : end - from;
            if (length > end - from || length < 0) {
                throw truncated();
            }
            huffman.decode(src, from, from + length, literals, i * each, i < 3 ? (i + 1) * each : size);
            from += length;
        }
    }

    private void sequences(int literalCount, int most) throws CorruptDataException {
        need(1);
        int count = u8(src, at++);
        if (count >= 128) {
            if (count < 255) {
                need(1);
                count = (count - 128 << 8) + u8(src, at++);
            } else {
                need(2);
                count = u16(src, at) + 0x7f00;
                at += 2;
            }
        }
        if (count == 0) {
            if (at != to) {
                throw new CorruptDataException("Zstandard block with bytes behind its literals");
            }
            if (literalCount > most) {
                throw tooLarge();
            }
            out.append(literals, 0, literalCount);
            return;
        }
        need(1);
        int modes = u8(src, at++);
        if ((modes & 3) != 0) {
            throw new CorruptDataException("Zstandard block with reserved bits set");
        }
        literalTable = table(modes >> 6, literalTable, LITERAL_LENGTHS, 6, 9);
        distanceTable = table(modes >> 4 & 3, distanceTable, DISTANCES, 5, 8);
        matchTable = table(modes >> 2 & 3, matchTable, MATCH_LENGTHS, 6, 9);
        execute(count, literalCount, most);
    }

    private FseTable table(int mode, FseTable previous, short[] standard, int standardLog, int maxLog)
            throws CorruptDataException {
        int maxSymbol = standardLog == 5 ? MAX_DISTANCE_CODE : standard.length - 1;
        switch (mode) {
            case 0:
                return FseTable.build(standard, standardLog);
            case 1:
                need(1);
                int symbol = u8(src, at++);
                if (symbol > maxSymbol) {
                    throw new CorruptDataException("Zstandard block with an unknown code " + symbol);
                }
                return FseTable.single(symbol);
            case 2:
                FseTable.Parsed parsed = FseTable.parse(src, at, to, maxLog, maxSymbol);
                at += parsed.length();
                return parsed.table();
            default:
                if (previous == null) {
                    throw new CorruptDataException("Zstandard block that repeats a table where none was before");
                }
                return previous;
        }
    }

    private void execute(int count, int literalCount, int most) throws CorruptDataException {
        BackwardBits in = new BackwardBits(src, at, to);
        byte[] dst = out.data();
        int d = out.size();
        int end = d + most;
        int literal = 0;
        int literalState = (int) in.read(literalTable.log());
        int distanceState = (int) in.read(distanceTable.log());
        int matchState = (int) in.read(matchTable.log());
        for (int i = 0; i < count; i++) {
            int distanceCode = distanceTable.symbol(distanceState);
            long distanceValue = (1L << distanceCode) + in.read(distanceCode);
            int matchCode = matchTable.symbol(matchState);
            int matchLength = MATCH_BASE[matchCode] + (int) in.read(MATCH_BITS[matchCode]);
            int literalCode = literalTable.symbol(literalState);
            int literalLength = LITERAL_BASE[literalCode] + (int) in.read(LITERAL_BITS[literalCode]);
            if (in.left() < 0) {
                throw truncated();
            }
            int distance = distance(distanceValue, literalLength == 0);
            if (literalLength > literalCount - literal) {
                throw new CorruptDataException("Zstandard block uses more literals than it has");
            }
            if (literalLength + matchLength > end - d) {
                throw tooLarge();
            }
            if (literalLength <= FASTEST && end - d >= FASTEST && literal + FASTEST <= MAX_BLOCK) {
                Matches.copy16(literals, literal, dst, d);
            } else {
                System.arraycopy(literals, literal, dst, d, literalLength);
            }
            literal += literalLength;
            d += literalLength;
            if (distance > d - frameStart) {
                throw new CorruptDataException("Zstandard match reaches back before its frame");
            }
            Matches.copy(dst, d, distance, matchLength, end);
            d += matchLength;
            if (i + 1 < count) {
                literalState = literalTable.base(literalState) + (int) in.read(literalTable.bits(literalState));
                matchState = matchTable.base(matchState) + (int) in.read(matchTable.bits(matchState));
                distanceState = distanceTable.base(distanceState) + (int) in.read(distanceTable.bits(distanceState));
            }
        }
        if (in.left() != 0) {
            throw new CorruptDataException("Zstandard sequences do not end where they should");
        }
        int rest = literalCount - literal;
        if (rest > end - d) {
            throw tooLarge();
        }
        System.arraycopy(literals, literal, dst, d, rest);
        out.size(d + rest);
    }

    /** Values 1 to 3 name a recent distance, shifted by one where no literals come before the match. */
    private int distance(long value, boolean noLiterals) throws CorruptDataException {
        int distance;
        if (value > 3) {
            if (value - 3 > Integer.MAX_VALUE) {
                throw new CorruptDataException("Zstandard match reaches back too far");
            }
            distance = (int) (value - 3);
        } else {
            switch ((int) value + (noLiterals ? 1 : 0)) {
                case 1:
                    return recent1;
                case 2:
                    distance = recent2;
                    recent2 = recent1;
                    recent1 = distance;
                    return distance;
                case 3:
                    distance = recent3;
                    break;
                default:
                    distance = recent1 - 1;
                    if (distance == 0) {
                        throw new CorruptDataException("Zstandard match of distance 0");
                    }
            }
        }
        recent3 = recent2;
        recent2 = recent1;
        recent1 = distance;
        return distance;
    }

    private void need(int count) throws CorruptDataException {
        if (count > to - at) {
            throw truncated();
        }
    }

    private static CorruptDataException truncated() {
        return new CorruptDataException("Zstandard block is truncated");
    }

    private static CorruptDataException tooLarge() {
        return new CorruptDataException("Zstandard block is larger than announced or than 128 KiB");
    }
}

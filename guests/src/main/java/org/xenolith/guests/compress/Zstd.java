package org.xenolith.guests.compress;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

/**
 * Zstandard frames (RFC 8878) without dictionaries. The whole output is the window, so a frame's window size needs no
 * memory of its own.
 */
final class Zstd {
    static final int MAGIC = 0xfd2f_b528;

    private static final int SKIPPABLE = 0x184d_2a50;
    private static final int MAX_BLOCK = 128 << 10;

    private final byte[] src;
    private final int to;
    private final Output out;
    private int at;

    private Zstd(byte[] src, int from, int to, Output out) {
        this.src = src;
        this.at = from;
        this.to = to;
        this.out = out;
    }

    static void decompress(byte[] src, int from, int to, Output out) throws CorruptDataException {
        Zstd decoder = new Zstd(src, from, to, out);
        while (decoder.at < to) {
            decoder.frame();
        }
    }

    /** Decompresses frames until there are {@code size} bytes; what lies behind them is not looked at. */
    static void decompressPrefix(byte[] src, int from, int to, Output out, int size) throws CorruptDataException {
        Zstd decoder = new Zstd(src, from, to, out);
        while (decoder.at < to && out.size() < size) {
            decoder.frame();
        }
    }

    private void frame() throws CorruptDataException {
        need(4);
        int magic = i32(src, at);
        at += 4;
        if ((magic & ~0xf) == SKIPPABLE) {
            need(4);
            long length = u32(src, at);
            if (length > to - at - 4) {
                throw truncated();
            }
            at += 4 + (int) length;
            return;
        }
        if (magic != MAGIC) {
            throw new CorruptDataException("Zstandard frame does not start with its magic number");
        }
        need(1);
        int descriptor = u8(src, at++);
        boolean single = (descriptor & 0x20) != 0;
        if ((descriptor & 8) != 0) {
            throw new CorruptDataException("Zstandard frame of an unknown version");
        }
        int contentSize = switch (descriptor >> 6) {
            case 0 -> single ? 1 : 0;
            case 1 -> 2;
            case 2 -> 4;
            default -> 8;
        };
        int dictionaryId = (1 << (descriptor & 3)) / 2;
        need((single ? 0 : 1) + dictionaryId + contentSize);
        at += single ? 0 : 1;
        for (int i = 0; i < dictionaryId; i++) {
            if (src[at + i] != 0) {
                throw new CorruptDataException("Zstandard frame that needs a dictionary");
            }
        }
        at += dictionaryId;
        long size = switch (contentSize) {
            case 0 -> -1;
            case 1 -> u8(src, at);
            case 2 -> u16(src, at) + 256;
            case 4 -> u32(src, at);
            default -> i64(src, at);
        };
        at += contentSize;
        content(size, (descriptor & 4) != 0);
    }

    private void content(long size, boolean checksum) throws CorruptDataException {
        int start = out.size();
        if (size > out.room()) {
            throw out.tooLarge();
        }
        ZstdBlock blocks = new ZstdBlock(src, out);
        boolean last = false;
        while (!last) {
            need(3);
            int header = u16(src, at) | u8(src, at + 2) << 16;
            at += 3;
            last = (header & 1) != 0;
            block(blocks, header >> 1 & 3, header >> 3);
        }
        if (size >= 0 && out.size() - start != size) {
            throw new CorruptDataException("Zstandard frame has not the size that it announces");
        }
        if (checksum) {
            need(4);
            if ((int) Xxh64.hash(out.data(), start, out.size() - start) != i32(src, at)) {
                throw new CorruptDataException("Zstandard checksum does not match");
            }
            at += 4;
        }
    }

    private void block(ZstdBlock blocks, int type, int size) throws CorruptDataException {
        if (size > MAX_BLOCK) {
            throw new CorruptDataException("Zstandard block of " + size + " bytes");
        }
        switch (type) {
            case 0 -> {
                need(size);
                out.append(src, at, size);
                at += size;
            }
            case 1 -> {
                need(1);
                out.fill(src[at++], size);
            }
            case 2 -> {
                need(size);
                out.reserve(Math.min(MAX_BLOCK, out.room()));
                blocks.decode(at, at + size, Math.min(MAX_BLOCK, out.room()));
                at += size;
            }
            default -> throw new CorruptDataException("Zstandard block of a reserved type");
        }
    }

    private void need(int count) throws CorruptDataException {
        if (count > to - at) {
            throw truncated();
        }
    }

    private static CorruptDataException truncated() {
        return new CorruptDataException("Zstandard data is truncated");
    }
}

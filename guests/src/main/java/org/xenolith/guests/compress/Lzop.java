package org.xenolith.guests.compress;

import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.Checksum;
import org.xenolith.guests.LittleEndian;

/** lzop's container: a header, then blocks of LZO1X data with optional checksums, ended by a size of 0. */
final class Lzop {
    private static final int ADLER32_D = 0x1;
    private static final int ADLER32_C = 0x2;
    private static final int EXTRA_FIELD = 0x40;
    private static final int CRC32_D = 0x100;
    private static final int CRC32_C = 0x200;
    private static final int MULTIPART = 0x400;
    private static final int FILTER = 0x800;
    private static final int MAGIC_LENGTH = 9;
    private static final int MAX_BLOCK = 64 << 20;

    private final byte[] src;
    private final int to;
    private final Output out;
    private int at;

    private Lzop(byte[] src, int from, int to, Output out) {
        this.src = src;
        this.at = from;
        this.to = to;
        this.out = out;
    }

    static void decompress(byte[] src, int from, int to, Output out) throws CorruptDataException {
        new Lzop(src, from, to, out).run();
    }

    private void run() throws CorruptDataException {
        int flags = header();
        while (true) {
            int size = int32();
            if (size == 0) {
                return;
            }
            block(size, flags);
        }
    }

    private int header() throws CorruptDataException {
        skip(MAGIC_LENGTH);
        int version = int16();
        // Written by the library of that version; of no use here.
        skip(2);
        if (version >= 0x940) {
            skip(2);
        }
        int method = int8();
        if (method < 1 || method > 3) {
            throw new CorruptDataException("lzop method " + method + " is not one of LZO1X");
        }
        if (version >= 0x940) {
            skip(1);
        }
        int flags = int32();
        if ((flags & (MULTIPART | FILTER)) != 0) {
            throw new CorruptDataException("lzop flags 0x" + Integer.toHexString(flags) + " are not supported");
        }
        // Mode and time, whose high half came with version 0.94.
        skip(version >= 0x940 ? 12 : 8);
        skip(int8());
        skip(4);
        if ((flags & EXTRA_FIELD) != 0) {
            skip(int32());
            skip(4);
        }
        return flags;
    }

    private void block(int size, int flags) throws CorruptDataException {
        int compressed = int32();
        if (size < 0 || size > MAX_BLOCK || compressed <= 0 || compressed > size) {
            throw new CorruptDataException("lzop block of " + Integer.toUnsignedString(size) + " bytes from "
                    + Integer.toUnsignedString(compressed));
        }
        int adler = (flags & ADLER32_D) != 0 ? int32() : 0;
        int crc = (flags & CRC32_D) != 0 ? int32() : 0;
        if (compressed < size) {
            skip((flags & ADLER32_C) != 0 ? 4 : 0);
            skip((flags & CRC32_C) != 0 ? 4 : 0);
        }
        int start = out.size();
        int from = at;
        skip(compressed);
        if (compressed == size) {
            out.append(src, from, size);
        } else {
            // A small block may claim 64 MiB: LZO makes at most 255 bytes of one.
            if (size / 256 > compressed) {
                throw new CorruptDataException("lzop block of " + size + " bytes from only " + compressed);
            }
            out.reserve(size);
            int end = Lzo1x.decode(src, from, at, out.data(), start, start + size);
            if (end != start + size) {
                throw new CorruptDataException("lzop block is shorter than announced");
            }
            out.size(end);
        }
        if ((flags & ADLER32_D) != 0) {
            check(new Adler32(), start, size, adler);
        }
        if ((flags & CRC32_D) != 0) {
            check(new CRC32(), start, size, crc);
        }
    }

    private void check(Checksum sum, int start, int size, int expected) throws CorruptDataException {
        sum.update(out.data(), start, size);
        if ((int) sum.getValue() != expected) {
            throw new CorruptDataException("lzop checksum does not match");
        }
    }

    private void skip(int count) throws CorruptDataException {
        if (count < 0 || count > to - at) {
            throw new CorruptDataException("lzop data is truncated");
        }
        at += count;
    }

    private int int8() throws CorruptDataException {
        skip(1);
        return LittleEndian.u8(src, at - 1);
    }

    private int int16() throws CorruptDataException {
        skip(2);
        return LittleEndian.u8(src, at - 2) << 8 | LittleEndian.u8(src, at - 1);
    }

    private int int32() throws CorruptDataException {
        skip(4);
        return Integer.reverseBytes(LittleEndian.i32(src, at - 4));
    }
}

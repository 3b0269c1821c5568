package org.xenolith.guests.compress;

import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.xenolith.guests.LittleEndian;

/** One gzip member (RFC 1952), inflated straight into the output; anything behind it is ignored. */
final class Gzip {
    private static final int FHCRC = 2;
    private static final int FEXTRA = 4;
    private static final int FNAME = 8;
    private static final int FCOMMENT = 16;
    private static final int CHUNK = 1 << 20;

    private Gzip() {}

    static void decompress(byte[] src, int from, int to, Output out)
            throws CorruptDataException, DataFormatException {
        int s = skipHeader(src, from, to);
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(src, s, to - s);
            int start = out.size();
            while (!inflater.finished()) {
                if (out.room() == 0) {
                    throwIfMore(inflater, out);
                    break;
                }
                out.reserve(Math.min(CHUNK, out.room()));
                int n = inflater.inflate(out.data(), out.size(), out.data().length - out.size());
                if (n == 0 && !inflater.finished()) {
                    throw new CorruptDataException("gzip data is truncated");
                }
                out.size(out.size() + n);
            }
            checkTrailer(src, (int) (s + inflater.getBytesRead()), to, out, start);
        } finally {
            inflater.end();
        }
    }

    private static void throwIfMore(Inflater inflater, Output out) throws CorruptDataException, DataFormatException {
        byte[] one = new byte[1];
        if (inflater.inflate(one) != 0 || !inflater.finished()) {
            throw out.tooLarge();
        }
    }

    private static void checkTrailer(byte[] src, int at, int to, Output out, int start) throws CorruptDataException {
        if (to - at < 8) {
            throw new CorruptDataException("gzip data is truncated in its checksum");
        }
        CRC32 crc = new CRC32();
        crc.update(out.data(), start, out.size() - start);
        if ((int) crc.getValue() != LittleEndian.i32(src, at)) {
            throw new CorruptDataException("gzip checksum does not match");
        }
    }

    private static int skipHeader(byte[] src, int from, int to) throws CorruptDataException {
        if (to - from < 18 || LittleEndian.u8(src, from + 2) != 8) {
            throw new CorruptDataException("gzip header is damaged");
        }
        int flags = LittleEndian.u8(src, from + 3);
        int s = from + 10;
        if ((flags & FEXTRA) != 0) {
            s += 2 + LittleEndian.u16(src, s);
        }
        if ((flags & FNAME) != 0) {
            s = behindZero(src, s, to);
        }
        if ((flags & FCOMMENT) != 0) {
            s = behindZero(src, s, to);
        }
        if ((flags & FHCRC) != 0) {
            s += 2;
        }
        if (s >= to) {
            throw new CorruptDataException("gzip data ends in its header");
        }
        return s;
    }

    private static int behindZero(byte[] src, int from, int to) throws CorruptDataException {
        for (int s = from; s < to; s++) {
            if (src[s] == 0) {
                return s + 1;
            }
        }
        throw new CorruptDataException("gzip data ends in its header");
    }
}

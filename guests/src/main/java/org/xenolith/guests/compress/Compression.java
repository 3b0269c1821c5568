package org.xenolith.guests.compress;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.zip.DataFormatException;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.XZInputStream;
import org.xenolith.guests.LittleEndian;

/** The formats that a Linux kernel's payload comes in, told by their magic numbers. */
public enum Compression {
    /** RFC 1952. */
    GZIP("gzip") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException, DataFormatException {
            Gzip.decompress(src, from, to, out);
        }
    },
    /** The .xz format, with the x86 filter that kernels use. */
    XZ("xz") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException, IOException {
            try (InputStream in = new XZInputStream(input(src, from, to), MEMORY_LIMIT_KIB)) {
                drain(in, out);
            }
        }
    },
    /** LZ4 in its legacy frame. */
    LZ4("LZ4 (legacy)") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException {
            Lz4Legacy.decompress(src, from, to, out);
        }
    },
    /** RFC 8878. */
    ZSTD("Zstandard") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException {
            Zstd.decompress(src, from, to, out);
        }
    },
    /** bzip2. */
    BZIP2("bzip2") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException {
            Bzip2.decompress(src, from, to, out);
        }
    },
    /** LZMA as xz-utils' "lzma" writes it. */
    LZMA("LZMA") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException, IOException {
            try (InputStream in = new LZMAInputStream(input(src, from, to), MEMORY_LIMIT_KIB)) {
                drain(in, out);
            }
        }
    },
    /** LZO1X in lzop's container. */
    LZO("LZO (lzop)") {
        @Override
        void run(byte[] src, int from, int to, Output out) throws CorruptDataException {
            Lzop.decompress(src, from, to, out);
        }
    };

    /** Linux from 6.12 on uses a dictionary of 128 MiB, whatever the size of the kernel. */
    private static final int MEMORY_LIMIT_KIB = 140 * 1024;

    private static final int CHUNK = 1 << 20;

    private final String label;

    Compression(String label) {
        this.label = label;
    }

    /** {@return the format's name for messages} */
    public String label() {
        return label;
    }

    /**
     * Recognizes a format by its first bytes.
     *
     * @param bytes holds the data
     * @param from index of its first byte
     * @param to index behind its last byte
     * @return the format, if it is one of these
     */
    public static Optional<Compression> detect(byte[] bytes, int from, int to) {
        if (to - from < 12) {
            return Optional.empty();
        }
        int first = LittleEndian.i32(bytes, from);
        if ((first & 0xffff) == 0x8b1f) {
            return Optional.of(GZIP);
        }
        if (first == 0x587a_37fd && LittleEndian.u16(bytes, from + 4) == 0x005a) {
            return Optional.of(XZ);
        }
        if (first == Lz4Legacy.MAGIC) {
            return Optional.of(LZ4);
        }
        if (first == Zstd.MAGIC) {
            return Optional.of(ZSTD);
        }
        if (first == 0x4f5a_4c89 && LittleEndian.i32(bytes, from + 4) == 0x1a0a_0d00) {
            return Optional.of(LZO);
        }
        if ((first & 0xff_ffff) == 0x68_5a42) {
            return Optional.of(BZIP2);
        }
        // The .lzma header has no magic; 5d 00 00 are the usual properties and the low half of a dictionary size.
        if ((first & 0xff_ffff) == 0x5d) {
            return Optional.of(LZMA);
        }
        return Optional.empty();
    }

    /**
     * Decompresses data of this format.
     *
     * @param src holds the data
     * @param from index of its first byte
     * @param to index behind its last byte
     * @param limit the most bytes that may come out
     * @return what came out
     * @throws CorruptDataException if the data is damaged or becomes larger than the limit
     */
    public byte[] decompress(byte[] src, int from, int to, int limit) throws CorruptDataException {
        Output out = new Output(limit, to - from);
        try {
            run(src, from, to, out);
        } catch (IOException | DataFormatException | RuntimeException e) {
            // RuntimeException: the libraries do not promise more than an IndexOutOfBoundsException on hostile data.
            String message = e.getMessage() == null ? "" : " (" + e.getMessage() + ")";
            throw new CorruptDataException("the " + label + " data is damaged or truncated" + message, e);
        }
        return out.toArray();
    }

    abstract void run(byte[] src, int from, int to, Output out)
            throws CorruptDataException, IOException, DataFormatException;

    private static InputStream input(byte[] src, int from, int to) {
        return new ByteArrayInputStream(src, from, to - from);
    }

    private static void drain(InputStream in, Output out) throws IOException, CorruptDataException {
        while (true) {
            if (out.room() == 0) {
                // The end of the data must be seen too: it carries the checksum.
                if (in.read() >= 0) {
                    throw out.tooLarge();
                }
                return;
            }
            out.reserve(Math.min(CHUNK, out.room()));
            int n = in.read(out.data(), out.size(), Math.min(CHUNK, out.room()));
            if (n < 0) {
                return;
            }
            out.size(out.size() + n);
        }
    }
}

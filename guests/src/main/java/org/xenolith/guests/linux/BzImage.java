package org.xenolith.guests.linux;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.compress.Compression;
import org.xenolith.guests.compress.CorruptDataException;
import org.xenolith.guests.elf.ElfImage;

/**
 * The header of a Linux bzImage (Documentation/arch/x86/boot.rst) and the compressed kernel behind it.
 *
 * @param protocol version of the boot protocol, for example 0x20f for 2.15
 * @param version the kernel's version line, empty where the image has none
 * @param payloadOffset index of the payload's first byte in the file
 * @param payloadLength its length in bytes
 * @param loadFlags {@code loadflags}
 * @param xloadFlags {@code xloadflags}, 0 before protocol 2.12
 * @param prefAddress preferred load address, 0 before protocol 2.10
 * @param initSize bytes that the kernel needs at its load address before it knows its memory, 0 before 2.10
 */
public record BzImage(
        int protocol,
        String version,
        int payloadOffset,
        int payloadLength,
        int loadFlags,
        int xloadFlags,
        long prefAddress,
        long initSize) {

    private static final int BOOT_FLAG = 0x1fe;
    private static final int HEADER = 0x202;
    private static final int HDRS = 0x5372_6448;
    private static final int PAYLOAD_PROTOCOL = 0x208;
    private static final int MAX_VERSION = 256;

    /**
     * Whether bytes look like a Linux x86 boot image of any kind.
     *
     * @param bytes the start of a file
     * @return whether the boot sector's signature and the header's magic number are there
     */
    public static boolean isBzImage(byte[] bytes) {
        return bytes.length >= HEADER + 4 && u16(bytes, BOOT_FLAG) == 0xaa55 && i32(bytes, HEADER) == HDRS;
    }

    /**
     * Reads the header.
     *
     * @param file the image's name for messages
     * @param bytes the whole image, for which {@link #isBzImage} holds
     * @return the header, whose payload lies within the bytes
     * @throws ImageException if it is truncated or too old to carry a payload
     */
    public static BzImage parse(String file, byte[] bytes) throws ImageException {
        if (bytes.length < 0x264) {
            throw new ImageException(file, "is truncated in its Linux boot header");
        }
        int protocol = u16(bytes, 0x206);
        if (protocol < PAYLOAD_PROTOCOL) {
            throw new ImageException(file, "is a Linux image of boot protocol " + (protocol >> 8) + "."
                    + (protocol & 0xff) + "; at least 2.8 (Linux 2.6.24) is needed to find the kernel in it");
        }
        int setupSectors = u8(bytes, 0x1f1) == 0 ? 4 : u8(bytes, 0x1f1);
        long start = (setupSectors + 1) * 512L + u32(bytes, 0x248);
        long length = u32(bytes, 0x24c);
        if (start + length > bytes.length) {
            throw new ImageException(file, "is truncated: its compressed kernel ends at byte " + (start + length)
                    + ", the file has " + bytes.length);
        }
        if (length < 16) {
            throw new ImageException(file, "has a payload_length of " + length + "; the compressed kernel is missing");
        }
        return new BzImage(
                protocol,
                versionLine(bytes),
                (int) start,
                (int) length,
                u8(bytes, 0x211),
                protocol >= 0x20c ? u16(bytes, 0x236) : 0,
                protocol >= 0x20a ? i64(bytes, 0x258) : 0,
                protocol >= 0x20a ? u32(bytes, 0x260) : 0);
    }

    private static String versionLine(byte[] bytes) {
        int at = u16(bytes, 0x20e);
        if (at == 0 || at + 0x200 >= bytes.length) {
            return "";
        }
        int from = at + 0x200;
        int to = from;
        while (to < bytes.length && to < from + MAX_VERSION && bytes[to] != 0) {
            to++;
        }
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }

    /**
     * Decompresses the kernel.
     *
     * @param file the image's name for messages
     * @param bytes the whole image
     * @param limit the most bytes that the kernel may have
     * @return the vmlinux: an ELF image, as yet unchecked
     * @throws ImageException if the format is unknown, the data is damaged, or the kernel is larger than the limit
     */
    public byte[] kernel(String file, byte[] bytes, long limit) throws ImageException {
        int end = payloadOffset + payloadLength;
        Optional<Compression> format = Compression.detect(bytes, payloadOffset, end);
        if (format.isEmpty()) {
            if (i32(bytes, payloadOffset) == 0x464c_457f) {
                throw new ImageException(file, "has an uncompressed kernel, which no Linux for x86 has");
            }
            throw new ImageException(file, "has a kernel compressed in an unknown way (it starts with "
                    + String.format("%08x", Integer.reverseBytes(i32(bytes, payloadOffset))) + ")");
        }
        // Linux appends the uncompressed size; gzip's own trailer ends with the very same field.
        long size = u32(bytes, end - 4);
        if (size > limit) {
            throw new ImageException(file, "needs " + mebibytes(size) + " for its kernel; only " + mebibytes(limit)
                    + " may be used: give the guest more memory, or the image is damaged");
        }
        int dataEnd = format.get() == Compression.GZIP ? end : end - 4;
        try {
            byte[] kernel = format.get().decompress(bytes, payloadOffset, dataEnd, (int) size);
            if (kernel.length != size) {
                throw new ImageException(file, "is damaged: its kernel has " + kernel.length + " bytes where " + size
                        + " are announced");
            }
            if (!ElfImage.isElf(kernel)) {
                throw new ImageException(file, "is damaged: what it is compressed from is not an ELF file");
            }
            return kernel;
        } catch (CorruptDataException e) {
            throw new ImageException(file, "is damaged: " + e.getMessage(), e);
        }
    }

    private static String mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1 >> 20) + " MiB";
    }
}

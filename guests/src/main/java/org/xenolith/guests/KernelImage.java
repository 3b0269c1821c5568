package org.xenolith.guests;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.xenolith.guests.compress.Compression;
import org.xenolith.guests.compress.CorruptDataException;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.XenGuestInfo;
import org.xenolith.guests.linux.BzImage;

/**
 * A kernel, taken out of whatever it was wrapped in.
 *
 * @param elf the kernel itself
 * @param xen what it tells Xen
 * @param bzImage the Linux boot header, where it came in one
 */
public record KernelImage(ElfImage elf, XenGuestInfo xen, Optional<BzImage> bzImage) {
    /** The largest kernel file and the largest kernel that is looked at, in bytes. */
    public static final long MAX_SIZE = 512L << 20;

    /**
     * Reads a kernel: an ELF file, one compressed by gzip, or a Linux bzImage.
     *
     * @param file the file
     * @param limit the most bytes that the uncompressed kernel may have: the guest's memory
     * @return the kernel
     * @throws ImageException if it is no kernel for x86 or is damaged
     */
    public static KernelImage read(ImageFile file, long limit) throws ImageException {
        return parse(file.name(), file.readAll(MAX_SIZE), limit);
    }

    /**
     * Reads a kernel from memory.
     *
     * @param file the image's name for messages
     * @param bytes the image, shared from now on
     * @param limit the most bytes that the uncompressed kernel may have
     * @return the kernel
     * @throws ImageException if it is no kernel for x86 or is damaged
     */
    public static KernelImage parse(String file, byte[] bytes, long limit) throws ImageException {
        long most = Math.min(limit, MAX_SIZE);
        if (BzImage.isBzImage(bytes)) {
            BzImage header = BzImage.parse(file, bytes);
            return of(file, header.kernel(file, bytes, most), Optional.of(header));
        }
        byte[] content = unpacked(file, bytes, most);
        if (!ElfImage.isElf(content)) {
            throw new ImageException(file, "is not a kernel: " + describe(content, content.length != bytes.length));
        }
        return of(file, content, Optional.empty());
    }

    /**
     * What gzip has compressed, or the image itself where it has not.
     *
     * @param file the image's name for messages
     * @param bytes the image
     * @param limit the most bytes that the result may have
     * @throws ImageException if the image is damaged
     */
    public static byte[] unpacked(String file, byte[] bytes, long limit) throws ImageException {
        boolean gzipped = Compression.detect(bytes, 0, bytes.length).orElse(null) == Compression.GZIP;
        return gzipped ? gunzip(file, bytes, Math.min(limit, MAX_SIZE)) : bytes;
    }

    private static KernelImage of(String file, byte[] content, Optional<BzImage> header) throws ImageException {
        ElfImage elf = ElfImage.parse(file, content);
        return new KernelImage(elf, XenGuestInfo.of(elf), header);
    }

    private static byte[] gunzip(String file, byte[] bytes, long limit) throws ImageException {
        long claimed = LittleEndian.u32(bytes, bytes.length - 4);
        try {
            return Compression.GZIP.decompress(bytes, 0, bytes.length, (int) Math.min(claimed, limit));
        } catch (CorruptDataException e) {
            throw new ImageException(file, "is damaged: " + e.getMessage(), e);
        }
    }

    /** Names what people take for a kernel by mistake; the caller has excluded ELF and bzImage. */
    private static String describe(byte[] bytes, boolean gzipped) {
        if (hasText(bytes, 0x38, "ARM\u0064")) {
            return "it is a Linux image for AArch64; one for x86-64 is needed";
        }
        if (hasText(bytes, 0x38, "RSC\u0005")) {
            return "it is a Linux image for RISC-V; one for x86-64 is needed";
        }
        if (bytes.length >= 0x28 && LittleEndian.i32(bytes, 0x24) == 0x016f_2818) {
            return "it is a Linux zImage for ARM; one for x86-64 is needed";
        }
        if (hasText(bytes, 0, "070701") || hasText(bytes, 0, "070702")) {
            return "it is a cpio archive" + (gzipped ? " compressed by gzip" : "") + "; is it the initrd?";
        }
        if (hasText(bytes, 0x8001, "CD001")) {
            return "it is a CD image; give it as a disk, or take the kernel out of it";
        }
        if (hasText(bytes, 0, "MZ")) {
            return "it is an EFI or Windows program without a Linux boot header";
        }
        if (hasText(bytes, 0, "#!")) {
            return "it is a script";
        }
        if (bytes.length < 1024) {
            return "it has only " + bytes.length + " bytes, neither ELF nor bzImage";
        }
        Optional<Compression> format = Compression.detect(bytes, 0, bytes.length);
        if (format.isPresent()) {
            return "it is a file compressed by " + format.get().label() + "; is it the initrd?";
        }
        return "it is neither an ELF file nor a Linux bzImage";
    }

    private static boolean hasText(byte[] bytes, int at, String text) {
        return bytes.length >= at + text.length()
                && new String(bytes, at, text.length(), StandardCharsets.ISO_8859_1).equals(text);
    }
}

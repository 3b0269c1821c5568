package org.xenolith.guests.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** How a disk lies in its file. */
public enum DiskFormat {
    /** The bytes of the disk, as they are. */
    RAW,
    /** QEMU's copy-on-write format, versions 2 and 3. */
    QCOW2,
    /** The format of Virtual PC and Hyper-V before VHDX: fixed, dynamic and differencing disks. QEMU calls it {@code vpc}. */
    VHD;

    /** How many bytes from the start of a file {@link #recognise} looks at. */
    public static final int MAGIC_BYTES = 8;

    private static final byte[] QCOW = {'Q', 'F', 'I', (byte) 0xfb};
    private static final byte[] VHD_COOKIE = "conectix".getBytes(StandardCharsets.US_ASCII);
    /** Beginnings that other tools take for a format of theirs. */
    private static final byte[][] FOREIGN = {"vhdxfile".getBytes(StandardCharsets.US_ASCII), {'K', 'D', 'M', 'V'},
        {'C', 'O', 'W', 'D'}, {'Q', 'E', 'D', 0}, "# Disk D".getBytes(StandardCharsets.US_ASCII),
        "<<< ".getBytes(StandardCharsets.US_ASCII), "WithoutF".getBytes(StandardCharsets.US_ASCII)};

    /** {@return the name for options and messages: {@code raw}, {@code qcow2}, {@code vhd}} */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** {@return the format of a name, also QEMU's {@code vpc}} */
    public static Optional<DiskFormat> named(String name) {
        return switch (name) {
            case "raw" -> Optional.of(RAW);
            case "qcow2" -> Optional.of(QCOW2);
            case "vhd", "vpc" -> Optional.of(VHD);
            default -> Optional.empty();
        };
    }

    /**
     * Recognises a format by the first bytes of a file. A fixed VHD begins with the disk's own bytes and is never recognised: what a guest writes to its
     * last sector must not change what the file is.
     *
     * @param start the first bytes of the file; fewer than {@link #MAGIC_BYTES} if the file is shorter
     * @return the format, or nothing, which is how a raw image looks
     */
    public static Optional<DiskFormat> recognise(byte[] start) {
        if (startsWith(start, 0, QCOW)) {
            return Optional.of(QCOW2);
        }
        return startsWith(start, 0, VHD_COOKIE) ? Optional.of(VHD) : Optional.empty();
    }

    /** Whether the first sector of a disk would make somebody, we or another tool, take a raw image for another format. */
    static boolean looksLikeAnImage(byte[] sector, int at) {
        if (startsWith(sector, at, QCOW) || startsWith(sector, at, VHD_COOKIE)) {
            return true;
        }
        return Arrays.stream(FOREIGN).anyMatch(magic -> startsWith(sector, at, magic));
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] magic) {
        return bytes.length - at >= magic.length
                && Arrays.equals(bytes, at, at + magic.length, magic, 0, magic.length);
    }
}

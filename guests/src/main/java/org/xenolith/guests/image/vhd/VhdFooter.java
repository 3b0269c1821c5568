package org.xenolith.guests.image.vhd;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put16;
import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.put64;
import static org.xenolith.guests.image.BigEndian.u16;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;

/** The footer: 512 bytes at the end of the file and, of all but fixed disks, a copy at its start. */
final class VhdFooter {
    static final int LENGTH = 512;
    static final int FIXED = 2;
    static final int DYNAMIC = 3;
    static final int DIFFERENCING = 4;
    /** The format ends at 2040 GiB. */
    static final long MOST_SIZE = 2040L << 30;

    private static final byte[] COOKIE = "conectix".getBytes(StandardCharsets.US_ASCII);
    private static final int AT_CHECKSUM = 64;
    private static final long MOST_CHS_SECTORS = 65535L * 16 * 255;
    /** The mark of QEMU's force_size: the size is what the size field says, not what the geometry makes of it. */
    private static final String EXACT_SIZE_CREATOR = "qem2";

    private final byte[] bytes;

    private VhdFooter(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Reads the footer, or its copy if the footer is damaged. */
    static VhdFooter read(ByteStore store) throws IOException {
        long size = store.size();
        byte[] end = size >= LENGTH ? bytesAt(store, size - LENGTH) : new byte[LENGTH];
        String fault = faultOf(end);
        if (fault != null) {
            end = bytesAt(store, 0);
            if (faultOf(end) != null) {
                throw new DiskException(store.name(), "vhd footer: " + fault);
            }
        }
        VhdFooter footer = new VhdFooter(end);
        footer.check(store, size);
        return footer;
    }

    /** Whether there is a footer at an offset of the file whose checksum is right. */
    static boolean isWhole(ByteStore store, long offset) throws IOException {
        return faultOf(bytesAt(store, offset)) == null;
    }

    private static byte[] bytesAt(ByteStore store, long offset) throws IOException {
        byte[] footer = new byte[LENGTH];
        store.read(offset, footer, 0, LENGTH);
        return footer;
    }

    private static String faultOf(byte[] footer) {
        if (!Arrays.equals(footer, 0, COOKIE.length, COOKIE, 0, COOKIE.length)) {
            return "cookie is not 'conectix'";
        }
        return checksum(footer, AT_CHECKSUM) == (int) u32(footer, AT_CHECKSUM) ? null : "checksum does not match";
    }

    /** The complement of the sum of all bytes but those of the checksum itself. */
    static int checksum(byte[] block, int at) {
        int sum = 0;
        for (int i = 0; i < block.length; i++) {
            sum += i >= at && i < at + 4 ? 0 : block[i] & 0xff;
        }
        return ~sum;
    }

    private void check(ByteStore store, long fileSize) throws DiskException {
        if (type() < FIXED || type() > DIFFERENCING) {
            throw new DiskException(store.name(), "vhd footer: disk type is " + type()
                    + "; 2 (fixed), 3 (dynamic) and 4 (differencing) are known");
        }
        if (u32(bytes, 12) >>> 16 != 1) {
            throw new DiskException(store.name(), "vhd footer: version is " + (u32(bytes, 12) >>> 16) + "; 1 is known");
        }
        long size = size();
        if (size <= 0 || size > MOST_SIZE || size % 512 != 0) {
            throw new DiskException(store.name(), "vhd footer: current size is " + Long.toUnsignedString(size)
                    + ", which no disk can have");
        }
        if (type() == FIXED && size > fileSize - LENGTH) {
            throw new DiskException(store.name(), "vhd footer: current size is " + size + ", more than the file holds");
        }
    }

    /** A new footer; {@code stamp} is in seconds since 2000. */
    static VhdFooter make(int type, long size, long stamp, byte[] id) {
        byte[] f = new byte[LENGTH];
        System.arraycopy(COOKIE, 0, f, 0, COOKIE.length);
        put32(f, 8, 2);
        put32(f, 12, 0x0001_0000);
        put64(f, 16, type == FIXED ? -1 : LENGTH);
        put32(f, 24, (int) stamp);
        System.arraycopy(EXACT_SIZE_CREATOR.getBytes(StandardCharsets.US_ASCII), 0, f, 28, 4);
        put32(f, 32, 0x0005_0003);
        System.arraycopy("Wi2k".getBytes(StandardCharsets.US_ASCII), 0, f, 36, 4);
        put64(f, 40, size);
        put64(f, 48, size);
        putGeometry(f, size / 512);
        put32(f, 60, type);
        System.arraycopy(id, 0, f, 68, 16);
        put32(f, AT_CHECKSUM, checksum(f, AT_CHECKSUM));
        return new VhdFooter(f);
    }

    /** The specification's appendix "CHS calculation". */
    private static void putGeometry(byte[] f, long sectors) {
        long total = Math.min(sectors, MOST_CHS_SECTORS);
        long spt;
        long heads = 16;
        long tracks;
        if (total >= 65535L * 16 * 63) {
            spt = 255;
            tracks = total / spt;
        } else {
            spt = 17;
            tracks = total / spt;
            heads = Math.max(4, (tracks + 1023) / 1024);
            if (tracks >= heads * 1024 || heads > 16) {
                spt = 31;
                heads = 16;
                tracks = total / spt;
            }
            if (tracks >= heads * 1024) {
                spt = 63;
                tracks = total / spt;
            }
        }
        put16(f, 56, (int) (tracks / heads));
        f[58] = (byte) heads;
        f[59] = (byte) spt;
    }

    int type() {
        return (int) u32(bytes, 60);
    }

    /**
     * Size of the disk in bytes. Virtual PC and QEMU (without force_size) mean the geometry, and leave the size field larger; where the geometry ends the size
     * field counts again.
     */
    long size() {
        String creator = new String(bytes, 28, 4, StandardCharsets.ISO_8859_1);
        long chs = (long) u16(bytes, 56) * (bytes[58] & 0xff) * (bytes[59] & 0xff);
        boolean geometry = creator.equals("vpc ") || creator.equals("vs  ") || creator.equals("qemu");
        return geometry && chs < MOST_CHS_SECTORS && chs > 0 ? chs * 512 : i64(bytes, 48);
    }

    long headerOffset() {
        return i64(bytes, 16);
    }

    long stamp() {
        return u32(bytes, 24);
    }

    byte[] id() {
        return Arrays.copyOfRange(bytes, 68, 84);
    }

    void write(ByteStore store, long offset) throws IOException {
        store.write(offset, bytes, 0, LENGTH);
    }
}

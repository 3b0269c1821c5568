package org.xenolith.guests.image.vhd;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.put64;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;

/**
 * The header of a dynamic or differencing disk.
 *
 * @param tableOffset where the block allocation table is
 * @param tableEntries how many entries it has
 * @param blockSize bytes of a block
 * @param parentId the unique id of the parent of a differencing disk
 * @param parents names of the parent, the most useful first
 * @param end where the last of header, table and parent locators ends in the file; each may lie behind blocks
 */
record VhdHeader(long tableOffset, int tableEntries, int blockSize, byte[] parentId, List<String> parents, long end) {
    static final int LENGTH = 1024;

    private static final byte[] COOKIE = "cxsparse".getBytes(StandardCharsets.US_ASCII);
    private static final int AT_CHECKSUM = 36;
    private static final int AT_NAME = 64;
    private static final int AT_LOCATORS = 576;
    private static final int LOCATORS = 8;
    private static final int RELATIVE = 0x5732_7275; // "W2ru"
    private static final int ABSOLUTE = 0x5732_6b75; // "W2ku"
    private static final int MAC_X = 0x4d61_6358; // "MacX", a file URL
    private static final int MOST_NAME = 4096;
    private static final int MOST_ENTRIES = 8 << 20;

    static VhdHeader read(ByteStore store, VhdFooter footer) throws IOException {
        long at = footer.headerOffset();
        if (at < VhdFooter.LENGTH || at % 512 != 0 || at > store.size() - LENGTH) {
            throw bad(store, "data offset in the footer is " + Long.toUnsignedString(at) + ", not within the file");
        }
        byte[] h = new byte[LENGTH];
        store.read(at, h, 0, LENGTH);
        if (!Arrays.equals(h, 0, 8, COOKIE, 0, 8)) {
            throw bad(store, "cookie is not 'cxsparse'");
        }
        if (VhdFooter.checksum(h, AT_CHECKSUM) != (int) u32(h, AT_CHECKSUM)) {
            throw bad(store, "checksum does not match");
        }
        long table = i64(h, 16);
        long entries = u32(h, 28);
        long blockSize = u32(h, 32);
        if (Long.bitCount(blockSize) != 1 || blockSize < 4096 || blockSize > 256 << 20) {
            throw bad(store, "block size is " + blockSize + "; powers of two from 4 KiB to 256 MiB are supported");
        }
        long needed = (footer.size() + blockSize - 1) / blockSize;
        if (entries < needed || needed > MOST_ENTRIES) {
            throw bad(store,
                    "max table entries is " + entries + "; the disk needs " + needed + ", at most " + MOST_ENTRIES);
        }
        if (table < 512 || table % 512 != 0 || table > store.size() - needed * 4) {
            throw bad(store, "table offset is " + Long.toUnsignedString(table) + ", not within the file");
        }
        List<String> parents = footer.type() == VhdFooter.DIFFERENCING ? parents(store, h) : List.of();
        long end = Math.max(at + LENGTH, end(table, entries * 4, needed * 4, store.size()));
        for (int i = 0; i < LOCATORS; i++) {
            int locator = AT_LOCATORS + i * 24;
            if (u32(h, locator) != 0) {
                end = Math.max(end, end(i64(h, locator + 16), u32(h, locator + 8), 0, store.size()));
            }
        }
        return new VhdHeader(table, (int) needed, (int) blockSize, Arrays.copyOfRange(h, 40, 56), parents,
                end + 511 & -512);
    }

    /** Where a piece of the file ends, or as much of it as must be there; 0 when that is nothing. */
    private static long end(long offset, long length, long least, long fileSize) {
        long within = offset >= 0 && offset <= fileSize - length ? length : least;
        return within == 0 ? 0 : offset + within;
    }

    private static List<String> parents(ByteStore store, byte[] h) throws IOException {
        List<String> relative = new ArrayList<>();
        List<String> absolute = new ArrayList<>();
        for (int i = 0; i < LOCATORS; i++) {
            int at = AT_LOCATORS + i * 24;
            long length = u32(h, at + 8);
            long offset = i64(h, at + 16);
            int code = (int) u32(h, at);
            if (code != RELATIVE && code != ABSOLUTE && code != MAC_X) {
                continue;
            }
            if (length == 0 || length > MOST_NAME || offset < 0 || offset > store.size() - length) {
                throw bad(store, "parent locator " + i + " is not within the file");
            }
            byte[] text = new byte[(int) length];
            store.read(offset, text, 0, text.length);
            Charset charset = code == MAC_X ? StandardCharsets.UTF_8 : StandardCharsets.UTF_16LE;
            String path = unixPath(new String(text, charset));
            if (code == RELATIVE) {
                relative.add(path);
            } else {
                absolute.add(path);
            }
        }
        String name = unixPath(new String(h, AT_NAME, 512, StandardCharsets.UTF_16BE));
        relative.addAll(absolute);
        relative.add(name.substring(name.lastIndexOf('/') + 1));
        return relative.stream().filter(n -> !n.isEmpty()).distinct().toList();
    }

    /** Windows' paths and file URLs as we write them: a drive goes, and the rest is tried as it is. */
    private static String unixPath(String text) {
        int end = text.indexOf('\0');
        String path = (end < 0 ? text : text.substring(0, end)).replace('\\', '/');
        path = path.replaceFirst("^file://(localhost)?", "").replaceFirst("^[A-Za-z]:/", "/");
        return path.startsWith("./") ? path.substring(2) : path;
    }

    private static DiskException bad(ByteStore store, String what) {
        return new DiskException(store.name(), "vhd dynamic header: " + what);
    }

    /** Length of the sector bitmap in front of each block, in bytes. */
    int bitmapBytes() {
        return (blockSize / 512 / 8 + 511) / 512 * 512;
    }

    /** A new header behind the footer's copy, with the table behind it; {@code parent} is the path of a parent relative to the image, or empty. */
    static byte[] make(long tableOffset, int entries, int blockSize, VhdFooter parentFooter, String parent,
            long locatorAt) {
        byte[] h = new byte[LENGTH];
        System.arraycopy(COOKIE, 0, h, 0, 8);
        put64(h, 8, -1);
        put64(h, 16, tableOffset);
        put32(h, 24, 0x0001_0000);
        put32(h, 28, entries);
        put32(h, 32, blockSize);
        if (parentFooter != null) {
            System.arraycopy(parentFooter.id(), 0, h, 40, 16);
            put32(h, 56, (int) parentFooter.stamp());
            byte[] name = parent.substring(parent.lastIndexOf('/') + 1).getBytes(StandardCharsets.UTF_16BE);
            System.arraycopy(name, 0, h, AT_NAME, Math.min(name.length, 510));
            put32(h, AT_LOCATORS, RELATIVE);
            put32(h, AT_LOCATORS + 4, 512);
            put32(h, AT_LOCATORS + 8, locator(parent).length);
            put64(h, AT_LOCATORS + 16, locatorAt);
        }
        put32(h, AT_CHECKSUM, VhdFooter.checksum(h, AT_CHECKSUM));
        return h;
    }

    /** A parent's path as it stands in the file. */
    static byte[] locator(String parent) {
        String path = parent.startsWith("/") ? parent : ".\\" + parent;
        return path.replace('/', '\\').getBytes(StandardCharsets.UTF_16LE);
    }
}

package org.xenolith.guests.image.vhd;

import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.Requests;
import org.xenolith.guests.image.TableCache;

/**
 * A dynamic or differencing disk: blocks that are there or not, each with a bitmap of the sectors that were written.
 *
 * <p>A new block goes where the footer was. First comes a footer behind the new block, so that one is always whole; then the bitmap and the data; the table that
 * leads to the block, and bits of bitmaps, wait until {@link #flush} has made those durable.
 */
public final class DynamicVhd implements DiskImage {
    private static final int UNUSED = -1;
    private static final int CACHE = 4 << 20;

    private final ByteStore store;
    private final VhdFooter footer;
    private final VhdHeader header;
    @Nullable
    private final DiskImage parent;
    private final boolean readOnly;
    private final int[] table;
    private final TableCache bitmaps;
    private int dirtyFrom = Integer.MAX_VALUE;
    private int dirtyTo;
    private long end;
    /** A write that failed may have left something behind the end. */
    private boolean tailUsed;

    private boolean present;
    private long host;
    private int run;

    DynamicVhd(ByteStore store, VhdFooter footer, VhdHeader header, Optional<DiskImage> parent, boolean readOnly)
            throws IOException {
        this.store = store;
        this.footer = footer;
        this.header = header;
        this.parent = parent.orElse(null);
        this.readOnly = readOnly;
        this.bitmaps = new TableCache(store, 512, CACHE);
        byte[] bytes = new byte[header.tableEntries() * 4];
        store.read(header.tableOffset(), bytes, 0, bytes.length);
        table = new int[header.tableEntries()];
        long firstBlock = header.tableOffset() + bytes.length + 511 & -512;
        end = Math.max(firstBlock, header.end());
        for (int i = 0; i < table.length; i++) {
            table[i] = (int) u32(bytes, i * 4);
            if (table[i] != UNUSED) {
                if (position(i) < firstBlock || position(i) >= store.size()) {
                    throw new DiskException(store.name(),
                            "vhd: entry " + i + " of the block allocation table points to sector "
                                    + (table[i] & 0xffff_ffffL) + ", where no block can be");
                }
                end = Math.max(end, position(i) + header.bitmapBytes() + header.blockSize());
            }
        }
    }

    /** Puts the footer behind the last block in use, whatever a crash left there, and its copy at the start. */
    void beginWriting() throws IOException {
        boolean copied = VhdFooter.isWhole(store, 0);
        if (store.size() == end + VhdFooter.LENGTH && VhdFooter.isWhole(store, end) && copied) {
            return;
        }
        footer.write(store, end);
        if (!copied) {
            footer.write(store, 0);
        }
        store.resize(end + VhdFooter.LENGTH);
        store.force();
    }

    private long position(int block) {
        return (table[block] & 0xffff_ffffL) * 512;
    }

    @Override
    public String name() {
        return store.name();
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.VHD;
    }

    @Override
    public long size() {
        return footer.size();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    int[] table() {
        return table;
    }

    VhdHeader header() {
        return header;
    }

    long end() {
        return end;
    }

    long fileSize() throws IOException {
        return store.size();
    }

    /** Finds whether the sectors at an offset are here, where, and how far the same goes on within the block. */
    private void resolve(long offset, int length) throws IOException {
        int block = (int) (offset / header.blockSize());
        int in = (int) (offset % header.blockSize());
        int most = Math.min(length, header.blockSize() - in);
        present = false;
        if (table[block] == UNUSED) {
            run = most;
            return;
        }
        long bitmap = position(block);
        host = bitmap + header.bitmapBytes() + in;
        int first = in / 512;
        int last = first + most / 512;
        present = bit(bitmap, first);
        int next = first + 1;
        while (next < last && bit(bitmap, next) == present) {
            next++;
            // a whole byte of the bitmap at a time
            while (next % 8 == 0 && next + 8 <= last && byteOf(bitmap, next) == (present ? 0xff : 0)) {
                next += 8;
            }
        }
        run = (next - first) * 512;
    }

    private int byteOf(long bitmap, int sector) throws IOException {
        TableCache.Page page = bitmaps.page(bitmap + sector / 8);
        return page.bytes[(int) (bitmap + sector / 8 - page.offset)] & 0xff;
    }

    private boolean bit(long bitmap, int sector) throws IOException {
        return (byteOf(bitmap, sector) >> 7 - sector % 8 & 1) != 0;
    }

    @Override
    public Extent extent(long offset, long most) throws IOException {
        resolve(offset, (int) Math.min(most, 1 << 30));
        if (present) {
            return new Extent(run, false);
        }
        if (parent == null || offset >= parent.size()) {
            return new Extent(run, true);
        }
        return parent.extent(offset, Math.min(run, parent.size() - offset));
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        Requests.check(this, offset, length);
        int done = 0;
        while (done < length) {
            resolve(offset + done, length - done);
            int n = run;
            if (present) {
                store.read(host, to, at + done, n);
            } else {
                int shows = parent == null ? 0 : (int) Math.max(0, Math.min(n, parent.size() - offset - done));
                if (shows > 0) {
                    parent.read(offset + done, to, at + done, shows);
                }
                Arrays.fill(to, at + done + shows, at + done + n, (byte) 0);
            }
            done += n;
        }
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        Requests.checkWrite(this, offset, length);
        if (bitmaps.isCrowded()) {
            flush();
        }
        int n;
        for (int done = 0; done < length; done += n) {
            long position = offset + done;
            int block = (int) (position / header.blockSize());
            int in = (int) (position % header.blockSize());
            n = Math.min(length - done, header.blockSize() - in);
            if (table[block] == UNUSED) {
                writeNew(block, in, from, at + done, n);
            } else {
                store.write(position(block) + header.bitmapBytes() + in, from, at + done, n);
                mark(position(block), in / 512, n / 512);
            }
        }
    }

    private void writeNew(int block, int in, byte[] from, int at, int length) throws IOException {
        long place = end;
        long next = place + header.bitmapBytes() + header.blockSize();
        if (next / 512 >= 0xffff_ffffL) {
            throw new DiskException(name(), "vhd: the file would become larger than its table can say");
        }
        byte[] bitmap = new byte[header.bitmapBytes()];
        if (parent == null) {
            Arrays.fill(bitmap, (byte) 0xff); // as QEMU has it: it does not look at the bits of a dynamic disk
        }
        boolean dirty = tailUsed;
        tailUsed = true;
        footer.write(store, next);
        store.write(place, bitmap, 0, bitmap.length);
        if (dirty) {
            byte[] zeroes = new byte[Math.min(header.blockSize(), 1 << 20)];
            for (int done = 0; done < header.blockSize(); done += zeroes.length) {
                store.write(place + header.bitmapBytes() + done, zeroes, 0, zeroes.length);
            }
        }
        store.write(place + header.bitmapBytes() + in, from, at, length);
        tailUsed = false;
        for (int i = 0; i < header.bitmapBytes(); i += 512) {
            bitmaps.drop(place + i);
        }
        table[block] = (int) (place / 512);
        int perSector = 512 / 4;
        dirtyFrom = Math.min(dirtyFrom, block / perSector * perSector);
        dirtyTo = Math.max(dirtyTo, Math.min(table.length, (block / perSector + 1) * perSector));
        end = next;
        mark(place, in / 512, length / 512);
    }

    private void mark(long bitmap, int first, int count) throws IOException {
        for (int sector = first; sector < first + count; sector++) {
            if (sector % 8 == 0 && sector + 8 <= first + count) {
                set(bitmap, sector, 0xff);
                sector += 7;
            } else {
                set(bitmap, sector, 0x80 >> sector % 8);
            }
        }
    }

    private void set(long bitmap, int sector, int bits) throws IOException {
        TableCache.Page page = bitmaps.page(bitmap + sector / 8);
        int i = (int) (bitmap + sector / 8 - page.offset);
        if ((page.bytes[i] & bits) != bits) {
            page.bytes[i] = (byte) (page.bytes[i] | bits);
            bitmaps.changed(page, i, i + 1);
        }
    }

    @Override
    public void flush() throws IOException {
        if (readOnly) {
            return;
        }
        if (bitmaps.isDirty() || dirtyTo > dirtyFrom) {
            store.force();
            bitmaps.writeDirty();
            if (dirtyTo > dirtyFrom) {
                byte[] bytes = new byte[(dirtyTo - dirtyFrom) * 4];
                for (int i = dirtyFrom; i < dirtyTo; i++) {
                    put32(bytes, (i - dirtyFrom) * 4, table[i]);
                }
                store.write(header.tableOffset() + dirtyFrom * 4L, bytes, 0, bytes.length);
                dirtyFrom = Integer.MAX_VALUE;
                dirtyTo = 0;
            }
        }
        store.force();
    }

    /** Does nothing: a block once made stays. */
    @Override
    public void discard(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
        byte[] zeroes = new byte[(int) Math.min(length, 1 << 20)];
        long n;
        for (long done = 0; done < length; done += n) {
            Extent known = extent(offset + done, Math.min(zeroes.length, length - done));
            n = known.length();
            if (!known.zero()) {
                write(offset + done, zeroes, 0, (int) n);
            }
        }
    }

    @Override
    public void close() throws IOException {
        try {
            flush();
        } finally {
            closeFiles();
        }
    }

    void closeFiles() throws IOException {
        try (parent) {
            store.close();
        }
    }
}

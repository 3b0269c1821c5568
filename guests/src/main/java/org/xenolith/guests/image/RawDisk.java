package org.xenolith.guests.image;

import java.io.IOException;

/** A raw image: the bytes of the disk are those of the file. A last part of a sector reads on as zeroes. */
public final class RawDisk implements DiskImage {
    private static final int ZERO_PIECE = 1 << 20;

    private final ByteStore store;
    private final boolean readOnly;
    private final long size;

    /**
     * A disk as long as its file, rounded up to a sector.
     *
     * @param store the file; closed with the disk
     * @param readOnly whether writes are refused
     */
    public RawDisk(ByteStore store, boolean readOnly) throws IOException {
        this.store = store;
        this.readOnly = readOnly;
        this.size = (store.size() + SECTOR - 1) / SECTOR * SECTOR;
        if (size == 0) {
            throw new DiskException(store.name(), "is empty; a raw image is as long as its disk");
        }
    }

    @Override
    public String name() {
        return store.name();
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.RAW;
    }

    @Override
    public boolean startsWithGuestData() {
        return true;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        Requests.check(this, offset, length);
        store.read(offset, to, at, length);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        Requests.checkWrite(this, offset, length);
        store.write(offset, from, at, length);
    }

    @Override
    public void flush() throws IOException {
        if (!readOnly) {
            store.force();
        }
    }

    /** Does nothing: without a call to punch holes, writing zeroes would cost more than it frees. */
    @Override
    public void discard(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
    }

    /** Writes only where there is something else than zeroes, so that holes stay holes. */
    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
        byte[] piece = new byte[(int) Math.min(length, ZERO_PIECE)];
        byte[] zeroes = new byte[piece.length];
        for (long done = 0; done < length; done += piece.length) {
            int n = (int) Math.min(piece.length, length - done);
            store.read(offset + done, piece, 0, n);
            if (!Zeroes.all(piece, 0, n)) {
                store.write(offset + done, zeroes, 0, n);
            }
        }
    }

    @Override
    public void close() throws IOException {
        try (store) {
            flush();
        }
    }
}

package org.xenolith.guests.image;

import java.io.IOException;

/** A disk that does what the one below it does; for those that change a part of it. */
public abstract class ForwardingDisk implements DiskImage {
    /** The disk below. */
    protected final DiskImage below;

    /** Stands before a disk; closes it when it is closed. */
    protected ForwardingDisk(DiskImage below) {
        this.below = below;
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public DiskFormat format() {
        return below.format();
    }

    @Override
    public boolean startsWithGuestData() {
        return below.startsWithGuestData();
    }

    @Override
    public long size() {
        return below.size();
    }

    @Override
    public boolean readOnly() {
        return below.readOnly();
    }

    @Override
    public Extent extent(long offset, long most) throws IOException {
        return below.extent(offset, most);
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        below.read(offset, to, at, length);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        below.write(offset, from, at, length);
    }

    @Override
    public void flush() throws IOException {
        below.flush();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        below.discard(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        below.writeZeroes(offset, length);
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}

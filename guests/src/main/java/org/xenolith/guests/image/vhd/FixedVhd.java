package org.xenolith.guests.image.vhd;

import java.io.IOException;
import org.xenolith.guests.image.ByteStore;

/** The part of a fixed disk's file that the guest sees: all but the footer. */
record FixedVhd(ByteStore file, long length) implements ByteStore {
    @Override
    public String name() {
        return file.name();
    }

    @Override
    public long size() {
        return length;
    }

    @Override
    public void read(long offset, byte[] to, int at, int count) throws IOException {
        file.read(offset, to, at, count);
    }

    @Override
    public void write(long offset, byte[] from, int at, int count) throws IOException {
        file.write(offset, from, at, count);
    }

    @Override
    public void resize(long size) throws IOException {
        throw new IOException(name() + ": a fixed disk keeps its size");
    }

    @Override
    public void force() throws IOException {
        file.force();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}

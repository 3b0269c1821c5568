package org.xenolith.hypervisor.blkback;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenolith.devices.BlockBackend;

/** An image in memory that writes down what is asked of it and fails when told to. */
final class MemoryImage implements BlockBackend {
    final byte[] data;
    final List<String> log = new ArrayList<>();
    boolean readOnly;
    boolean broken;
    boolean closed;

    MemoryImage(int sectors) {
        data = new byte[sectors * SECTOR];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i / SECTOR * 7 + i);
        }
    }

    private void note(String what) throws IOException {
        log.add(what);
        if (broken) {
            throw new IOException("no space left");
        }
    }

    @Override
    public long size() {
        return data.length;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        note("read " + offset + "+" + length);
        System.arraycopy(data, (int) offset, to, at, length);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        note("write " + offset + "+" + length);
        System.arraycopy(from, at, data, (int) offset, length);
    }

    @Override
    public void flush() throws IOException {
        note("flush");
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        note("discard " + offset + "+" + length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        note("zero " + offset + "+" + length);
        Arrays.fill(data, (int) offset, (int) (offset + length), (byte) 0);
    }

    @Override
    public void close() {
        closed = true;
    }
}

package org.xenolith.devices.testing;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.xenolith.devices.BlockBackend;

/** A disk in memory that writes down what is asked of it, and has bad sectors where a test wants them. */
public final class MemoryDisk implements BlockBackend {
    public final byte[] data;
    public final List<String> log = new ArrayList<>();
    public boolean readOnly;
    /** First bad sector, or -1. */
    public long bad = -1;
    public boolean flushFails;

    /** @param sectors of 512 bytes; each byte has a value that tells where it is */
    public MemoryDisk(int sectors) {
        data = new byte[sectors * SECTOR];
        for (int i = 0; i < data.length; i++) {
            data[i] = at(i);
        }
    }

    /** What a byte is until it is written. */
    public static byte at(int i) {
        return (byte) (i / SECTOR * 7 + i * 3);
    }

    private void note(String what, long offset, long length) throws IOException {
        if (offset < 0 || length <= 0 || offset + length > data.length || (offset | length) % SECTOR != 0) {
            throw new AssertionError(what + " of " + length + " bytes at " + offset + " of " + data.length);
        }
        if (log.size() < 10_000) {
            log.add(what + " " + offset / SECTOR + "+" + length / SECTOR);
        }
        if (bad >= 0 && offset <= bad * SECTOR && bad * SECTOR < offset + length) {
            throw new IOException("bad sector " + bad);
        }
    }

    private void writable() {
        if (readOnly) {
            throw new AssertionError("a write to a read-only disk");
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
        note("read", offset, length);
        System.arraycopy(data, (int) offset, to, at, length);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        writable();
        note("write", offset, length);
        System.arraycopy(from, at, data, (int) offset, length);
    }

    @Override
    public void flush() throws IOException {
        log.add("flush");
        if (flushFails) {
            throw new IOException("no space left");
        }
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        writable();
        note("discard", offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        writable();
        note("zero", offset, length);
        for (long i = offset; i < offset + length; i++) {
            data[(int) i] = 0;
        }
    }

    @Override
    public void close() {
        log.add("close");
    }
}

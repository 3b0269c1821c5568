package org.xenolith.guests.image;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** What a guest writes, kept in memory over an image that stays as it is, and forgotten at the end. */
final class OverlayDisk extends ForwardingDisk {
    private static final int BLOCK = 1 << 16;

    private final SnapshotMemory memory;
    private final Map<Long, byte[]> blocks = new HashMap<>();

    /**
     * Nothing written yet.
     *
     * @param below the image; read only
     * @param memory where what is kept comes from
     */
    OverlayDisk(DiskImage below, SnapshotMemory memory) {
        super(below);
        this.memory = memory;
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public Extent extent(long offset, long most) {
        return new Extent(most, false);
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        Requests.check(this, offset, length);
        int done = 0;
        while (done < length) {
            long pos = offset + done;
            byte[] block = blocks.get(pos / BLOCK);
            int run = inBlock(pos, length - done);
            if (block != null) {
                System.arraycopy(block, (int) (pos % BLOCK), to, at + done, run);
            } else {
                while (run < length - done && !blocks.containsKey((pos + run) / BLOCK)) {
                    run += inBlock(pos + run, length - done - run);
                }
                below.read(pos, to, at + done, run);
            }
            done += run;
        }
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        Requests.checkWrite(this, offset, length);
        int run;
        for (int done = 0; done < length; done += run) {
            long pos = offset + done;
            run = inBlock(pos, length - done);
            System.arraycopy(from, at + done, blockToWrite(pos / BLOCK), (int) (pos % BLOCK), run);
        }
    }

    private byte[] blockToWrite(long index) throws IOException {
        byte[] block = blocks.get(index);
        if (block == null) {
            block = new byte[BLOCK];
            long start = index * BLOCK;
            below.read(start, block, 0, (int) Math.min(BLOCK, size() - start));
            if (!memory.take(BLOCK)) {
                throw new DiskException(name(),
                        "the snapshot disks have no memory for more than " + (memory.limit() >> 20)
                                + " MiB of writes; give Java more with -Xmx");
            }
            blocks.put(index, block);
        }
        return block;
    }

    /** Nothing to make durable: it all ends with the run. */
    @Override
    public void flush() {
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
        int run;
        for (long done = 0; done < length; done += run) {
            long pos = offset + done;
            run = inBlock(pos, (int) Math.min(BLOCK, length - done));
            int start = (int) (pos % BLOCK);
            Arrays.fill(blockToWrite(pos / BLOCK), start, start + run, (byte) 0);
        }
    }

    private static int inBlock(long pos, int length) {
        return Math.min(length, BLOCK - (int) (pos % BLOCK));
    }

    @Override
    public void close() throws IOException {
        memory.giveBack((long) blocks.size() * BLOCK);
        blocks.clear();
        super.close();
    }
}

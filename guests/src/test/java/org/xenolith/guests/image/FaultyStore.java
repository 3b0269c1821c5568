package org.xenolith.guests.image;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A file in memory that knows what of it is durable, and that stops, tears or fails at one of its writes. A force is counted as a write too.
 *
 * <p>After it stopped, {@link #afterKill} is the file as the host's cache has it, and {@link #afterPowerLoss} what a disk may hold: of everything written since
 * the last force each sector may be there or not.
 */
final class FaultyStore implements ByteStore {
    private static final int SECTOR = 512;

    /** What happens at the chosen write. */
    enum Fault {
        /** Nothing of it happens, and nothing after it. */
        STOP,
        /** Some of its sectors are written, and nothing happens after it. */
        TEAR,
        /** It fails, having done nothing. */
        ENOSPC,
        /** It fails, having done some. */
        EIO,
        /** It and the 7 after it fail. */
        EIO_FOR_A_WHILE
    }

    private record Pending(long offset, byte[] bytes) {
    }

    private final String name;
    private final Random random;
    private final int faultAt;
    private final Fault fault;
    private byte[] now;
    private byte[] durable;
    private final List<Pending> pending = new ArrayList<>();
    private boolean forceFailed;
    private int writes;
    private boolean stopped;

    FaultyStore(String name, byte[] content, int faultAt, Fault fault, long seed) {
        this.name = name;
        this.now = content.clone();
        this.durable = content.clone();
        this.faultAt = faultAt;
        this.fault = fault;
        this.random = new Random(seed);
    }

    int writes() {
        return writes;
    }

    boolean stopped() {
        return stopped;
    }

    byte[] afterKill() {
        return now.clone();
    }

    byte[] afterPowerLoss() {
        byte[] left = durable.clone();
        for (Pending p : pending) {
            for (int at = 0; at < p.bytes.length; at += SECTOR) {
                int n = Math.min(SECTOR, p.bytes.length - at);
                if (random.nextInt(3) > 0) {
                    left = grown(left, p.offset + at + n);
                    System.arraycopy(p.bytes, at, left, (int) p.offset + at, n);
                }
            }
        }
        return left;
    }

    private static byte[] grown(byte[] bytes, long size) {
        return size <= bytes.length ? bytes : Arrays.copyOf(bytes, (int) size);
    }

    /** Counts a write; how many of its sectors happen, or an exception at once. */
    private int sectors(int all) throws IOException {
        if (stopped) {
            throw new DiskException(name, "stopped");
        }
        int n = writes++;
        if (n < faultAt || n > faultAt && !(fault == Fault.EIO_FOR_A_WHILE && n < faultAt + 8)) {
            return all;
        }
        stopped = fault == Fault.STOP || fault == Fault.TEAR;
        return fault == Fault.STOP || fault == Fault.ENOSPC ? 0 : random.nextInt(all + 1);
    }

    private boolean isFault() {
        int n = writes - 1;
        return n == faultAt || fault == Fault.EIO_FOR_A_WHILE && n > faultAt && n < faultAt + 8;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long size() {
        return now.length;
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) {
        int there = (int) Math.max(0, Math.min(length, now.length - offset));
        if (there > 0) {
            System.arraycopy(now, (int) offset, to, at, there);
        }
        Arrays.fill(to, at + there, at + length, (byte) 0);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        if (offset > 64 << 20) {
            throw new DiskException(name, "written at " + offset + ", far behind its end");
        }
        // sectors of the file: a write within one happens or not
        int all = (int) ((offset + length - 1) / SECTOR - offset / SECTOR + 1);
        int happen = sectors(all);
        int n = (int) Math.min(length, (offset / SECTOR + happen) * SECTOR - offset);
        if (n > 0) {
            now = grown(now, offset + n);
            System.arraycopy(from, at, now, (int) offset, n);
            pending.add(new Pending(offset, Arrays.copyOfRange(from, at, at + n)));
        }
        if (isFault()) {
            throw new DiskException(name, "the fault: " + fault);
        }
    }

    @Override
    public void resize(long size) throws IOException {
        sectors(1);
        if (isFault()) {
            throw new DiskException(name, "the fault: " + fault);
        }
        now = Arrays.copyOf(now, (int) size);
        durable = Arrays.copyOf(durable, (int) Math.max(durable.length, size));
    }

    @Override
    public void force() throws IOException {
        sectors(1);
        if (forceFailed || isFault()) {
            forceFailed = true;
            throw new DiskException(name, "the fault: " + fault + " of a flush");
        }
        durable = now.clone();
        pending.clear();
    }

    @Override
    public void close() {
        // the bytes are wanted afterwards
    }
}

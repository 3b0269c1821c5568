package org.xenolith.guests.image;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.xenolith.guests.image.qcow2.Qcow2Disk;

/** Copies a disk into a new, empty image, leaving out what is zero there anyway. */
public final class ImageCopy {
    private static final int PIECE = 2 << 20;
    private static final int GRAIN = 64 << 10;

    private ImageCopy() {
    }

    /**
     * Copies.
     *
     * @param from the source
     * @param to the new image, at least as large
     * @param below what shows through in the new image; what is equal there is not copied
     * @param compress whether to compress; only qcow2 can
     * @param progress takes the bytes done so far
     */
    public static void copy(DiskImage from, DiskImage to, Optional<DiskImage> below, boolean compress,
            LongConsumer progress)
            throws IOException {
        byte[] piece = new byte[PIECE];
        byte[] old = below.isPresent() ? new byte[PIECE] : null;
        long size = from.size();
        long offset = 0;
        while (offset < size) {
            DiskImage.Extent extent = from.extent(offset, size - offset);
            if (extent.zero() && old == null) {
                offset += extent.length();
            } else {
                int n = (int) Math.min(PIECE - offset % PIECE, size - offset);
                from.read(offset, piece, 0, n);
                if (old != null) {
                    readBelow(below.get(), offset, old, n);
                }
                if (compress && to instanceof Qcow2Disk qcow2) {
                    compress(qcow2, offset, piece, n, old);
                } else {
                    write(to, offset, piece, n, old);
                }
                offset += n;
            }
            progress.accept(offset);
        }
        to.flush();
    }

    private static void readBelow(DiskImage below, long offset, byte[] to, int length) throws IOException {
        int there = (int) Math.max(0, Math.min(length, below.size() - offset));
        if (there > 0) {
            below.read(offset, to, 0, there);
        }
        Arrays.fill(to, there, length, (byte) 0);
    }

    private static boolean isThere(byte[] piece, int at, int length, byte[] old) {
        return old == null
                ? Zeroes.all(piece, at, length)
                : Arrays.equals(piece, at, at + length, old, at, at + length);
    }

    /** Writes runs of grains that are not there yet. */
    private static void write(DiskImage to, long offset, byte[] piece, int length, byte[] old) throws IOException {
        int start = -1;
        for (int at = 0; at < length; at += GRAIN) {
            boolean skip = isThere(piece, at, Math.min(GRAIN, length - at), old);
            if (skip && start >= 0) {
                to.write(offset + start, piece, start, at - start);
            }
            start = skip ? -1 : start < 0 ? at : start;
        }
        if (start >= 0) {
            to.write(offset + start, piece, start, length - start);
        }
    }

    private static void compress(Qcow2Disk to, long offset, byte[] piece, int length, byte[] old) throws IOException {
        int cluster = to.clusterSize();
        for (int at = 0; at < length; at += cluster) {
            int n = Math.min(cluster, length - at);
            if (!isThere(piece, at, n, old)) {
                to.writeCompressed(offset + at, Arrays.copyOf(Arrays.copyOfRange(piece, at, at + n), cluster));
            }
        }
    }
}

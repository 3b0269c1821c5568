package org.xenolith.hypervisor.blkback;

import java.io.IOException;
import java.util.Arrays;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.BlockBackend;
import org.xenolith.hypervisor.Statistics;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.shared.SharedPage;

/**
 * One disk of a guest: does what requests say on an image and says when, in virtual time, it is done. It lives through
 * reboots of its guest.
 *
 * <p>The image is read and written while a request is taken from the ring, so that requests take effect in their order.
 * The response comes later, by a model that knows nothing of the host: a disk does one transfer after another, at
 * {@link #BYTES_PER_NS} or in {@link #FLUSH_NS} and {@link #DISCARD_NS}, and each answer takes {@link #LATENCY_NS} more.
 */
public final class VirtualDisk implements AutoCloseable {
    /** Virtual nanoseconds from the end of a transfer to its response. */
    static final long LATENCY_NS = 20_000;
    /** Speed of transfers: 2 GB/s. */
    static final long BYTES_PER_NS = 2;
    /** Virtual nanoseconds that a flush takes. */
    static final long FLUSH_NS = 100_000;
    /** Virtual nanoseconds that a discard takes. */
    static final long DISCARD_NS = 20_000;
    /** Most that one secure discard overwrites, in bytes. */
    static final long MAX_SECURE_DISCARD = 256L << 20;

    // BLKIF_RSP_*
    static final int OKAY = 0;
    static final int ERROR = -1;
    static final int EOPNOTSUPP = -2;

    private static final Logger LOG = LoggerFactory.getLogger(VirtualDisk.class);
    private static final int SECTORS_PER_PAGE = BlkRequest.PAGE_SIZE / BlockBackend.SECTOR;

    private final VirtualDevice device;
    private final BlockBackend image;
    private final long sectors;
    private final byte[] buffer = new byte[BlkRequest.MAX_SEGMENTS * BlkRequest.PAGE_SIZE];
    private final byte[] descriptors = new byte[BlkRequest.MAX_SEGMENTS * BlkRequest.SEGMENT_SIZE];
    private final Statistics refused = new Statistics("request refused");
    private long busyUntil;
    private boolean unflushed;
    private long reads;
    private long writes;
    private long flushes;
    private long discards;
    private long bytesRead;
    private long bytesWritten;
    private long errors;

    /** A disk of the image's size; {@link #close} closes the image. */
    public VirtualDisk(VirtualDevice device, BlockBackend image) {
        this.device = device;
        this.image = image;
        sectors = image.size() / BlockBackend.SECTOR;
    }

    public VirtualDevice device() {
        return device;
    }

    /** Size in sectors of 512 bytes. */
    public long sectors() {
        return sectors;
    }

    public boolean readOnly() {
        return image.readOnly();
    }

    /** What was asked of it so far. */
    public DiskCounts counts() {
        return new DiskCounts(reads, writes, flushes, discards, bytesRead, bytesWritten, errors,
                new TreeMap<>(refused.counts()));
    }

    /** Counts something that a frontend must not do; the first of each kind is logged. */
    void refuse(String what) {
        if (refused.get(what) == 0) {
            LOG.info("{}: {}", device.name(), what);
        }
        refused.count(what);
    }

    /** Virtual time, never in the past of {@code now}, until which transfers are under way. */
    long busyUntil(long now) {
        return Math.max(now, busyUntil);
    }

    private void busyFor(long now, long ns) {
        busyUntil = busyUntil(now) + ns;
    }

    /**
     * Does a request now.
     *
     * @param now virtual time
     * @return its status; the response is due {@link #LATENCY_NS} after {@link #busyUntil}
     */
    int execute(BlkRequest r, GrantPages pages, long now) {
        try {
            return switch (r.action) {
                case BlkRequest.OP_READ, BlkRequest.OP_WRITE -> transfer(r, pages, now);
                case BlkRequest.OP_WRITE_BARRIER, BlkRequest.OP_FLUSH_DISKCACHE -> r.operation == r.action
                        ? flush(r, pages, now)
                        : refused("indirect operation that is neither read nor write", ERROR);
                case BlkRequest.OP_DISCARD -> r.operation == r.action
                        ? discard(r, now)
                        : refused("indirect operation that is neither read nor write", ERROR);
                default -> refused("unknown operation", EOPNOTSUPP);
            };
        } catch (GrantException e) {
            return refused("grant that cannot be used", ERROR);
        } catch (IOException e) {
            if (errors++ == 0) {
                LOG.warn("{}: {}", device.name(), e.toString());
            }
            return ERROR;
        }
    }

    private int refused(String what, int status) {
        refuse(what);
        return status;
    }

    private int transfer(BlkRequest r, GrantPages pages, long now) throws GrantException, IOException {
        boolean write = r.action != BlkRequest.OP_READ;
        boolean indirect = r.operation == BlkRequest.OP_INDIRECT;
        if (r.segments == 0 || r.segments > (indirect ? BlkRequest.MAX_SEGMENTS : BlkRequest.MAX_DIRECT_SEGMENTS)) {
            return refused("number of segments out of range", ERROR);
        }
        if (indirect) {
            SharedPage page = pages.use(r.indirectRef, false);
            page.read(0, descriptors, 0, r.segments * BlkRequest.SEGMENT_SIZE);
            pages.release();
            r.decodeSegments(descriptors, 0, r.segments);
        }
        int length = 0;
        for (int i = 0; i < r.segments; i++) {
            if (r.firstSectors[i] > r.lastSectors[i] || r.lastSectors[i] >= SECTORS_PER_PAGE) {
                return refused("segment outside of its page", ERROR);
            }
            length += (r.lastSectors[i] - r.firstSectors[i] + 1) * BlockBackend.SECTOR;
        }
        if (!inRange(r.sector, length / BlockBackend.SECTOR)) {
            return refused("access beyond the end of the disk", ERROR);
        }
        if (write && readOnly()) {
            return refused("write to a read-only disk", ERROR);
        }
        busyFor(now, length / BYTES_PER_NS);
        long offset = r.sector * BlockBackend.SECTOR;
        if (write) {
            copySegments(r, pages, true);
            unflushed = true;
            image.write(offset, buffer, 0, length);
            writes++;
            bytesWritten += length;
        } else {
            image.read(offset, buffer, 0, length);
            copySegments(r, pages, false);
            reads++;
            bytesRead += length;
        }
        return OKAY;
    }

    private void copySegments(BlkRequest r, GrantPages pages, boolean fromGuest) throws GrantException {
        int at = 0;
        for (int i = 0; i < r.segments; i++) {
            int offset = r.firstSectors[i] * BlockBackend.SECTOR;
            int length = (r.lastSectors[i] - r.firstSectors[i] + 1) * BlockBackend.SECTOR;
            SharedPage page = pages.use(r.refs[i], !fromGuest);
            if (fromGuest) {
                page.read(offset, buffer, at, length);
            } else {
                page.write(offset, buffer, at, length);
            }
            pages.release();
            at += length;
        }
    }

    private boolean inRange(long sector, long count) {
        return sector >= 0 && count >= 0 && sector <= sectors - count && count <= sectors;
    }

    /** A flush, or a barrier: what it writes comes after all that was written before, and is durable at once. */
    private int flush(BlkRequest r, GrantPages pages, long now) throws GrantException, IOException {
        if (r.segments == 0) {
            flushImage(now);
            flushes++;
            return OKAY;
        }
        if (unflushed) {
            flushImage(now);
        }
        int status = transfer(r, pages, now);
        if (status == OKAY) {
            flushImage(now);
        }
        return status;
    }

    private void flushImage(long now) throws IOException {
        busyFor(now, FLUSH_NS);
        image.flush();
        unflushed = false;
    }

    private int discard(BlkRequest r, long now) throws IOException {
        if (readOnly()) {
            return refused("discard on a read-only disk", ERROR);
        }
        if (!inRange(r.sector, r.discardSectors)) {
            return refused("access beyond the end of the disk", ERROR);
        }
        long offset = r.sector * BlockBackend.SECTOR;
        long length = r.discardSectors * BlockBackend.SECTOR;
        boolean secure = (r.segments & BlkRequest.DISCARD_SECURE) != 0;
        if (secure && length > MAX_SECURE_DISCARD) {
            return refused("secure discard of more than 256 MiB", EOPNOTSUPP);
        }
        busyFor(now, DISCARD_NS);
        if (length > 0) {
            unflushed = true;
            if (secure) {
                overwrite(offset, length, now);
            } else {
                image.discard(offset, length);
            }
        }
        discards++;
        return OKAY;
    }

    /** Puts zeros where the data is, rather than letting go of the place and leaving the data there. */
    private void overwrite(long offset, long length, long now) throws IOException {
        Arrays.fill(buffer, (byte) 0);
        busyFor(now, length / BYTES_PER_NS);
        for (long done = 0; done < length; done += buffer.length) {
            image.write(offset + done, buffer, 0, (int) Math.min(buffer.length, length - done));
        }
        flushImage(now);
    }

    /** Makes everything durable and closes the image. */
    @Override
    public void close() throws IOException {
        image.close();
    }
}

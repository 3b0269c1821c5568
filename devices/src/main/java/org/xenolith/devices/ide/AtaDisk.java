package org.xenolith.devices.ide;

import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.BlockBackend;

/**
 * An ATA disk (ATA/ATAPI-7 volume 1, chapter 6; DATA SET MANAGEMENT of ATA8-ACS) over a {@link BlockBackend}.
 *
 * <p>A write is told to be done when the backend has it, FLUSH CACHE when the backend has flushed. With its write
 * cache turned off, and for FUA
 * writes, the disk flushes before it says that a write is done.
 */
final class AtaDisk extends IdeDrive {
    private static final Logger LOG = LoggerFactory.getLogger(AtaDisk.class);
    private static final int SECTOR = BlockBackend.SECTOR;
    private static final int CHUNK = BUFFER / SECTOR;
    private static final int MAX_MULTIPLE = 16;
    private static final long FLUSH_NS = 100_000;
    private static final long MAX_28BIT = (1L << 28) - 1;

    // error register
    private static final int IDNF = 0x10;
    private static final int UNC = 0x40;

    private final BlockBackend backend;
    private final long sectors;
    private final DiskIdentity identity;
    private Geometry geometry;
    private int multiple = MAX_MULTIPLE;
    private boolean writeCache = true;

    /** What the data of the command under way is. */
    private enum Content {
        SECTORS, IDENTITY, TRIM
    }

    private Content content = Content.SECTORS;
    private boolean ext;
    private boolean flushAfter;
    private long lba;
    private int left;
    private int block;
    private long errors;

    AtaDisk(IdeChannel channel, BlockBackend backend, String serial) {
        super(channel);
        this.backend = backend;
        this.sectors = backend.size() / SECTOR;
        this.geometry = Geometry.ofSize(sectors);
        this.identity = new DiskIdentity(sectors, serial, !backend.readOnly());
    }

    @Override
    boolean packet() {
        return false;
    }

    @Override
    void signature() {
        task.signature(0, 0);
        error = 1;
        status = DRDY | DSC;
    }

    @Override
    void powerOn() {
        geometry = Geometry.ofSize(sectors);
        multiple = MAX_MULTIPLE;
        writeCache = true;
        identity.resetModes();
    }

    @Override
    long bytesLeft() {
        return (long) left * SECTOR;
    }

    // ---- commands ----

    @Override
    void execute(int command) {
        switch (command) {
            case 0x20, 0x21 -> pioRead(false, 1);
            case 0x24 -> pioRead(true, 1);
            case 0xc4 -> pioRead(false, multiple);
            case 0x29 -> pioRead(true, multiple);
            case 0x30, 0x31 -> pioWrite(false, 1, false);
            case 0x34 -> pioWrite(true, 1, false);
            case 0xc5 -> pioWrite(false, multiple, false);
            case 0x39 -> pioWrite(true, multiple, false);
            case 0xce -> pioWrite(true, multiple, true);
            case 0xc8, 0xc9 -> sectors(Mode.DMA_IN, false, CHUNK, false);
            case 0x25 -> sectors(Mode.DMA_IN, true, CHUNK, false);
            case 0xca, 0xcb -> sectors(Mode.DMA_OUT, false, CHUNK, false);
            case 0x35 -> sectors(Mode.DMA_OUT, true, CHUNK, false);
            case 0x3d -> sectors(Mode.DMA_OUT, true, CHUNK, true);
            case 0x06 -> dataSetManagement();
            case 0xec -> {
                content = Content.IDENTITY;
                left = 1;
                transfer(Mode.PIO_IN, COMMAND_NS);
            }
            default -> executeWithoutData(command);
        }
    }

    private void executeWithoutData(int command) {
        switch (command) {
            case 0xe7, 0xea -> after(FLUSH_NS, this::flush);
            case 0x40, 0x41 -> after(COMMAND_NS, () -> verify(false));
            case 0x42 -> after(COMMAND_NS, () -> verify(true));
            case 0xf8 -> after(COMMAND_NS, () -> nativeMax(false));
            case 0x27 -> after(COMMAND_NS, () -> nativeMax(true));
            case 0x91 -> after(COMMAND_NS, this::initializeParameters);
            case 0xc6 -> after(COMMAND_NS, this::setMultiple);
            case 0xef -> after(COMMAND_NS, this::setFeatures);
            case 0xe5, 0x98 -> after(COMMAND_NS, () -> {
                task.set(TaskFile.COUNT, 0xff);
                done();
            });
            // STANDBY and IDLE, IMMEDIATE or with a timer, SLEEP: a disk without a motor
            case 0xe0, 0xe1, 0xe2, 0xe3, 0xe6, 0x94, 0x95, 0x96, 0x97, 0x99 -> after(COMMAND_NS, this::done);
            case 0x70 -> after(COMMAND_NS, this::seek);
            default -> {
                if ((command & 0xf0) == 0x10) {
                    // RECALIBRATE
                    after(COMMAND_NS, this::done);
                    return;
                }
                if (!isAbsentFeature(command)) {
                    channel.unimplemented("ATA command " + Integer.toHexString(command) + "h");
                }
                after(COMMAND_NS, () -> fail(ABRT));
            }
        }
    }

    /** Commands of feature sets that IDENTIFY DEVICE says are not there: SMART, HPA, security, packets, APM, logs. */
    private static boolean isAbsentFeature(int command) {
        return switch (command) {
            case DEVICE_RESET, 0xa0, 0xa1, 0xa2, 0xb0, 0xb1, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf9, 0x37, 0x2f, 0x3f,
                    0x60,
                    0x61 ->
                true;
            default -> false;
        };
    }

    private void flush() {
        try {
            backend.flush();
            done();
        } catch (IOException e) {
            report("flush", e);
            fail(ABRT);
        }
    }

    private void verify(boolean extended) {
        if (!address(extended)) {
            return;
        }
        while (left > 0) {
            int n = Math.min(left, CHUNK);
            int good = readSectors(buffer, n);
            lba += good;
            left -= good;
            if (good < n) {
                failAt(UNC);
                return;
            }
        }
        done();
    }

    private void nativeMax(boolean extended) {
        long last = sectors - 1;
        task.setLba(extended ? last : Math.min(last, MAX_28BIT), extended, geometry);
        done();
    }

    private void initializeParameters() {
        int perTrack = task.read(TaskFile.COUNT);
        if (perTrack == 0) {
            fail(ABRT);
            return;
        }
        geometry = geometry.with((task.read(TaskFile.DEVICE) & 0xf) + 1, perTrack, sectors);
        done();
    }

    private void setMultiple() {
        int n = task.read(TaskFile.COUNT);
        if (n > MAX_MULTIPLE || Integer.bitCount(n) > 1) {
            fail(ABRT);
            return;
        }
        multiple = n;
        done();
    }

    private void setFeatures() {
        int count = task.read(TaskFile.COUNT);
        boolean ok = switch (task.read(TaskFile.FEATURES)) {
            case 0x02 -> {
                writeCache = true;
                yield true;
            }
            case 0x82 -> {
                writeCache = false;
                yield flushQuietly();
            }
            case 0x03 -> identity.setMode(count);
            // read look-ahead on and off, defaults after a software reset kept or not
            case 0xaa, 0x55, 0xcc, 0x66 -> true;
            default -> false;
        };
        if (ok) {
            done();
        } else {
            fail(ABRT);
        }
    }

    private boolean flushQuietly() {
        try {
            backend.flush();
            return true;
        } catch (IOException e) {
            report("flush", e);
            return false;
        }
    }

    private void seek() {
        lba = task.lba(false, geometry);
        if (lba < 0 || lba >= sectors) {
            fail(IDNF);
        } else {
            done();
        }
    }

    // ---- data ----

    private void pioRead(boolean extended, int perBlock) {
        sectors(Mode.PIO_IN, extended, perBlock, false);
    }

    private void pioWrite(boolean extended, int perBlock, boolean fua) {
        sectors(Mode.PIO_OUT, extended, perBlock, fua);
    }

    private void sectors(Mode how, boolean extended, int perBlock, boolean fua) {
        boolean write = how == Mode.PIO_OUT || how == Mode.DMA_OUT;
        content = Content.SECTORS;
        flushAfter = write && (fua || !writeCache);
        block = perBlock;
        // READ and WRITE MULTIPLE after SET MULTIPLE of 0, and writes to a disk that takes none, are aborted
        if (perBlock == 0 || write && backend.readOnly()) {
            left = 0;
            after(COMMAND_NS, () -> fail(ABRT));
            return;
        }
        ext = extended;
        if (inRange(extended)) {
            transfer(how, COMMAND_NS);
        } else {
            after(COMMAND_NS, () -> failAt(IDNF));
        }
    }

    /** Takes the address from the registers; says what is wrong with it. */
    private boolean address(boolean extended) {
        boolean ok = inRange(extended);
        if (!ok) {
            failAt(IDNF);
        }
        return ok;
    }

    private boolean inRange(boolean extended) {
        ext = extended;
        lba = task.lba(extended, geometry);
        left = task.sectors(extended);
        if (lba >= 0 && lba <= sectors - left) {
            return true;
        }
        // the first that is not there
        lba = lba < 0 ? lba : Math.max(lba, sectors);
        return false;
    }

    private void failAt(int errorBits) {
        if (lba >= 0) {
            task.setLba(lba, ext, geometry);
        }
        left = 0;
        fail(errorBits);
    }

    @Override
    boolean nextBlock() {
        return switch (mode) {
            case PIO_IN, DMA_IN -> nextIn();
            case PIO_OUT, DMA_OUT -> nextOut();
        };
    }

    private boolean nextIn() {
        if (left == 0) {
            at = 0;
            end = 0;
            if (mode == Mode.PIO_IN) {
                // the host has the last block: there is nothing left to interrupt for
                status = DRDY | DSC;
            } else {
                finish();
            }
            return false;
        }
        at = 0;
        if (content == Content.IDENTITY) {
            identity.write(buffer, geometry, multiple, writeCache);
            left = 0;
            end = SECTOR;
            return true;
        }
        int n = Math.min(left, block);
        int good = readSectors(buffer, n);
        lba += good;
        left -= good;
        end = good * SECTOR;
        if (good == 0) {
            failAt(UNC);
            return false;
        }
        return true;
    }

    /** Reads up to n sectors at {@code lba}; those before the first bad one count. */
    private int readSectors(byte[] to, int n) {
        try {
            backend.read(lba * SECTOR, to, 0, n * SECTOR);
            return n;
        } catch (IOException e) {
            report("read of " + n + " sectors at " + lba, e);
        }
        for (int i = 0; i < n; i++) {
            try {
                backend.read((lba + i) * SECTOR, to, i * SECTOR, SECTOR);
            } catch (IOException e) {
                return i;
            }
        }
        return n;
    }

    private boolean nextOut() {
        if (end > 0 && !store()) {
            return false;
        }
        at = 0;
        end = Math.min(left, block) * SECTOR;
        if (left == 0) {
            finish();
            return false;
        }
        return true;
    }

    private void finish() {
        if (flushAfter && !flushQuietly()) {
            fail(ABRT);
        } else {
            done();
        }
    }

    private boolean store() {
        int n = end / SECTOR;
        left -= n;
        if (content == Content.TRIM) {
            return trim(n);
        }
        int good = writeSectors(n);
        lba += good;
        if (good < n) {
            failAt(IDNF);
            return false;
        }
        return true;
    }

    private int writeSectors(int n) {
        try {
            backend.write(lba * SECTOR, buffer, 0, n * SECTOR);
            return n;
        } catch (IOException e) {
            report("write of " + n + " sectors at " + lba, e);
        }
        for (int i = 0; i < n; i++) {
            try {
                backend.write((lba + i) * SECTOR, buffer, i * SECTOR, SECTOR);
            } catch (IOException e) {
                return i;
            }
        }
        return n;
    }

    /** The first is logged; a guest may try without end. */
    private void report(String what, IOException e) {
        if (errors++ == 0) {
            LOG.warn("IDE disk: {}: {}", what, e.toString());
        }
    }

    // ---- DATA SET MANAGEMENT ----

    private void dataSetManagement() {
        if (task.read(TaskFile.FEATURES) != 1 || backend.readOnly()
                || task.sectors(true) > DiskIdentity.MAX_TRIM_BLOCKS) {
            after(COMMAND_NS, () -> fail(ABRT));
            return;
        }
        content = Content.TRIM;
        flushAfter = false;
        ext = true;
        block = CHUNK;
        left = task.sectors(true);
        transfer(Mode.DMA_OUT, 0);
    }

    /** Blocks of 64 ranges: a 48-bit address and a 16-bit count, 0 for none. */
    private boolean trim(int blocks) {
        for (int i = 0; i < blocks * SECTOR; i += 8) {
            long first = 0;
            for (int b = 0; b < 6; b++) {
                first |= (buffer[i + b] & 0xffL) << 8 * b;
            }
            int count = buffer[i + 6] & 0xff | (buffer[i + 7] & 0xff) << 8;
            if (count == 0) {
                continue;
            }
            lba = first;
            if (first > sectors - count) {
                lba = Math.max(first, sectors);
                failAt(IDNF);
                return false;
            }
            try {
                backend.discard(first * SECTOR, (long) count * SECTOR);
            } catch (IOException e) {
                report("discard of " + count + " sectors at " + first, e);
                failAt(ABRT);
                return false;
            }
        }
        return true;
    }
}

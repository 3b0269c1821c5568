package org.xenolith.devices.ide;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.BlockBackend;

/** Packet commands of a CD-ROM drive (MMC-5; SPC-3): what they answer, and with which sense data they fail. */
final class CdCommands {
    private static final Logger LOG = LoggerFactory.getLogger(CdCommands.class);
    private static final int BLOCK = CdTray.BLOCK;
    private static final int SENSE_BYTES = 18;

    // operation codes
    private static final int TEST_UNIT_READY = 0x00;
    private static final int REQUEST_SENSE = 0x03;
    private static final int INQUIRY = 0x12;
    private static final int MODE_SENSE_6 = 0x1a;
    private static final int START_STOP_UNIT = 0x1b;
    private static final int PREVENT_ALLOW = 0x1e;
    private static final int READ_CAPACITY = 0x25;
    private static final int READ_10 = 0x28;
    private static final int SEEK_10 = 0x2b;
    private static final int READ_SUB_CHANNEL = 0x42;
    private static final int READ_TOC = 0x43;
    private static final int GET_CONFIGURATION = 0x46;
    private static final int GET_EVENT_STATUS = 0x4a;
    private static final int READ_DISC_INFORMATION = 0x51;
    private static final int READ_TRACK_INFORMATION = 0x52;
    private static final int MODE_SENSE_10 = 0x5a;
    private static final int READ_12 = 0xa8;
    private static final int SET_CD_SPEED = 0xbb;
    private static final int MECHANISM_STATUS = 0xbd;
    private static final int READ_CD = 0xbe;

    private final CdTray tray;
    private final byte[] buffer;
    private final PacketReply reply;
    private final CdPages pages;
    private Sense sense = Sense.NONE;
    private long lba;
    private long blocks;
    private long errors;

    /** @param buffer where replies and blocks go */
    CdCommands(CdTray tray, byte[] buffer) {
        this.tray = tray;
        this.buffer = buffer;
        this.reply = new PacketReply(buffer);
        this.pages = new CdPages(tray, reply);
    }

    void reset() {
        sense = Sense.NONE;
        blocks = 0;
    }

    /** Why the last command failed. */
    Sense sense() {
        return sense;
    }

    /** Blocks that the command under way has yet to read. */
    long blocksLeft() {
        return blocks;
    }

    /** Operations that are not built; the host is told that they do not exist. */
    static @Nullable String unbuilt(int operation) {
        return switch (operation) {
            case TEST_UNIT_READY, REQUEST_SENSE, INQUIRY, MODE_SENSE_6, START_STOP_UNIT, PREVENT_ALLOW, READ_CAPACITY,
                    READ_10,
                    SEEK_10, READ_SUB_CHANNEL, READ_TOC, GET_CONFIGURATION, GET_EVENT_STATUS, READ_DISC_INFORMATION,
                    READ_TRACK_INFORMATION,
                    MODE_SENSE_10, READ_12, SET_CD_SPEED, MECHANISM_STATUS, READ_CD ->
                null;
            default -> "packet command " + Integer.toHexString(operation) + "h";
        };
    }

    /**
     * Does a command.
     *
     * @param c 12 bytes
     * @return bytes of the reply in the buffer; 0 when there is none or when blocks are to be read; -1 on failure
     */
    int execute(byte[] c) {
        blocks = 0;
        int operation = c[0] & 0xff;
        if (operation == REQUEST_SENSE) {
            return requestSense(c);
        }
        sense = Sense.NONE;
        if (tray.changed() && operation != INQUIRY && operation != GET_CONFIGURATION && operation != GET_EVENT_STATUS) {
            tray.takeChanged();
            return fail(Sense.MEDIUM_CHANGED);
        }
        return switch (operation) {
            case TEST_UNIT_READY -> ready() ? 0 : -1;
            case INQUIRY -> inquiry(c);
            case MODE_SENSE_6 -> modeSense(c, c[4] & 0xff, false);
            case MODE_SENSE_10 -> modeSense(c, get16(c, 7), true);
            case START_STOP_UNIT -> startStop(c);
            case PREVENT_ALLOW -> {
                tray.lock((c[4] & 1) != 0);
                yield 0;
            }
            case READ_CAPACITY -> ready() ? pages.capacity() : -1;
            case READ_10 -> read(get32(c, 2), get16(c, 7));
            case READ_12 -> read(get32(c, 2), get32(c, 6));
            case READ_CD -> readCd(c);
            case SEEK_10 -> seek(get32(c, 2));
            case READ_TOC -> readToc(c);
            case GET_CONFIGURATION -> cut(pages.configuration(c[1] & 3, get16(c, 2)), get16(c, 7));
            case GET_EVENT_STATUS -> (c[1] & 1) == 0
                    ? fail(Sense.INVALID_FIELD)
                    : cut(pages.events(c[4] & 0xff), get16(c, 7));
            case READ_DISC_INFORMATION -> (c[1] & 7) != 0
                    ? fail(Sense.INVALID_FIELD)
                    : ready() ? cut(pages.discInformation(), get16(c, 7)) : -1;
            case READ_TRACK_INFORMATION -> trackInformation(c);
            case MECHANISM_STATUS -> cut(pages.mechanismStatus(), get16(c, 8));
            case SET_CD_SPEED -> 0;
            default -> fail(Sense.INVALID_COMMAND);
        };
    }

    private int fail(Sense why) {
        sense = why;
        blocks = 0;
        return -1;
    }

    private boolean ready() {
        if (tray.disc() == null) {
            fail(tray.isOpen() ? Sense.NO_MEDIUM_TRAY_OPEN : Sense.NO_MEDIUM_TRAY_CLOSED);
            return false;
        }
        return true;
    }

    private static int cut(int length, int allocation) {
        return Math.min(length, allocation);
    }

    private int requestSense(byte[] c) {
        Sense s = sense;
        if (s.equals(Sense.NONE) && tray.takeChanged()) {
            s = Sense.MEDIUM_CHANGED;
        }
        sense = Sense.NONE;
        reply.begin(SENSE_BYTES).put8(0, 0x70).put8(2, s.key()).put8(7, SENSE_BYTES - 8).put8(12, s.asc())
                .put8(13, s.ascq());
        return cut(SENSE_BYTES, c[4] & 0xff);
    }

    private int inquiry(byte[] c) {
        if ((c[1] & 1) != 0 || c[2] != 0) {
            return fail(Sense.INVALID_FIELD);
        }
        reply.begin(36).put8(0, 5).put8(1, 0x80).put8(3, 0x21).put8(4, 31).putText(8, 8, "XENOLITH")
                .putText(16, 16, "CD-ROM").putText(32, 4, "1.0");
        return cut(36, c[4] & 0xff);
    }

    private int modeSense(byte[] c, int allocation, boolean ten) {
        if ((c[2] & 0xc0) == 0xc0) {
            return fail(Sense.SAVING_NOT_SUPPORTED);
        }
        int n = pages.mode(c[2] & 0x3f, (c[2] & 0xc0) == 0x40, ten);
        return n < 0 ? fail(Sense.INVALID_FIELD) : cut(n, allocation);
    }

    private int startStop(byte[] c) {
        boolean start = (c[4] & 1) != 0;
        if ((c[4] & 2) == 0) {
            return 0;
        }
        if (start) {
            tray.close();
        } else if (tray.isLocked()) {
            return fail(Sense.REMOVAL_PREVENTED);
        } else {
            tray.open();
        }
        return 0;
    }

    private int readToc(byte[] c) {
        if (!ready()) {
            return -1;
        }
        // the format was in the control byte before it was in byte 2
        int format = (c[2] & 0xf) != 0 ? c[2] & 0xf : (c[9] & 0xc0) >>> 6;
        int n = pages.toc(format, (c[1] & 2) != 0, c[6] & 0xff);
        return n < 0 ? fail(Sense.INVALID_FIELD) : cut(n, get16(c, 7));
    }

    private int trackInformation(byte[] c) {
        if (!ready()) {
            return -1;
        }
        long which = get32(c, 2);
        // by address, by track, or by session: there is one of each
        boolean there = switch (c[1] & 3) {
            case 0 -> which < tray.blocks();
            case 1, 2 -> which == 1;
            default -> false;
        };
        return there ? cut(pages.trackInformation(), get16(c, 7)) : fail(Sense.INVALID_FIELD);
    }

    private int seek(long to) {
        return !ready() ? -1 : to >= tray.blocks() ? fail(Sense.LBA_OUT_OF_RANGE) : 0;
    }

    private int readCd(byte[] c) {
        int fields = c[9] & 0xf8;
        long n = (c[6] & 0xffL) << 16 | get16(c, 7);
        // user data only, no sub-channel, of any or of mode 1 sectors
        int type = c[1] >>> 2 & 7;
        if (fields != 0 && fields != 0x10 || (c[10] & 7) != 0 || type != 0 && type != 2) {
            return fail(Sense.INVALID_FIELD);
        }
        return read(get32(c, 2), fields == 0 ? 0 : n);
    }

    private int read(long from, long count) {
        if (!ready()) {
            return -1;
        }
        if (from + count > tray.blocks()) {
            return fail(Sense.LBA_OUT_OF_RANGE);
        }
        lba = from;
        blocks = count;
        return 0;
    }

    /**
     * Reads the next blocks of a read command.
     *
     * @return bytes in the buffer; 0 when all is read; -1 on failure
     */
    int readBlocks() {
        BlockBackend disc = tray.disc();
        if (blocks == 0) {
            return 0;
        }
        if (disc == null) {
            ready();
            return -1;
        }
        int n = (int) Math.min(blocks, buffer.length / BLOCK);
        if (lba + n > tray.blocks()) {
            return fail(Sense.LBA_OUT_OF_RANGE);
        }
        if (!readFrom(disc, n)) {
            // what is before a bad block is good
            n = 1;
            if (!readFrom(disc, 1)) {
                return fail(Sense.UNRECOVERED_READ_ERROR);
            }
        }
        lba += n;
        blocks -= n;
        return n * BLOCK;
    }

    private boolean readFrom(BlockBackend disc, int n) {
        try {
            int there = (int) Math.min((long) n * BLOCK, disc.size() - lba * BLOCK);
            disc.read(lba * BLOCK, buffer, 0, there);
            Arrays.fill(buffer, there, n * BLOCK, (byte) 0);
            return true;
        } catch (IOException e) {
            if (errors++ == 0) {
                LOG.warn("CD-ROM: read of {} blocks at {}: {}", n, lba, e.toString());
            }
            return false;
        }
    }

    private static int get16(byte[] c, int at) {
        return (c[at] & 0xff) << 8 | c[at + 1] & 0xff;
    }

    private static long get32(byte[] c, int at) {
        return (long) get16(c, at) << 16 | get16(c, at + 2);
    }
}

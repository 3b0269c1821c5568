package org.xenolith.devices.ide;

/** Tables that a CD-ROM drive shows: contents of the disc, modes, features, events (MMC-5, chapters 5 to 7). */
final class CdPages {
    private static final int PROFILE_CD_ROM = 8;
    private static final int LEAD_OUT = 0xaa;
    /** ADR 1, data track. */
    private static final int DATA_TRACK = 0x14;
    /** 706 kB/s is speed 4 of a CD; this is speed 32. */
    private static final int SPEED = 5645;
    private static final int ALL_PAGES = 0x3f;

    private final CdTray tray;
    private final PacketReply reply;

    CdPages(CdTray tray, PacketReply reply) {
        this.tray = tray;
        this.reply = reply;
    }

    int capacity() {
        reply.begin(8).put32(0, tray.blocks() - 1).put32(4, CdTray.BLOCK);
        return 8;
    }

    // ---- table of contents: one session of one track ----

    /** READ TOC/PMA/ATIP; -1 for what there is not. */
    int toc(int format, boolean msf, int first) {
        return switch (format) {
            case 0 -> tracks(msf, first);
            case 1 -> {
                reply.begin(12).put16(0, 10).put8(2, 1).put8(3, 1).put8(5, DATA_TRACK).put8(6, 1);
                address(8, 0, msf);
                yield 12;
            }
            case 2 -> fullToc();
            default -> -1;
        };
    }

    private int tracks(boolean msf, int first) {
        if (first > 1 && first != LEAD_OUT) {
            return -1;
        }
        reply.begin(4).put8(2, 1).put8(3, 1);
        if (first <= 1) {
            track(1, 0, msf);
        }
        track(LEAD_OUT, tray.blocks(), msf);
        reply.put16(0, reply.length() - 2);
        return reply.length();
    }

    private void track(int number, long lba, boolean msf) {
        int at = reply.extend(8);
        reply.put8(at + 1, DATA_TRACK).put8(at + 2, number);
        address(at + 4, lba, msf);
    }

    private void address(int at, long lba, boolean msf) {
        if (msf) {
            reply.putMsf(at, lba);
        } else {
            reply.put32(at, lba);
        }
    }

    private int fullToc() {
        reply.begin(4).put8(2, 1).put8(3, 1);
        // points A0h and A1h name the first and the last track in the minutes, A2h the lead-out
        reply.put8(point(0xa0) + 8, 1);
        reply.put8(point(0xa1) + 8, 1);
        reply.putMsf(point(0xa2) + 7, tray.blocks());
        reply.putMsf(point(1) + 7, 0);
        reply.put16(0, reply.length() - 2);
        return reply.length();
    }

    private int point(int number) {
        int at = reply.extend(11);
        reply.put8(at, 1).put8(at + 1, DATA_TRACK).put8(at + 3, number);
        return at;
    }

    int discInformation() {
        // complete disc, last session complete; one session, one track; unrestricted use
        reply.begin(34).put16(0, 32).put8(2, 0x0e).put8(3, 1).put8(4, 1).put8(5, 1).put8(6, 1).put8(7, 0x20)
                .put32(16, 0xffff_ffffL).put32(20, 0xffff_ffffL);
        return 34;
    }

    int trackInformation() {
        // track 1 of session 1, data, in mode 1
        reply.begin(28).put16(0, 26).put8(2, 1).put8(3, 1).put8(5, 4).put8(6, 1).put32(24, tray.blocks());
        return 28;
    }

    // ---- modes ----

    /**
     * MODE SENSE.
     *
     * @param changeable the mask of what may be changed, instead of the values: nothing may
     * @return bytes, or -1 for a page that there is not
     */
    int mode(int page, boolean changeable, boolean ten) {
        int header = ten ? 8 : 4;
        reply.begin(header);
        boolean any = false;
        if (page == 1 || page == ALL_PAGES) {
            errorRecovery(changeable);
            any = true;
        }
        if (page == 0x2a || page == ALL_PAGES) {
            capabilities(changeable);
            any = true;
        }
        if (!any) {
            return -1;
        }
        int type = tray.isOpen() ? 0x71 : tray.disc() == null ? 0x70 : 0x01;
        if (ten) {
            reply.put16(0, reply.length() - 2).put8(2, type);
        } else {
            reply.put8(0, reply.length() - 1).put8(1, type);
        }
        return reply.length();
    }

    private void errorRecovery(boolean changeable) {
        int at = reply.extend(8);
        reply.put8(at, 1).put8(at + 1, 6);
        if (!changeable) {
            reply.put8(at + 3, 5);
        }
    }

    private void capabilities(boolean changeable) {
        int at = reply.extend(20);
        reply.put8(at, 0x2a).put8(at + 1, 18);
        if (changeable) {
            return;
        }
        // reads CD-R, CD-RW, multi-session and mode 2; a tray with eject and lock
        reply.put8(at + 2, 3).put8(at + 4, 0x70).put8(at + 6, 0x29 | (tray.isLocked() ? 2 : 0)).put16(at + 8, SPEED)
                .put16(at + 12, 512).put16(at + 14, SPEED);
    }

    // ---- features ----

    /**
     * GET CONFIGURATION.
     *
     * @param which 0: all features from {@code first}; 1: those of them that are current; 2: {@code first} only
     */
    int configuration(int which, int first) {
        boolean disc = tray.disc() != null;
        reply.begin(8).put16(6, disc ? PROFILE_CD_ROM : 0);
        feature(0x0000, 3, true, which, first, (PROFILE_CD_ROM << 16) | (disc ? 0x100 : 0));
        // core: on ATAPI
        feature(0x0001, 0x0b, true, which, first, 2, 0);
        // removable medium: tray, eject, lock
        feature(0x0003, 3, true, which, first, 0x2900_0000);
        feature(0x0010, 0, disc, which, first, CdTray.BLOCK, 0x0001_0000);
        feature(0x001e, 0, disc, which, first, 0);
        reply.put32(0, reply.length() - 4);
        return reply.length();
    }

    private void feature(int code, int versionAndPersistent, boolean current, int which, int first, int... data) {
        if (which == 2 ? code != first : code < first || which == 1 && !current) {
            return;
        }
        int at = reply.extend(4 + 4 * data.length);
        reply.put16(at, code).put8(at + 2, versionAndPersistent & ~1 | (current ? 1 : 0)).put8(at + 3, 4 * data.length);
        for (int i = 0; i < data.length; i++) {
            reply.put32(at + 4 + 4 * i, data[i]);
        }
    }

    // ---- state ----

    /** GET EVENT STATUS NOTIFICATION. */
    int events(int classes) {
        if ((classes & 0x10) == 0) {
            reply.begin(4).put16(0, 2).put8(2, 0x80).put8(3, 0x10);
            return 4;
        }
        int state = (tray.isOpen() ? 1 : 0) | (tray.disc() != null ? 2 : 0);
        reply.begin(8).put16(0, 6).put8(2, 4).put8(3, 0x10).put8(4, tray.takeEvent().code).put8(5, state);
        return 8;
    }

    int mechanismStatus() {
        reply.begin(8).put8(1, tray.isOpen() ? 0x10 : 0).put8(5, 1);
        return 8;
    }
}

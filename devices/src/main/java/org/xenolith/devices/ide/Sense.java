package org.xenolith.devices.ide;

/**
 * What went wrong with a packet command (MMC-5, annex F).
 *
 * @param key sense key
 * @param asc additional sense code
 * @param ascq its qualifier
 */
record Sense(int key, int asc, int ascq) {
    static final Sense NONE = new Sense(0, 0, 0);
    static final Sense NO_MEDIUM_TRAY_CLOSED = new Sense(2, 0x3a, 1);
    static final Sense NO_MEDIUM_TRAY_OPEN = new Sense(2, 0x3a, 2);
    static final Sense UNRECOVERED_READ_ERROR = new Sense(3, 0x11, 0);
    static final Sense INVALID_COMMAND = new Sense(5, 0x20, 0);
    static final Sense LBA_OUT_OF_RANGE = new Sense(5, 0x21, 0);
    static final Sense INVALID_FIELD = new Sense(5, 0x24, 0);
    static final Sense SAVING_NOT_SUPPORTED = new Sense(5, 0x39, 0);
    static final Sense REMOVAL_PREVENTED = new Sense(5, 0x53, 2);
    static final Sense MEDIUM_CHANGED = new Sense(6, 0x28, 0);
}

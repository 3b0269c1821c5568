package org.xenolith.devices.ide;

import org.jspecify.annotations.Nullable;
import org.xenolith.devices.BlockBackend;

/** The tray of a CD-ROM drive: what is in it, whether it is open, and what a guest has not yet been told of that. */
public final class CdTray {
    /** Bytes of a block. */
    public static final int BLOCK = 2048;

    /** Media events of GET EVENT STATUS NOTIFICATION (MMC-5, table 294). */
    enum Event {
        NONE(0), EJECT_REQUEST(1), NEW_MEDIUM(2), REMOVAL(3);

        final int code;

        Event(int code) {
            this.code = code;
        }
    }

    private @Nullable BlockBackend medium;
    private boolean open;
    private boolean locked;
    private boolean changed;
    private Event event = Event.NONE;

    CdTray(@Nullable BlockBackend medium) {
        this.medium = medium;
    }

    /**
     * Puts a disc in and closes the tray, or takes the disc out and closes it empty.
     *
     * @param disc read-only; what was in before stays the caller's to close
     */
    public void change(@Nullable BlockBackend disc) {
        medium = disc;
        open = false;
        changed = disc != null;
        event = disc != null ? Event.NEW_MEDIUM : Event.REMOVAL;
    }

    /** The button: opens the tray, or asks the guest to open it when the guest has locked it. */
    public void pressButton() {
        if (locked) {
            event = Event.EJECT_REQUEST;
        } else {
            open();
        }
    }

    /** {@return whether the tray is open} */
    public boolean isOpen() {
        return open;
    }

    /** {@return whether the guest has locked the tray} */
    public boolean isLocked() {
        return locked;
    }

    void open() {
        if (!open) {
            open = true;
            event = medium != null ? Event.REMOVAL : Event.NONE;
        }
    }

    void close() {
        if (open) {
            open = false;
            changed = medium != null;
            event = medium != null ? Event.NEW_MEDIUM : Event.NONE;
        }
    }

    void lock(boolean on) {
        locked = on;
    }

    /** The disc that the drive can read. */
    @Nullable
    BlockBackend disc() {
        return open ? null : medium;
    }

    /** Blocks of the disc, at most 2^32 - 1; 0 without one. A last part of a block is one. */
    long blocks() {
        BlockBackend d = disc();
        return d == null ? 0 : Math.min(0xffff_ffffL, (d.size() + BLOCK - 1) / BLOCK);
    }

    /** Whether a new disc has come since the last call. */
    boolean takeChanged() {
        boolean c = changed;
        changed = false;
        return c;
    }

    boolean changed() {
        return changed;
    }

    Event takeEvent() {
        Event e = event;
        event = Event.NONE;
        return e;
    }

    /** RESET#: the tray stays as it is, unlocked. */
    void reset() {
        locked = false;
    }
}

package org.xenolith.devices.usb;

import org.xenolith.memory.GuestMemory;

/**
 * One frame's walk through the lists in memory (Universal Host Controller Interface 1.1, chapter 3): transfer descriptors by themselves and in
 * queues. The time of a frame bounds the transactions; a lap around a loop without a transaction that came to its end ends the walk.
 */
final class UhciSchedule {
    /** What a frame did, as bits. */
    static final int INTERRUPT = 1;
    static final int SHORT = 2;
    static final int ERROR = 4;
    static final int HOST_ERROR = 8;

    private static final int TERMINATE = 1;
    private static final int QUEUE = 2;
    private static final int DEPTH = 4;
    /** Byte times of a frame, and those that a transaction takes besides its data. */
    private static final int FRAME_BYTES = 1500;
    private static final int OVERHEAD = 14;
    private static final int MAX_LINKS = 2048;
    private static final int MAX_LENGTH = 1280;

    private static final int ACTIVE = 1 << 23;
    private static final int STALLED = 1 << 22;
    private static final int NAKED = 1 << 19;
    private static final int TIMEOUT = 1 << 18;
    private static final int STATUS = 0x7e << 16;
    private static final int IOC = 1 << 24;
    private static final int ISOCHRONOUS = 1 << 25;
    private static final int ERRORS_LEFT = 3 << 27;
    private static final int ONE_ERROR = 1 << 27;
    private static final int SHORT_DETECT = 1 << 29;
    private static final int LENGTH = 0x7ff;

    private static final int PID_IN = 0x69;
    private static final int PID_OUT = 0xe1;
    private static final int PID_SETUP = 0x2d;

    /** Finds the device behind an enabled port. */
    interface Bus {
        /** @return null when nobody has that address */
        UsbFunction find(int address);
    }

    private enum Outcome {
        DONE, SHORT, STAYS
    }

    private final Bus bus;
    private final byte[] raw = new byte[16];
    private final byte[] data = new byte[MAX_LENGTH];
    private GuestMemory memory;
    private int result;
    private int left;
    private boolean moved;
    /** The link of the descriptor last executed. */
    private int nextLink;

    UhciSchedule(Bus bus) {
        this.bus = bus;
    }

    /** Walks the lists of the frame whose entry of the frame list is at {@code entry}; a sum of what it did. */
    int frame(GuestMemory from, long entry) {
        memory = from;
        result = 0;
        left = FRAME_BYTES;
        if (fetch(entry, 4)) {
            walk(dword(0));
        }
        return result;
    }

    private void walk(int first) {
        int link = first;
        int mark = link;
        int lap = 0;
        int nextMark = 1;
        for (int i = 0; i < MAX_LINKS && (link & TERMINATE) == 0 && left > 0 && result < HOST_ERROR; i++) {
            moved = false;
            link = (link & QUEUE) != 0 ? queue(link & ~0xf) : descriptor(link & ~0xf);
            if (moved) {
                mark = link;
                lap = 0;
                nextMark = 1;
            } else if (link == mark) {
                return;
            } else if (++lap == nextMark) {
                mark = link;
                nextMark *= 2;
                lap = 0;
            }
        }
    }

    private int descriptor(int at) {
        nextLink = TERMINATE;
        execute(at);
        return nextLink;
    }

    /** Works on a queue; the link to go on with. */
    private int queue(int at) {
        if (!fetch(at, 8)) {
            return TERMINATE;
        }
        int horizontal = dword(0);
        int element = dword(4);
        while ((element & TERMINATE) == 0 && left > 0) {
            if ((element & QUEUE) != 0) {
                return element;
            }
            nextLink = TERMINATE;
            if (execute(element & ~0xf) != Outcome.DONE) {
                break;
            }
            element = nextLink;
            put32(0, element);
            if (!memory.tryWrite(Integer.toUnsignedLong(at) + 4, raw, 0, 4)) {
                result |= HOST_ERROR;
                return TERMINATE;
            }
            if ((element & DEPTH) == 0) {
                break;
            }
        }
        return horizontal;
    }

    private boolean fetch(long at, int bytes) {
        if (memory.tryRead(at & 0xffff_ffffL, raw, 0, bytes)) {
            return true;
        }
        result |= HOST_ERROR;
        return false;
    }

    private int dword(int at) {
        return raw[at] & 0xff | (raw[at + 1] & 0xff) << 8 | (raw[at + 2] & 0xff) << 16 | (raw[at + 3] & 0xff) << 24;
    }

    private void put32(int at, int value) {
        for (int i = 0; i < 4; i++) {
            raw[at + i] = (byte) (value >>> 8 * i);
        }
    }

    /** Executes a transfer descriptor. */
    private Outcome execute(int at) {
        if (!fetch(at, 16)) {
            return Outcome.STAYS;
        }
        nextLink = dword(0);
        int control = dword(4);
        int token = dword(8);
        if ((control & ACTIVE) == 0) {
            return Outcome.STAYS;
        }
        int length = (token >>> 21) + 1 & LENGTH;
        int pid = token & 0xff;
        left -= OVERHEAD + length;
        if (length > MAX_LENGTH || pid != PID_IN && pid != PID_OUT && pid != PID_SETUP) {
            result |= HOST_ERROR;
            return Outcome.STAYS;
        }
        int n = transact(pid, token, length, dword(12));
        if ((result & HOST_ERROR) != 0) {
            return Outcome.STAYS;
        }
        return finish(at, control, pid, length, n);
    }

    /** Bytes moved, NAK, STALL, or below those when nobody answers. */
    private int transact(int pid, int token, int length, int buffer) {
        UsbFunction f = bus.find(token >>> 8 & 0x7f);
        if (f == null) {
            return Integer.MIN_VALUE;
        }
        long gpa = Integer.toUnsignedLong(buffer);
        int endpoint = token >>> 15 & 0xf;
        if (pid == PID_IN) {
            int n = f.in(endpoint, data, length);
            if (n > 0 && !memory.tryWrite(gpa, data, 0, n)) {
                result |= HOST_ERROR;
            }
            return n;
        }
        if (length > 0 && !memory.tryRead(gpa, data, 0, length)) {
            result |= HOST_ERROR;
            return 0;
        }
        if (pid == PID_OUT) {
            return f.out(endpoint, data, length);
        }
        return length == 8 && endpoint == 0 ? f.setup(data) : Integer.MIN_VALUE;
    }

    private Outcome finish(int at, int control, int pid, int length, int n) {
        int c = control & ~STATUS & ~LENGTH;
        Outcome outcome = Outcome.STAYS;
        if (n >= 0) {
            c = c & ~ACTIVE | n - 1 & LENGTH;
            boolean isShort = pid == PID_IN && n < length && (control & SHORT_DETECT) != 0;
            outcome = isShort ? Outcome.SHORT : Outcome.DONE;
            result |= isShort ? SHORT : 0;
        } else if (n == UsbFunction.NAK) {
            c |= NAKED | control & LENGTH;
            if ((control & ISOCHRONOUS) != 0) {
                c &= ~ACTIVE;
            }
        } else if (n == UsbFunction.STALL) {
            c = c & ~ACTIVE | STALLED | LENGTH;
            result |= ERROR;
        } else {
            c = failed(c);
        }
        if ((c & ACTIVE) == 0) {
            moved = true;
            result |= (control & IOC) != 0 ? INTERRUPT : 0;
        }
        put32(0, c);
        if (!memory.tryWrite(Integer.toUnsignedLong(at) + 4, raw, 0, 4)) {
            result |= HOST_ERROR;
        }
        return outcome;
    }

    /** Nobody answered. */
    private int failed(int control) {
        int c = control | TIMEOUT | LENGTH;
        if ((c & ISOCHRONOUS) != 0) {
            return c & ~ACTIVE;
        }
        if ((c & ERRORS_LEFT) == 0) {
            return c;
        }
        c -= ONE_ERROR;
        if ((c & ERRORS_LEFT) != 0) {
            return c;
        }
        result |= ERROR;
        return c & ~ACTIVE | STALLED;
    }
}

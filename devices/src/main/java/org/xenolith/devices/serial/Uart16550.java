package org.xenolith.devices.serial;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.CharBackend;
import org.xenolith.devices.Device;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * 16550A asynchronous communications element (National Semiconductor PC16550D). Bytes leave at once, whatever the divisor says; received ones
 * wait at the backend until the FIFO has room, so nothing is overrun. Modem inputs CTS, DSR and DCD are asserted. As on a PC, OUT2 gates the
 * interrupt.
 */
public final class Uart16550 implements Device, PortHandler.Bytes {
    private static final int IER_RECEIVED = 1;
    private static final int IER_EMPTY = 2;
    private static final int IER_LINE = 4;
    private static final int IER_MODEM = 8;
    private static final int LCR_DLAB = 0x80;
    private static final int LCR_BREAK = 0x40;
    private static final int MCR_OUT2 = 8;
    private static final int MCR_LOOP = 0x10;
    private static final int LSR_READY = 1;
    private static final int LSR_OVERRUN = 2;
    private static final int LSR_BREAK = 0x10;
    private static final int LSR_EMPTY = 0x60;
    private static final int LSR_ERRORS = 0x1e;
    private static final int FIFO_BYTES = 16;
    private static final int CONNECTED = 0xb0;
    /** Bits of a character with start and stop. */
    private static final int CHARACTER_BITS = 10;
    private static final long BAUD_BASE = 115_200;

    private final int first;
    private final IrqLine irq;
    private final CharBackend backend;
    private final VirtualClock clock;
    private final Timers.Timer timeout;

    private final byte[] fifo = new byte[FIFO_BYTES];
    private int head;
    private int count;
    private boolean timedOut;
    private boolean emptyPending;
    private int divisor;
    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int errors;
    private int msrDelta;
    private int scratch;

    /** @param first of eight ports: 3F8h for COM1 */
    public Uart16550(Board board, int first, IrqLine irq, CharBackend backend) {
        this.first = first;
        this.irq = irq;
        this.backend = backend;
        this.clock = board.clock();
        timeout = board.timers().timer(this::noMore);
        board.ports().map(first, 8, this);
        reset();
        backend.setInputListener(this::pull);
    }

    @Override
    public void reset() {
        head = 0;
        count = 0;
        timedOut = false;
        emptyPending = false;
        divisor = 12;
        ier = 0;
        fcr = 0;
        lcr = 0;
        mcr = 0;
        errors = 0;
        msrDelta = 0;
        scratch = 0;
        timeout.cancel();
        irq.set(false);
    }

    // ---- receiver ----

    private boolean fifoOn() {
        return (fcr & 1) != 0;
    }

    private int capacity() {
        return fifoOn() ? FIFO_BYTES : 1;
    }

    private int trigger() {
        if (!fifoOn()) {
            return 1;
        }
        return switch (fcr >>> 6) {
            case 0 -> 1;
            case 1 -> 4;
            case 2 -> 8;
            default -> 14;
        };
    }

    private boolean loop() {
        return (mcr & MCR_LOOP) != 0;
    }

    /** Takes what the backend has, as far as there is room. */
    private void pull() {
        boolean any = false;
        while (!loop() && count < capacity()) {
            int b = backend.poll();
            if (b < 0) {
                break;
            }
            push(b);
            any = true;
        }
        if (any) {
            update();
        }
    }

    private void push(int b) {
        if (count == capacity()) {
            errors |= LSR_OVERRUN;
            return;
        }
        fifo[head + count++ & FIFO_BYTES - 1] = (byte) b;
        startTimeout();
    }

    /** The character timeout: four characters' time without one coming or being read. */
    private void startTimeout() {
        timedOut = false;
        if (fifoOn() && count > 0) {
            long character = Math.max(1, divisor) * CHARACTER_BITS * 1_000_000_000L / BAUD_BASE;
            timeout.arm(clock.now() + 4 * character);
        } else {
            timeout.cancel();
        }
    }

    private void noMore() {
        timedOut = count > 0;
        update();
    }

    private int receive() {
        if (count == 0) {
            return 0;
        }
        int b = fifo[head] & 0xff;
        head = head + 1 & FIFO_BYTES - 1;
        count--;
        startTimeout();
        pull();
        update();
        return b;
    }

    // ---- interrupts ----

    /** The identification of the most urgent interrupt, as IIR shows it. */
    private int identify() {
        if ((ier & IER_LINE) != 0 && errors != 0) {
            return 6;
        }
        if ((ier & IER_RECEIVED) != 0) {
            if (count >= trigger()) {
                return 4;
            }
            if (timedOut) {
                return 0x0c;
            }
        }
        if ((ier & IER_EMPTY) != 0 && emptyPending) {
            return 2;
        }
        return (ier & IER_MODEM) != 0 && msrDelta != 0 ? 0 : 1;
    }

    private void update() {
        irq.set(identify() != 1 && (mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2);
    }

    private int modemStatus() {
        if (!loop()) {
            return CONNECTED;
        }
        // RTS, DTR, OUT1 and OUT2 show as CTS, DSR, RI and DCD
        return (mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4;
    }

    // ---- registers ----

    @Override
    public int in8(int port) {
        boolean latch = (lcr & LCR_DLAB) != 0;
        return switch (port - first) {
            case 0 -> latch ? divisor & 0xff : receive();
            case 1 -> latch ? divisor >>> 8 : ier;
            case 2 -> {
                int id = identify();
                if (id == 2) {
                    emptyPending = false;
                    update();
                }
                yield id | (fifoOn() ? 0xc0 : 0);
            }
            case 3 -> lcr;
            case 4 -> mcr;
            case 5 -> {
                int v = LSR_EMPTY | errors | (count > 0 ? LSR_READY : 0);
                errors = 0;
                update();
                yield v;
            }
            case 6 -> {
                int v = modemStatus() | msrDelta;
                msrDelta = 0;
                update();
                yield v;
            }
            default -> scratch;
        };
    }

    @Override
    public void out8(int port, int value) {
        boolean latch = (lcr & LCR_DLAB) != 0;
        switch (port - first) {
            case 0 -> {
                if (latch) {
                    divisor = divisor & 0xff00 | value;
                } else {
                    transmit(value);
                }
            }
            case 1 -> {
                if (latch) {
                    divisor = divisor & 0xff | value << 8;
                } else {
                    emptyPending |= (value & ~ier & IER_EMPTY) != 0;
                    ier = value & 0x0f;
                }
            }
            case 2 -> control(value);
            case 3 -> {
                if ((value & ~lcr & LCR_BREAK) != 0 && loop()) {
                    push(0);
                    errors |= LSR_BREAK;
                }
                lcr = value;
            }
            case 4 -> {
                int before = modemStatus();
                mcr = value & 0x1f;
                int changed = before ^ modemStatus();
                // RI counts when it goes away
                int ended = changed & before & 0x40;
                msrDelta |= (changed & CONNECTED | ended) >>> 4;
                pull();
            }
            case 7 -> scratch = value;
            default -> {
            }
        }
        update();
    }

    private void transmit(int value) {
        if (loop()) {
            push(value & (1 << (lcr & 3) + 5) - 1);
        } else {
            backend.send(value);
        }
        emptyPending = true;
    }

    private void control(int value) {
        boolean switched = ((value ^ fcr) & 1) != 0;
        if (switched || (value & 3) == 3) {
            count = 0;
            errors &= ~LSR_ERRORS;
            timedOut = false;
            timeout.cancel();
        }
        fcr = (value & 1) != 0 ? value & 0xc9 : 0;
        pull();
    }
}

package org.xenolith.devices.timer;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * 82C54 programmable interval timer at ports 40h to 43h, and system control port B at 61h (82371SB, 2.5.5): gate of counter 2, speaker, refresh.
 * Counter 0 drives IRQ 0 when its output rises; counter 1, once DRAM refresh, drives nothing.
 */
public final class Pit8254 implements Device, PortHandler.Bytes {
    private static final int FIRST = 0x40;
    private static final int CONTROL = 0x43;
    private static final int PORT_B = 0x61;
    /** Nanoseconds from one refresh of DRAM to the next. */
    private static final long REFRESH_NS = 15_085;
    /** Interrupts come no faster than this many nanoseconds: a bound on what a guest can ask of the host. */
    private static final long SHORTEST_NS = 4000;

    private final VirtualClock clock;
    private final IrqLine irq;
    private final Timers.Timer timer;
    private final PitChannel[] channels = {new PitChannel(true), new PitChannel(true), new PitChannel(false)};
    private int portB;

    public Pit8254(Board board, IrqLine irq0) {
        clock = board.clock();
        irq = irq0;
        timer = board.timers().timer(this::rises);
        board.ports().map(FIRST, 4, this);
        board.ports().map(PORT_B, 1, this);
        reset();
    }

    private long now() {
        return Frequency.PIT.ticks(clock.now());
    }

    private void rises() {
        irq.set(false);
        irq.set(true);
        arm(clock.now() + SHORTEST_NS);
    }

    private void arm() {
        arm(0);
    }

    private void arm(long earliest) {
        long rise = channels[0].nextRise(now());
        timer.arm(rise == Long.MAX_VALUE ? Timers.NEVER : Math.max(Frequency.PIT.nanos(rise), earliest));
    }

    @Override
    public int in8(int port) {
        long now = now();
        if (port == PORT_B) {
            return portB & 0x0f | (int) (clock.now() / REFRESH_NS & 1) << 4 | (channels[2].out(now) ? 0x20 : 0);
        }
        return port == CONTROL ? 0xff : channels[port - FIRST].read(now);
    }

    @Override
    public void out8(int port, int value) {
        long now = now();
        if (port == PORT_B) {
            portB = value & 0x0f;
            channels[2].setGate((value & 1) != 0, now);
        } else if (port != CONTROL) {
            channels[port - FIRST].write(value, now);
            if (port == FIRST) {
                counter0Changed(now);
            }
        } else if (value >>> 6 == 3) {
            readBack(value, now);
        } else if ((value & 0x30) == 0) {
            channels[value >>> 6].latchCount(now);
        } else {
            channels[value >>> 6].control(value);
            if (value >>> 6 == 0) {
                counter0Changed(now);
            }
        }
    }

    private void counter0Changed(long now) {
        irq.set(channels[0].out(now));
        arm();
    }

    private void readBack(int command, long now) {
        for (int n = 0; n < 3; n++) {
            if ((command >>> n + 1 & 1) != 0) {
                if ((command & 0x20) == 0) {
                    channels[n].latchCount(now);
                }
                if ((command & 0x10) == 0) {
                    channels[n].latchStatus(now);
                }
            }
        }
    }

    /** Whether the speaker sounds, and with how many hertz: 0 for silence. */
    public int speakerHertz() {
        return (portB & 3) == 3 ? channels[2].squareHertz() : 0;
    }

    @Override
    public void reset() {
        for (PitChannel c : channels) {
            c.reset();
        }
        channels[2].setGate(false, now());
        portB = 0;
        timer.cancel();
        irq.set(false);
    }
}

package org.xenolith.devices.ide;

import org.jspecify.annotations.Nullable;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/** One cable with up to two drives, its eight ports and control port, and its half of the bus-master registers. */
final class IdeChannel implements PortHandler {
    private static final int DATA = 0;
    private static final int ERROR = 1;
    private static final int STATUS = 7;

    // device control register
    private static final int NIEN = 2;
    private static final int SRST = 4;
    private static final int HOB = 0x80;

    private static final int SELECT = 0x10;
    /** What a cable without drives reads as: only data line 7 has a resistor to ground. */
    private static final int FLOATING = 0x7f;

    private final IdeController controller;
    private final int firstPort;
    private final IrqLine irq;
    private final BusMaster master = new BusMaster(this);
    private final @Nullable IdeDrive[] drives = new IdeDrive[2];
    private int control;
    private int selected;
    private boolean asserted;

    IdeChannel(IdeController controller, int firstPort, IrqLine irq) {
        this.controller = controller;
        this.firstPort = firstPort;
        this.irq = irq;
    }

    // ---- for the controller ----

    void attach(int unit, IdeDrive drive) {
        if (drives[unit] != null) {
            throw new IllegalStateException("IDE unit " + unit + " at port " + Integer.toHexString(firstPort)
                    + "h is taken");
        }
        drives[unit] = drive;
        drive.powerOn();
        drive.signature();
    }

    /** Takes disks away and leaves CD-ROM drives. */
    void unplugDisks() {
        for (int i = 0; i < drives.length; i++) {
            if (drives[i] instanceof AtaDisk disk) {
                disk.stop();
                drives[i] = null;
            }
        }
        updateInterrupt();
    }

    void reset() {
        control = 0;
        selected = 0;
        master.reset();
        for (IdeDrive d : drives) {
            if (d != null) {
                d.stop();
                d.powerOn();
                d.signature();
            }
        }
        updateInterrupt();
    }

    BusMaster master() {
        return master;
    }

    // ---- for drives and the bus master ----

    long now() {
        return controller.now();
    }

    Timers timers() {
        return controller.timers();
    }

    @Nullable
    GuestMemory memory() {
        return controller.memory();
    }

    void unimplemented(String what) {
        controller.unimplemented(what);
    }

    void updateInterrupt() {
        IdeDrive d = drives[selected];
        boolean level = d != null && d.interrupting() && (control & NIEN) == 0;
        if (level != asserted) {
            asserted = level;
            if (level) {
                master.interrupted();
            }
            irq.set(level);
        }
    }

    /** Something that DMA waits for has come: a command, the start bit, or leave to be a bus master. */
    void dmaStarted() {
        if (!master.active() || controller.memory() == null) {
            return;
        }
        IdeDrive d = waiting();
        if (d != null) {
            d.dmaStart();
        }
    }

    void dmaStopped() {
        IdeDrive d = waiting();
        if (d != null) {
            d.dmaStop();
        }
    }

    private @Nullable IdeDrive waiting() {
        IdeDrive d = drives[selected];
        if (d != null && d.dmaWanted()) {
            return d;
        }
        d = drives[1 - selected];
        return d != null && d.dmaWanted() ? d : null;
    }

    // ---- ports ----

    @Override
    public long in(int port, int size) {
        int register = port - firstPort;
        if (register == DATA && size > 1) {
            IdeDrive d = drives[selected];
            return d == null ? -1L : d.readData(size);
        }
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= (long) read(register + i) << 8 * i;
        }
        return v;
    }

    @Override
    public void out(int port, int size, long value) {
        int register = port - firstPort;
        if (register == DATA && size > 1) {
            IdeDrive d = drives[selected];
            if (d != null) {
                d.writeData(size, value);
            }
            return;
        }
        for (int i = 0; i < size; i++) {
            write(register + i, (int) (value >>> 8 * i) & 0xff);
        }
    }

    private int read(int register) {
        IdeDrive d = drives[selected];
        if (d == null) {
            // drive 0 answers for a drive 1 that is not there
            return drives[1 - selected] == null ? FLOATING : 0;
        }
        return switch (register) {
            case DATA -> (int) d.readData(1) & 0xff;
            case ERROR -> d.error;
            case TaskFile.DEVICE -> d.task.read(TaskFile.DEVICE) & 0xf | 0xa0 | selected << 4
                    | d.task.read(TaskFile.DEVICE) & TaskFile.DEVICE_LBA;
            case STATUS -> {
                d.acknowledge();
                yield d.status;
            }
            default -> d.task.read(register, (control & HOB) != 0);
        };
    }

    private void write(int register, int value) {
        IdeDrive d = drives[selected];
        switch (register) {
            case DATA -> {
                if (d != null) {
                    d.writeData(1, value);
                }
            }
            case STATUS -> {
                control &= ~HOB;
                if (value == IdeDrive.EXECUTE_DIAGNOSTIC) {
                    diagnose();
                } else if (d != null) {
                    d.command(value);
                }
            }
            default -> {
                control &= ~HOB;
                if (d != null && (d.status & IdeDrive.BSY) != 0) {
                    return;
                }
                for (IdeDrive each : drives) {
                    if (each != null) {
                        each.task.write(register, value);
                    }
                }
                if (register == TaskFile.DEVICE) {
                    selected = (value & SELECT) != 0 ? 1 : 0;
                    updateInterrupt();
                }
            }
        }
    }

    private void diagnose() {
        IdeDrive d = drives[selected];
        if (d != null && (d.status & IdeDrive.BSY) != 0) {
            return;
        }
        selected = 0;
        for (IdeDrive each : drives) {
            if (each != null) {
                each.stop();
                each.after(IdeDrive.RESET_NS, () -> {
                    each.signature();
                    each.raise();
                });
            }
        }
    }

    /** The control block: alternate status, and device control. */
    final class Control implements PortHandler.Bytes {
        @Override
        public int in8(int port) {
            IdeDrive d = drives[selected];
            return d != null ? d.status : drives[1 - selected] == null ? FLOATING : 0;
        }

        @Override
        public void out8(int port, int value) {
            boolean was = (control & SRST) != 0;
            control = value;
            boolean is = (value & SRST) != 0;
            if (is != was) {
                for (IdeDrive d : drives) {
                    if (d != null && is) {
                        d.holdReset();
                    } else if (d != null) {
                        d.endReset();
                    }
                }
                selected = 0;
            }
            updateInterrupt();
        }
    }
}

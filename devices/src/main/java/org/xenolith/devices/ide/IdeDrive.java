package org.xenolith.devices.ide;

import java.util.Arrays;
import org.xenolith.time.Timers;

/**
 * What ATA and ATAPI drives share: registers, the buffer through which data goes in blocks, by the data register or
 * by DMA, and the virtual time
 * that things take.
 */
abstract class IdeDrive {
    // status register
    static final int BSY = 0x80;
    static final int DRDY = 0x40;
    static final int DSC = 0x10;
    static final int DRQ = 0x08;
    static final int ERR = 0x01;

    // error register
    static final int ABRT = 0x04;

    // commands of both kinds of drives
    static final int NOP = 0x00;
    static final int EXECUTE_DIAGNOSTIC = 0x90;
    static final int DEVICE_RESET = 0x08;

    /** Bytes of a drive's buffer: 128 sectors, 32 blocks of a CD. */
    static final int BUFFER = 65536;

    /** Virtual nanoseconds until a command that moves no data by DMA is done: hosts poll for it. */
    static final long COMMAND_NS = 1_500;
    /** Virtual nanoseconds of a reset. */
    static final long RESET_NS = 10_000;
    /** Virtual nanoseconds until DMA begins. */
    static final long DMA_LATENCY_NS = 20_000;
    /** Virtual nanoseconds that a byte takes by DMA: 500 MB/s. */
    static final long DMA_NS_PER_BYTE = 2;

    /** How the data of a command goes. */
    enum Mode {
        PIO_IN, PIO_OUT, DMA_IN, DMA_OUT
    }

    final IdeChannel channel;
    final TaskFile task = new TaskFile();
    final byte[] buffer = new byte[BUFFER];
    int status;
    int error;
    /** The block in the buffer that moves: from {@code at} to {@code end}. */
    int at;
    int end;
    Mode mode = Mode.PIO_IN;

    private final Timers.Timer timer;
    private Runnable next = () -> {};
    private boolean interrupt;
    private boolean dmaWanted;
    private boolean dmaBegun;

    IdeDrive(IdeChannel channel) {
        this.channel = channel;
        this.timer = channel.timers().timer(() -> next.run());
    }

    // ---- for kinds of drives ----

    /** Does a command other than those of {@link #command}; the drive is neither busy nor moving data. */
    abstract void execute(int command);

    /** True for an ATAPI drive. */
    abstract boolean packet();

    /** Puts the signature into the registers and the rest into its state after a reset. */
    abstract void signature();

    /** RESET#: settings that a software reset leaves alone. */
    abstract void powerOn();

    /**
     * A block has moved, or the first one is wanted. Takes what the host sent, if it did, and sets {@code at} and
     * {@code end} to the next block.
     *
     * @return false when the command has ended, well or not; the method has said so to the host
     */
    abstract boolean nextBlock();

    /** Bytes that are still to move, for the time that DMA takes. */
    abstract long bytesLeft();

    // ---- time ----

    /** The drive is busy for some virtual nanoseconds; then something happens. */
    final void after(long ns, Runnable then) {
        status = BSY;
        next = then;
        timer.arm(channel.now() + ns);
    }

    /** Ends the command without an error and interrupts. */
    final void done() {
        status = DRDY | DSC;
        raise();
    }

    /** Ends the command with an error and interrupts. */
    final void fail(int errorBits) {
        error = errorBits;
        status = DRDY | DSC | ERR;
        raise();
    }

    final void raise() {
        dmaWanted = false;
        interrupt = true;
        channel.updateInterrupt();
    }

    // ---- data ----

    /** Moves the data of a command, after some virtual time when the host moves it itself. */
    final void transfer(Mode how, long ns) {
        mode = how;
        at = 0;
        end = 0;
        switch (how) {
            case PIO_IN -> after(ns, this::offer);
            case PIO_OUT -> after(ns, () -> {
                if (nextBlock()) {
                    status = DRDY | DSC | DRQ;
                }
            });
            case DMA_IN, DMA_OUT -> {
                status = BSY;
                dmaWanted = true;
                dmaBegun = false;
                channel.dmaStarted();
            }
        }
    }

    private void offer() {
        if (nextBlock()) {
            status = DRDY | DSC | DRQ;
            raise();
        }
    }

    final boolean dmaWanted() {
        return dmaWanted;
    }

    /** The controller is ready. */
    final void dmaStart() {
        if (timer.deadline() == Timers.NEVER) {
            next = this::moveByDma;
            timer.arm(channel.now() + DMA_LATENCY_NS + bytesLeft() * DMA_NS_PER_BYTE);
        }
    }

    /** The controller is stopped; the drive waits for it. */
    final void dmaStop() {
        timer.cancel();
    }

    private void moveByDma() {
        BusMaster master = channel.master();
        if (master.toMemory() != (mode == Mode.DMA_IN)) {
            channel.unimplemented("DMA against the command's direction");
            return;
        }
        if (!dmaBegun && !nextBlock()) {
            return;
        }
        dmaBegun = true;
        do {
            at += master.move(buffer, at, end - at);
        } while (at == end && nextBlock());
    }

    /** The host reads the data register. */
    final long readData(int size) {
        if ((status & DRQ) == 0 || mode != Mode.PIO_IN) {
            return -1L;
        }
        long v = 0;
        for (int i = 0; i < size && at < end; i++) {
            v |= (buffer[at++] & 0xffL) << 8 * i;
        }
        if (at == end) {
            offer();
        }
        return v;
    }

    /** The host writes the data register. */
    final void writeData(int size, long value) {
        if ((status & DRQ) == 0 || mode != Mode.PIO_OUT) {
            return;
        }
        for (int i = 0; i < size && at < end; i++) {
            buffer[at++] = (byte) (value >>> 8 * i);
        }
        if (at == end) {
            received();
        }
    }

    /** A block has come by the data register. */
    void received() {
        after(COMMAND_NS, this::offer);
    }

    // ---- registers ----

    final boolean interrupting() {
        return interrupt;
    }

    final void acknowledge() {
        interrupt = false;
        channel.updateInterrupt();
    }

    /** The host writes the command register; not EXECUTE DIAGNOSTIC, which the channel does. */
    final void command(int command) {
        if ((status & (BSY | DRQ)) != 0 && !(command == DEVICE_RESET && packet())) {
            return;
        }
        acknowledge();
        error = 0;
        if (command == NOP) {
            after(COMMAND_NS, () -> fail(ABRT));
        } else {
            execute(command);
        }
    }

    /** Stops whatever goes on; what the host has not been told to be done may or may not be. */
    final void stop() {
        timer.cancel();
        dmaWanted = false;
        interrupt = false;
        at = 0;
        end = 0;
        Arrays.fill(buffer, 0, 512, (byte) 0);
        channel.updateInterrupt();
    }

    /** The host holds the drive in reset. */
    final void holdReset() {
        stop();
        status = BSY;
    }

    /** The reset ends; the signature comes after a while. */
    final void endReset() {
        after(RESET_NS, this::signature);
    }
}

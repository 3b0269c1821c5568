package org.xenolith.devices.ps2;

import java.util.Arrays;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.time.Timers;

/**
 * The keyboard controller of a PC, an Intel 8042 with IBM's program (IBM PS/2 Hardware Interface Technical Reference, Keyboard and Auxiliary
 * Device Controller), at ports 60h and 64h; a keyboard and a mouse are plugged in. The controller answers at once, a byte from a device needs
 * 100 microseconds, so that programs that read port 60h twice find the same byte.
 */
public final class I8042 implements Device, PortHandler.Bytes {
    private static final int DATA = 0x60;
    private static final int STATUS = 0x64;

    private static final int OUTPUT_FULL = 1;
    private static final int SYSTEM = 4;
    private static final int COMMAND = 8;
    private static final int UNLOCKED = 0x10;
    private static final int AUX_DATA = 0x20;

    private static final int KEYBOARD_INTERRUPT = 1;
    private static final int MOUSE_INTERRUPT = 2;
    private static final int KEYBOARD_OFF = 0x10;
    private static final int MOUSE_OFF = 0x20;
    private static final int TRANSLATE = 0x40;

    private static final int RESET_LINE = 1;
    private static final int A20 = 2;
    private static final long BYTE_NS = 100_000;
    private static final int ANSWERS = 16;

    /** What the controller's output port is wired to. */
    public interface Lines {
        /** The processors' RESET# was pulsed. */
        void resetPulse();

        /** Address line 20 works, or is held at 0; told at every write, as port 92h may have switched it meanwhile. */
        void a20(boolean enabled);
    }

    private final Board board;
    private final IrqLine keyboardIrq;
    private final IrqLine mouseIrq;
    private final Lines lines;
    private final Keyboard keyboard;
    private final Mouse mouse;
    private final Timers.Timer transfer;
    private final int[] ram = new int[32];
    private final int[] answers = new int[ANSWERS];
    private int answerCount;
    /** Bit by answer: it is to look as if the mouse had sent it. */
    private int answerFromMouse;
    private int status;
    private int output;
    private int outputPort;
    private int pendingCommand;
    private boolean released;

    /**
     * Maps the ports.
     *
     * @param keyboardIrq IRQ 1
     * @param mouseIrq IRQ 12
     */
    public I8042(Board board, IrqLine keyboardIrq, IrqLine mouseIrq, Lines lines) {
        this.board = board;
        this.keyboardIrq = keyboardIrq;
        this.mouseIrq = mouseIrq;
        this.lines = lines;
        transfer = board.timers().timer(this::arrive);
        keyboard = new Keyboard(board.timers(), board.clock());
        mouse = new Mouse(board.timers(), board.clock());
        keyboard.setListener(this::schedule);
        mouse.setListener(this::schedule);
        board.ports().map(DATA, 1, this);
        board.ports().map(STATUS, 1, this);
        reset();
    }

    public Keyboard keyboard() {
        return keyboard;
    }

    public Mouse mouse() {
        return mouse;
    }

    /** Whether the keyboard may send: its clock line is not held. */
    public boolean keyboardOn() {
        return (ram[0] & KEYBOARD_OFF) == 0;
    }

    @Override
    public void reset() {
        transfer.cancel();
        Arrays.fill(ram, 0);
        ram[0] = KEYBOARD_INTERRUPT | MOUSE_INTERRUPT;
        answerCount = 0;
        status = COMMAND | UNLOCKED;
        output = 0;
        outputPort = RESET_LINE | A20;
        pendingCommand = 0;
        released = false;
        keyboard.powerOn();
        mouse.powerOn();
        updateInterrupts();
        lines.a20(true);
    }

    // ---- output buffer ----

    private void load(int value, boolean fromMouse) {
        output = value;
        status = status & ~AUX_DATA | OUTPUT_FULL | (fromMouse ? AUX_DATA : 0);
        updateInterrupts();
    }

    private void updateInterrupts() {
        boolean full = (status & OUTPUT_FULL) != 0;
        boolean aux = (status & AUX_DATA) != 0;
        keyboardIrq.set(full && !aux && (ram[0] & KEYBOARD_INTERRUPT) != 0);
        mouseIrq.set(full && aux && (ram[0] & MOUSE_INTERRUPT) != 0);
    }

    private void answer(int value, boolean fromMouse) {
        if ((status & OUTPUT_FULL) == 0 && answerCount == 0) {
            load(value, fromMouse);
        } else if (answerCount < ANSWERS) {
            answerFromMouse = answerFromMouse & ~(1 << answerCount) | (fromMouse ? 1 << answerCount : 0);
            answers[answerCount++] = value;
        }
    }

    private boolean keyboardReady() {
        return (ram[0] & KEYBOARD_OFF) == 0 && keyboard.hasData();
    }

    private boolean mouseReady() {
        return (ram[0] & MOUSE_OFF) == 0 && mouse.hasData();
    }

    /** Lets a device send its next byte, when the buffer is free. */
    private void schedule() {
        if ((status & OUTPUT_FULL) == 0 && transfer.deadline() == Timers.NEVER && (keyboardReady() || mouseReady())) {
            transfer.arm(board.clock().now() + BYTE_NS);
        }
    }

    private void arrive() {
        if ((status & OUTPUT_FULL) != 0) {
            return;
        }
        if (keyboardReady()) {
            int value = keyboard.send();
            if ((ram[0] & TRANSLATE) != 0) {
                if (value == ScanCodes.BREAK) {
                    released = true;
                    schedule();
                    return;
                }
                value = ScanCodes.translate(value) | (released ? 0x80 : 0);
                released = false;
            }
            load(value, false);
        } else if (mouseReady()) {
            load(mouse.send(), true);
        }
    }

    // ---- ports ----

    @Override
    public int in8(int port) {
        if (port == STATUS) {
            return status;
        }
        if ((status & OUTPUT_FULL) != 0) {
            status &= ~(OUTPUT_FULL | AUX_DATA);
            updateInterrupts();
            if (answerCount > 0) {
                int value = answers[0];
                boolean fromMouse = (answerFromMouse & 1) != 0;
                System.arraycopy(answers, 1, answers, 0, --answerCount);
                answerFromMouse >>>= 1;
                int read = output;
                load(value, fromMouse);
                return read;
            }
            schedule();
        }
        return output;
    }

    @Override
    public void out8(int port, int value) {
        if (port == STATUS) {
            status |= COMMAND;
            command(value);
        } else {
            status &= ~COMMAND;
            data(value);
        }
    }

    private void command(int value) {
        pendingCommand = 0;
        if (value >= 0x20 && value < 0x40) {
            answer(ram[value & 0x1f], false);
            return;
        }
        if (value >= 0x60 && value < 0x80) {
            pendingCommand = value;
            return;
        }
        if (value >= 0xf0) {
            // bits that are 0 pulse the line low
            if ((value & RESET_LINE) == 0) {
                lines.resetPulse();
            }
            return;
        }
        switch (value) {
            // no password is set
            case 0xa4 -> answer(0xf1, false);
            case 0xa7 -> setMode(ram[0] | MOUSE_OFF);
            case 0xa8 -> setMode(ram[0] & ~MOUSE_OFF);
            case 0xa9, 0xab, 0xe0 -> answer(0, false);
            case 0xaa -> {
                status |= SYSTEM;
                answer(0x55, false);
            }
            case 0xad -> setMode(ram[0] | KEYBOARD_OFF);
            case 0xae -> setMode(ram[0] & ~KEYBOARD_OFF);
            // input port: the keyboard is not locked
            case 0xc0 -> answer(0x80, false);
            case 0xd0 -> answer(outputPort(), false);
            case 0xd1, 0xd2, 0xd3, 0xd4 -> pendingCommand = value;
            case 0xdd -> setOutputPort(outputPort & ~A20);
            case 0xdf -> setOutputPort(outputPort | A20);
            default -> board.unimplemented().accept("i8042:command-" + Integer.toHexString(value));
        }
    }

    private void data(int value) {
        int of = pendingCommand;
        pendingCommand = 0;
        if (of >= 0x60 && of < 0x80) {
            if (of == 0x60) {
                setMode(value);
            } else {
                ram[of & 0x1f] = value;
            }
            return;
        }
        switch (of) {
            case 0xd1 -> setOutputPort(value);
            case 0xd2 -> answer(value, false);
            case 0xd3 -> answer(value, true);
            case 0xd4 -> {
                ram[0] &= ~MOUSE_OFF;
                mouse.receive(value);
            }
            default -> {
                ram[0] &= ~KEYBOARD_OFF;
                keyboard.receive(value);
            }
        }
    }

    /** Sets the command byte. */
    private void setMode(int value) {
        ram[0] = value;
        status = status & ~SYSTEM | value & SYSTEM;
        updateInterrupts();
        schedule();
    }

    private int outputPort() {
        boolean full = (status & OUTPUT_FULL) != 0;
        boolean aux = (status & AUX_DATA) != 0;
        return outputPort & 0xcf | (full && !aux ? 0x10 : 0) | (full && aux ? 0x20 : 0);
    }

    private void setOutputPort(int value) {
        outputPort = value | RESET_LINE;
        lines.a20((value & A20) != 0);
        if ((value & RESET_LINE) == 0) {
            lines.resetPulse();
        }
    }
}

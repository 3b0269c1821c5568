package org.xenolith.devices.chipset;

import java.util.Arrays;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;

/**
 * The two 8237A DMA controllers of a PC (Intel 231466; 82371SB, 2.5.1) with their page registers: ports 0 to Fh, C0h to DFh, 80h to 8Fh. No device on the board
 * requests a transfer; a request by software is reported. Port 80h is the page register that firmware writes its POST codes to.
 */
public final class Dma8237 implements Device, PortHandler.Bytes {
    private static final int PAGES = 0x80;
    private static final int SECOND = 0xc0;

    /** One controller. */
    private final class Controller {
        private final int[] address = new int[4];
        private final int[] count = new int[4];
        private final int[] baseAddress = new int[4];
        private final int[] baseCount = new int[4];
        private final int[] mode = new int[4];
        private int command;
        private int mask;
        private boolean high;

        void reset() {
            command = 0;
            mask = 15;
            high = false;
        }

        int read(int register) {
            if (register < 8) {
                int v = (register & 1) == 0 ? address[register >>> 1] : count[register >>> 1];
                high = !high;
                return high ? v & 0xff : v >>> 8;
            }
            return switch (register) {
                case 15 -> mask | 0xf0;
                // status: no terminal count, no request; temporary register
                case 8, 13 -> 0;
                default -> 0xff;
            };
        }

        void write(int register, int v) {
            if (register < 8) {
                int n = register >>> 1;
                int[] base = (register & 1) == 0 ? baseAddress : baseCount;
                base[n] = high ? base[n] & 0xff | v << 8 : base[n] & 0xff00 | v;
                ((register & 1) == 0 ? address : count)[n] = base[n];
                high = !high;
                return;
            }
            switch (register) {
                case 8 -> command = v;
                case 9 -> {
                    if ((v & 4) != 0 && (command & 4) == 0) {
                        board.unimplemented().accept("dma8237:software-request");
                    }
                }
                case 10 -> mask = (v & 4) != 0 ? mask | 1 << (v & 3) : mask & ~(1 << (v & 3));
                case 11 -> mode[v & 3] = v;
                case 12 -> high = false;
                case 13 -> reset();
                case 14 -> mask = 0;
                default -> mask = v & 15;
            }
        }
    }

    private final Board board;
    private final Controller first = new Controller();
    private final Controller second = new Controller();
    private final int[] pages = new int[16];

    public Dma8237(Board board) {
        this.board = board;
        board.ports().map(0, 16, this);
        board.ports().map(PAGES, 16, this);
        board.ports().map(SECOND, 32, this);
        reset();
    }

    /** The last POST code that firmware wrote to port 80h. */
    public int postCode() {
        return pages[0];
    }

    @Override
    public int in8(int port) {
        if (port >= SECOND) {
            return second.read(port - SECOND >>> 1);
        }
        return port >= PAGES ? pages[port - PAGES] : first.read(port);
    }

    @Override
    public void out8(int port, int value) {
        if (port >= SECOND) {
            second.write(port - SECOND >>> 1, value);
        } else if (port >= PAGES) {
            pages[port - PAGES] = value;
        } else {
            first.write(port, value);
        }
    }

    @Override
    public void reset() {
        first.reset();
        second.reset();
        Arrays.fill(pages, 0);
    }
}

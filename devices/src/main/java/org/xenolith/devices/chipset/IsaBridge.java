package org.xenolith.devices.chipset;

import java.util.function.IntFunction;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;

/**
 * 82371SB (PIIX3) function 0, the PCI-to-ISA bridge (Intel 290550): routes PIRQA# to PIRQD# to ISA interrupts by 60h to 63h, and has the reset
 * control register at port CF9h. Pin INTx# of device n leads to PIRQ (n + x - 1) mod 4.
 */
public final class IsaBridge extends PciFunction implements PortHandler {
    private static final int PIRQ = 0x60;
    private static final int PIRQS = 4;
    private static final int DISABLED = 0x80;
    /** ISA interrupts that a PIRQ may be routed to: 3 to 7, 9 to 12, 14 and 15. */
    private static final int ROUTABLE = 0xdef8;
    private static final int RESET_CONTROL = 0xcf9;
    private static final int RESET_CPU = 4;

    private final Runnable reset;
    private final IrqLine[][] lines = new IrqLine[PIRQS][16];
    private final int[] asserting = new int[PIRQS];
    private int resetControl;

    /**
     * @param source a new source on an ISA interrupt line
     * @param reset resets the machine
     */
    public IsaBridge(Board board, PciBus bus, IntFunction<IrqLine> source, Runnable reset) {
        super(board, new PciIdentity(0x8086, 0x7000, 0, 0x06_0100, 0x1af4, 0x1100));
        this.reset = reset;
        init(COMMAND, 2, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER, 0x108);
        init(STATUS, 2, 0x0200, 0);
        init(0x0e, 1, 0x80, 0);
        init(0x4c, 1, 0x4d, 0x7f);
        init(0x4e, 2, 3, 0xffff);
        for (int n = 0; n < PIRQS; n++) {
            init(PIRQ + n, 1, DISABLED, 0x8f);
            for (int irq = 0; irq < 16; irq++) {
                lines[n][irq] = (ROUTABLE >>> irq & 1) != 0 ? source.apply(irq) : IrqLine.NONE;
            }
        }
        init(0x69, 1, 2, 0xfe);
        init(0x70, 1, 0x80, 0xcf);
        init(0x76, 2, 0x0c0c, 0x8f8f);
        init(0x82, 1, 0, 0x0f);
        init(0xa0, 1, 8, 0x1f);
        init(0xa2, 4, 0, 0xffff_ffffL);
        init(0xa8, 1, 0x0f, 0xff);
        bus.setRouter(this::pin);
        bus.setByteHandler(this);
    }

    private void pin(int device, int pin, boolean asserted) {
        int n = device + pin - 2 & PIRQS - 1;
        asserting[n] += asserted ? 1 : -1;
        drive(n);
    }

    private void drive(int n) {
        int route = config8(PIRQ + n);
        for (int irq = 0; irq < 16; irq++) {
            lines[n][irq].set(asserting[n] > 0 && route == irq);
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        if (offset < PIRQ + PIRQS && offset + size > PIRQ) {
            for (int n = 0; n < PIRQS; n++) {
                drive(n);
            }
        }
    }

    @Override
    public void reset() {
        super.reset();
        resetControl = 0;
        for (int n = 0; n < PIRQS; n++) {
            drive(n);
        }
    }

    @Override
    public long in(int port, int size) {
        return port == RESET_CONTROL && size == 1 ? resetControl : -1L;
    }

    @Override
    public void out(int port, int size, long value) {
        if (port != RESET_CONTROL || size != 1) {
            return;
        }
        boolean rises = (value & ~resetControl & RESET_CPU) != 0;
        resetControl = (int) value & 6;
        if (rises) {
            reset.run();
        }
    }
}

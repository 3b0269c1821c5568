package org.xenolith.devices.irq;

import java.util.function.Consumer;
import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;

/**
 * The interrupt lines of a PC: ISA IRQ n leads to input n of the 8259A pair and to I/O APIC input n, IRQ 0 to input 2; inputs 16 to 23 belong
 * to the I/O APIC alone. The pair's INTR leads to LINT0 of every local APIC.
 */
public final class Interrupts implements Device {
    private static final int ISA = 16;

    private final PicPair pic;
    private final IoApic ioapic;
    /** How many sources assert a line, by I/O APIC input and, for IRQ 0, at 0. */
    private final int[] asserting = new int[IoApic.PINS];

    public Interrupts(Board board, ApicBus apics, Consumer<String> unimplemented) {
        pic = new PicPair(board.ports(), unimplemented, () -> apics.localInterrupt(0));
        ioapic = new IoApic(board.mmio(), apics, unimplemented);
    }

    public PicPair pic() {
        return pic;
    }

    public IoApic ioapic() {
        return ioapic;
    }

    private final class Source implements IrqLine {
        private final int irq;
        private boolean level;

        Source(int irq) {
            this.irq = irq;
        }

        @Override
        public void set(boolean asserted) {
            if (asserted == level) {
                return;
            }
            level = asserted;
            int n = asserting[irq] += asserted ? 1 : -1;
            if (n == (asserted ? 1 : 0)) {
                drive(irq, asserted);
            }
        }
    }

    private void drive(int irq, boolean level) {
        if (irq < ISA && irq != 2) {
            pic.line(irq, level);
        }
        ioapic.line(irq == 0 ? 2 : irq, level);
    }

    /**
     * A new source on a line; the line is asserted while any of its sources is.
     *
     * @param irq ISA IRQ 0, 1, 3 to 15, or I/O APIC input 16 to 23
     */
    public IrqLine line(int irq) {
        if (irq < 0 || irq == 2 || irq >= IoApic.PINS) {
            throw new IllegalArgumentException("no interrupt line " + irq);
        }
        return new Source(irq);
    }

    /** Resets the controllers; lines that are still asserted are seen again. */
    @Override
    public void reset() {
        pic.reset();
        ioapic.reset();
        for (int irq = 0; irq < asserting.length; irq++) {
            if (asserting[irq] > 0) {
                drive(irq, true);
            }
        }
    }
}

package org.xenolith.devices.irq;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.testing.DeviceFuzz;

final class InterruptsFuzzTest {
    /** Ports at which a program drives the lines and acknowledges. */
    private static final int DRIVER = 0x700;

    @Test
    void random_programs_and_lines_raise_no_exception() {
        new DeviceFuzz(b -> {
            Interrupts interrupts = new Interrupts(b.board(), new ApicBus(), b.board().unimplemented());
            SplittableRandom random = new SplittableRandom(1);
            IrqLine[] lines = new IrqLine[24];
            for (int i = 0; i < lines.length; i++) {
                lines[i] = interrupts.line(i == 2 ? 3 : i);
            }
            b.board().ports().map(DRIVER, 4, new PortHandler.Bytes() {
                @Override
                public int in8(int port) {
                    return interrupts.pic().acknowledge();
                }

                @Override
                public void out8(int port, int value) {
                    lines[value % lines.length].set(random.nextBoolean());
                }
            });
            return interrupts;
        }).ports(0x20, 2).ports(0xa0, 2).ports(0x4d0, 2).ports(DRIVER, 4).mmio(IoApic.ADDRESS, 0x100).run(1, 100, 400);
    }
}

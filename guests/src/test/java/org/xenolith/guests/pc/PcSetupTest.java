package org.xenolith.guests.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.Board;
import org.xenolith.devices.CharBackend;
import org.xenolith.devices.ide.IdeController;
import org.xenolith.devices.pc.BareMemory;
import org.xenolith.devices.pc.Pc;
import org.xenolith.devices.pc.PcConfig;
import org.xenolith.devices.pc.PcEvents;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.usb.Uhci;
import org.xenolith.devices.vga.StdVga;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

final class PcSetupTest {
    private static final long PCI = 0xc000_0000L;

    private final PhysicalMemory machine = new PhysicalMemory(64 << 20);
    private final BareMemory memory = new BareMemory(machine, 16 << 20);
    private final PortBus ports = new PortBus(what -> {});
    private final Timers timers = new Timers();
    private long now;
    private final Board board = new Board(ports, new MmioBus(what -> {}), memory, memory, timers, () -> now,
            what -> {});
    private Pc pc;

    @BeforeEach
    void setUp() {
        PcConfig config = new PcConfig(1, 64 << 20, 0, 0, "c", CharBackend.NONE, null, CharBackend.NONE, false);
        PcEvents events = new PcEvents() {
            @Override
            public void reset() {
                throw new AssertionError("reset");
            }

            @Override
            public void powerOff() {
                throw new AssertionError("off");
            }

            @Override
            public void exit(int code) {
                throw new AssertionError("exit");
            }

            @Override
            public void a20(boolean open) {
                assertTrue(open);
            }
        };
        pc = new Pc(board, new ApicBus(), config, events, new byte[0]);
        pc.add(Pc.VGA, new StdVga(board, new byte[0]));
        pc.add(Pc.IDE, new IdeController(board, pc.line(14), pc.line(15)));
        pc.add(Pc.UHCI, new Uhci(board));
        PcSetup.run(board, pc, PCI);
    }

    @AfterEach
    void close() {
        machine.close();
    }

    @Test
    void base_addresses_are_aligned_and_apart() {
        record Range(long start, long end) {
        }
        List<Range> ranges = new ArrayList<>();
        for (int devfn = 0; devfn < 256; devfn++) {
            PciFunction f = pc.pci().function(devfn);
            for (int r = 0x10; f != null && r < 0x28; r += 4) {
                long at = f.readConfig(r, 4);
                if (at == 0) {
                    continue;
                }
                f.writeConfig(r, 4, 0xffff_ffffL);
                long mask = f.readConfig(r, 4);
                long size = -(mask & ((mask & 1) != 0 ? ~3L : ~15L)) & 0xffff_ffffL;
                long start = at & ((at & 1) != 0 ? ~3L : ~15L);
                assertEquals(0, start & size - 1);
                assertTrue((at & 1) != 0 ? start >= 0xc000 && start + size <= 0x1_0000 : start >= PCI, "at " + start);
                ranges.forEach(o -> assertTrue(start >= o.end() || start + size <= o.start()));
                ranges.add(new Range(start, start + size));
            }
        }
        assertTrue(ranges.size() >= 4, "VGA has two, IDE and UHCI one each: " + ranges);
    }

    @Test
    void interrupts_are_routed_and_masked() {
        assertEquals(0x0b0b_0a0aL, pc.pci().function(Pc.ISA_BRIDGE).readConfig(0x60, 4));
        assertEquals(11, pc.pci().function(Pc.UHCI).readConfig(0x3c, 1), "INTD# of device 1");
        assertEquals(9, pc.pci().function(Pc.POWER_MANAGEMENT).readConfig(0x3c, 1));
        assertEquals(0xfb, ports.in(0x21, 1));
        assertEquals(0xff, ports.in(0xa1, 1));
        assertEquals(0x0c, ports.in(0x4d1, 1));
    }

    @Test
    void acpi_timer_runs_at_608h() {
        long before = ports.in(0x608, 4);
        now += 1_000_000;
        assertEquals(3579, ports.in(0x608, 4) - before, 2);
    }

    @Test
    void bios_services_lead_to_code_that_says_no() {
        long vector = Integer.toUnsignedLong(memory.read32(0x13 * 4));
        assertEquals(0x2caf9, memory.read32((vector >>> 16 << 4) + (vector & 0xffff)));
        assertEquals(639, memory.read16(0x413));
    }
}

package org.xenolith.guests.hvm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.xenolith.bus.PortBus;
import org.xenolith.devices.pc.Pc;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.pci.PciFunction;

/**
 * Gives PCI devices their ports, addresses and interrupts, as hvmloader does; firmware finds them as they are. Interrupt routing and the place
 * of power management agree with {@code PcTables}.
 */
public final class PciSetup {
    /** I/O base of power management. */
    public static final int PM_BASE = 0x600;

    private static final int COMMAND = 4;
    private static final int BAR0 = 0x10;
    private static final int ROM_BAR = 0x30;
    private static final int INTERRUPT_LINE = 0x3c;
    private static final int INTERRUPT_PIN = 0x3d;
    private static final int DECODE_ALL = 7;
    private static final int PIRQ_ROUTE = 0x60;
    private static final int[] PIRQ = {10, 10, 11, 11};
    private static final int EDGE_LEVEL_HIGH = 0x4d1;
    private static final int LEVEL_10_AND_11 = 0x0c;
    private static final int PM_BASE_REGISTER = 0x40;
    private static final int PM_REGS = 0x80;
    private static final int FIRST_PORT = 0xc000;
    private static final int BARS = 6;

    private final PciBus bus;
    private final long start;
    private final long end;
    private final List<Need> needs = new ArrayList<>();

    private record Need(PciFunction function, int register, boolean io, long size) {
    }

    private PciSetup(PciBus bus, long start, long end) {
        this.bus = bus;
        this.start = start;
        this.end = end;
    }

    /**
     * Sets a PC up that has just been reset.
     *
     * @throws IllegalStateException when the devices need more addresses than there are
     */
    public static void apply(Pc pc, PortBus ports) {
        apply(pc, ports, HvmLayout.PCI_START, HvmLayout.TABLES);
    }

    /**
     * Sets a PC up that has just been reset, with the devices' memory at other addresses.
     *
     * @param start the first of them
     * @param end behind the last
     * @throws IllegalStateException when the devices need more addresses than there are
     */
    public static void apply(Pc pc, PortBus ports, long start, long end) {
        new PciSetup(pc.pci(), start, end).all();
        ports.out(EDGE_LEVEL_HIGH, 1, LEVEL_10_AND_11);
    }

    private void all() {
        for (int n = 0; n < PIRQ.length; n++) {
            bus.function(Pc.ISA_BRIDGE).writeConfig(PIRQ_ROUTE + n, 1, PIRQ[n]);
        }
        PciFunction power = bus.function(Pc.POWER_MANAGEMENT);
        power.writeConfig(PM_BASE_REGISTER, 4, PM_BASE | 1);
        power.writeConfig(PM_REGS, 1, 1);
        List<PciFunction> functions = new ArrayList<>();
        for (int devfn = 0; devfn < 256; devfn++) {
            PciFunction f = bus.function(devfn);
            if (f != null) {
                functions.add(f);
                measure(f);
                interrupt(f);
            }
        }
        place();
        functions.forEach(f -> f.writeConfig(COMMAND, 2, DECODE_ALL));
    }

    private void interrupt(PciFunction f) {
        int pin = (int) f.readConfig(INTERRUPT_PIN, 1);
        if (pin != 0) {
            f.writeConfig(INTERRUPT_LINE, 1, PIRQ[(f.devfn() >>> 3) + pin + 2 & 3]);
        }
    }

    private void measure(PciFunction f) {
        for (int n = 0; n <= BARS; n++) {
            int register = n == BARS ? ROM_BAR : BAR0 + 4 * n;
            long before = f.readConfig(register, 4);
            // the enable bit of a ROM stays off
            f.writeConfig(register, 4, n == BARS ? 0xffff_fffeL : 0xffff_ffffL);
            long mask = f.readConfig(register, 4);
            f.writeConfig(register, 4, before);
            boolean io = n < BARS && (mask & 1) != 0;
            long bits = mask & (n == BARS ? 0xffff_f800L : io ? 0xffff_fffcL : 0xffff_fff0L);
            if (bits != 0) {
                needs.add(new Need(f, register, io, Long.lowestOneBit(bits)));
            }
        }
    }

    /** The largest first, so that nothing is lost to alignment. */
    private void place() {
        needs.sort(Comparator.comparingLong(Need::size).reversed());
        long memory = start;
        long port = FIRST_PORT;
        for (Need n : needs) {
            long at = (n.io() ? port : memory) + n.size() - 1 & -n.size();
            long behind = at + n.size();
            if (behind > (n.io() ? 0x1_0000 : end)) {
                throw new IllegalStateException("the PCI devices need more addresses than there are");
            }
            n.function().writeConfig(n.register(), 4, at);
            if (n.io()) {
                port = behind;
            } else {
                memory = behind;
            }
        }
    }
}

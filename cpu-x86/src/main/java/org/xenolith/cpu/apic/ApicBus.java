package org.xenolith.cpu.apic;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Joins the local APICs of one machine or domain: interprocessor interrupts, messages of I/O APICs, and MSIs (SDM vol. 3, 11.6, 11.11).
 */
public final class ApicBus {
    private static final int MODE_LOWEST = 1;
    private static final int MODE_INIT = 5;
    private static final int ALL_BUT_SELF = 3;

    private final List<LocalApic> apics = new ArrayList<>();
    private IntConsumer eoiListener = vector -> {};

    /** Adds a CPU's APIC; CPUs are looked at in the order of adding. */
    public void add(LocalApic apic) {
        apics.add(apic);
        apic.setBus(this);
    }

    /** Hears of the end of level-triggered interrupts, by vector: an I/O APIC. */
    public void setEoiListener(IntConsumer listener) {
        eoiListener = listener;
    }

    /** An edge on LINT0 (0) or LINT1 (1) of every CPU, which a PC wires together. */
    public void localInterrupt(int pin) {
        for (LocalApic apic : apics) {
            apic.pin(pin);
        }
    }

    void endOfInterrupt(int vector) {
        eoiListener.accept(vector);
    }

    /** Sends what an APIC's ICR says. */
    void send(LocalApic from, long icr) {
        int low = (int) icr;
        int mode = low >>> 8 & 7;
        int vector = low & 0xff;
        // a level INIT, assert, acts as an edge
        boolean level = mode != MODE_INIT && (low & 1 << 15) != 0;
        int shorthand = low >>> 18 & 3;
        switch (shorthand) {
            case 0 -> deliver(from.destination(icr), (low & 1 << 11) != 0, from.x2apic(), mode, vector, level);
            case 1 -> from.receive(mode, vector, level);
            default -> {
                for (LocalApic apic : apics) {
                    if ((shorthand != ALL_BUT_SELF || apic != from) && apic.enabled()) {
                        apic.receive(mode, vector, level);
                    }
                }
            }
        }
    }

    /**
     * Delivers a message of an I/O APIC or of an MSI.
     *
     * @param destination 8 bits, or 32 when {@code wide}
     * @param mode delivery mode as in an ICR: 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 6 start-up
     * @return whether an APIC took it
     */
    public boolean deliver(int destination, boolean logical, boolean wide, int mode, int vector, boolean level) {
        if (mode == MODE_LOWEST) {
            LocalApic best = null;
            for (LocalApic apic : apics) {
                if (apic.softwareEnabled() && apic.matches(destination, logical, wide)
                        && (best == null || apic.ppr() < best.ppr())) {
                    best = apic;
                }
            }
            if (best != null) {
                best.receive(mode, vector, level);
            }
            return best != null;
        }
        boolean taken = false;
        for (LocalApic apic : apics) {
            if (apic.matches(destination, logical, wide)) {
                apic.receive(mode, vector, level);
                taken = true;
            }
        }
        return taken;
    }

    /** Delivers a write of an MSI message to the FEExxxxxh range. */
    public boolean msi(long address, int data) {
        boolean logical = (address & 4) != 0;
        int mode = data >>> 8 & 7;
        // with a redirection hint and a logical destination one CPU is chosen
        if (mode == 0 && logical && (address & 8) != 0) {
            mode = MODE_LOWEST;
        }
        return deliver((int) (address >>> 12) & 0xff, logical, false, mode, data & 0xff, (data & 1 << 15) != 0);
    }
}

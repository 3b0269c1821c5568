package org.xenolith.cpu.apic;

import org.xenolith.cpu.Cpu;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** The local APIC of one CPU (SDM vol. 3, chapter 11). */
public final class LocalApic {
    private final Cpu cpu;
    private final int apicId;
    private final VirtualClock clock;

    public LocalApic(Cpu cpu, int apicId, VirtualClock clock, Timers timers) {
        this.cpu = cpu;
        this.apicId = apicId;
        this.clock = clock;
    }

    /** The x2APIC id. */
    public int id() {
        return apicId;
    }

    /** Delivers a fixed interrupt to IRR. */
    public void post(int vector) {
        cpu.requestAttention();
    }

    /** True when an interrupt above the processor priority waits in IRR. */
    public boolean pending() {
        return false;
    }

    /** Moves the highest pending interrupt from IRR to ISR and returns its vector; only when {@link #pending}. */
    public int acknowledge() {
        return -1;
    }

    /** RDMSR of 1Bh and 800h to 8FFh, 6E0h; false for #GP. */
    public boolean rdmsr(int msr, long[] value) {
        return false;
    }

    /** WRMSR of 1Bh and 800h to 8FFh, 6E0h; false for #GP. */
    public boolean wrmsr(int msr, long value) {
        return clock == null;
    }
}

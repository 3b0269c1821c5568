package org.xenolith.cpu.apic;

import java.util.Arrays;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.Msr;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * The local APIC of one CPU, as xAPIC and x2APIC (SDM vol. 3, chapter 11).
 *
 * <p>Registers are named by their xAPIC offset divided by 16, which is their x2APIC MSR number less 800h. Messages to other CPUs go
 * through the {@link ApicBus} of the machine or domain, or to {@code CpuEnvironment.ipi} when there is none.
 */
public final class LocalApic {
    static final int ID = 0x02;
    static final int VERSION = 0x03;
    static final int TPR = 0x08;
    static final int PPR = 0x0a;
    static final int EOI = 0x0b;
    static final int LDR = 0x0d;
    static final int DFR = 0x0e;
    static final int SVR = 0x0f;
    static final int ISR = 0x10;
    static final int TMR = 0x18;
    static final int IRR = 0x20;
    static final int ESR = 0x28;
    static final int ICR = 0x30;
    static final int ICR_HIGH = 0x31;
    static final int LVT_TIMER = 0x32;
    static final int LVT_LINT0 = 0x35;
    static final int LVT_LINT1 = 0x36;
    static final int LVT_ERROR = 0x37;
    static final int TIMER_INITIAL = 0x38;
    static final int TIMER_CURRENT = 0x39;
    static final int TIMER_DIVIDE = 0x3e;
    static final int SELF_IPI = 0x3f;

    private static final long BASE_BSP = 1 << 8;
    private static final long BASE_X2APIC = 1 << 10;
    private static final long BASE_ENABLE = 1 << 11;
    private static final long BASE_DEFAULT = 0xfee0_0000L;

    /** Integrated APIC with six local vectors. */
    private static final int VERSION_VALUE = 0x0005_0014;
    private static final int SVR_ENABLE = 1 << 8;
    private static final int LVT_MASK = 1 << 16;

    private static final int ESR_SEND_VECTOR = 1 << 5;
    private static final int ESR_RECEIVE_VECTOR = 1 << 6;
    private static final int ESR_REGISTER = 1 << 7;

    private static final int MODE_FIXED = 0;
    private static final int MODE_LOWEST = 1;
    private static final int MODE_NMI = 4;
    private static final int MODE_INIT = 5;
    private static final int MODE_SIPI = 6;
    private static final int MODE_EXTINT = 7;
    private static final int SHORTHAND_SELF = 1;

    private final Cpu cpu;
    private final int apicId;
    private final LvtTimer timer;
    private ApicBus bus;

    private long base;
    /** Guest frame of the register page, or -1 while there is none. */
    private long mmioGfn = -1;
    private final int[] irr = new int[8];
    private final int[] isr = new int[8];
    private final int[] tmr = new int[8];
    private int tpr;
    private int ldr;
    private int dfr;
    private int svr;
    private int esr;
    private int esrCollected;
    private long icr;
    private final int[] lvt = new int[6];
    private boolean deliverable;

    public LocalApic(Cpu cpu, int apicId, VirtualClock clock, Timers timers) {
        this.cpu = cpu;
        this.apicId = apicId;
        this.timer = new LvtTimer(cpu, clock, timers, this::timerFired);
        resetRegisters();
        base = BASE_DEFAULT | BASE_ENABLE | (cpu.id() == 0 ? BASE_BSP : 0);
        mmioGfn = BASE_DEFAULT >>> 12;
    }

    /** RESET#: xAPIC mode at the default address. */
    public void reset() {
        resetRegisters();
        setBase(BASE_DEFAULT | BASE_ENABLE | (cpu.id() == 0 ? BASE_BSP : 0));
    }

    /** INIT: registers go back to their values after reset, mode and address stay. */
    public void init() {
        resetRegisters();
    }

    private void resetRegisters() {
        Arrays.fill(irr, 0);
        Arrays.fill(isr, 0);
        Arrays.fill(tmr, 0);
        tpr = 0;
        ldr = 0;
        dfr = -1;
        svr = 0xff;
        esr = 0;
        esrCollected = 0;
        icr = 0;
        Arrays.fill(lvt, LVT_MASK);
        timer.reset();
        deliverable = false;
    }

    /** Joins the CPUs that exchange messages. */
    void setBus(ApicBus bus) {
        this.bus = bus;
    }

    public Cpu cpu() {
        return cpu;
    }

    /** The x2APIC id. */
    public int id() {
        return apicId;
    }

    /** IA32_APIC_BASE.EN. */
    public boolean enabled() {
        return (base & BASE_ENABLE) != 0;
    }

    /** The bootstrap processor. */
    public boolean bootstrap() {
        return (base & BASE_BSP) != 0;
    }

    public boolean x2apic() {
        return (base & BASE_X2APIC) != 0;
    }

    /** Enabled by hardware and by the spurious-interrupt register. */
    public boolean softwareEnabled() {
        return enabled() && (svr & SVR_ENABLE) != 0;
    }

    /** True when accesses to this guest frame go to {@link #mmioRead} and {@link #mmioWrite}. */
    public boolean mapped(long gfn) {
        return gfn == mmioGfn;
    }

    /** Takes the register page out of the address space until the next reset: for guests whose page tables name machine frames. */
    public void hidePage() {
        mmioGfn = -1;
        cpu.mmu().flushAll();
    }

    // ---- delivery ----

    /** Accepts a fixed, edge-triggered interrupt; it is lost while the APIC is disabled by hardware or software. */
    public void post(int vector) {
        if (softwareEnabled()) {
            accept(vector, false);
        }
    }

    private void accept(int vector, boolean level) {
        if (vector < 16) {
            error(ESR_RECEIVE_VECTOR);
            return;
        }
        irr[vector >>> 5] |= 1 << (vector & 31);
        if (level) {
            tmr[vector >>> 5] |= 1 << (vector & 31);
        } else {
            tmr[vector >>> 5] &= ~(1 << (vector & 31));
        }
        priorityChanged();
    }

    /**
     * Accepts an interrupt of the hypervisor's own. Unlike a bus message it is not lost while the APIC is software-disabled, but
     * delivered once the guest enables it: Xen's virtual APIC does the same, and guests set their event vector before their APIC up.
     */
    public void postOrKeep(int vector) {
        accept(vector, false);
    }

    /** Accepts a message of any delivery mode from an ICR, an I/O APIC or an MSI. */
    public void receive(int mode, int vector, boolean level) {
        switch (mode) {
            case MODE_FIXED, MODE_LOWEST -> {
                if (softwareEnabled()) {
                    accept(vector, level);
                }
            }
            case MODE_NMI -> cpu.setNmiPending(true);
            case MODE_INIT -> StartUp.init(cpu);
            case MODE_SIPI -> StartUp.sipi(cpu, vector);
            default -> cpu.environment().unimplemented(cpu, "apic:mode" + mode);
        }
    }

    /** True when an interrupt above the processor priority waits in IRR. */
    public boolean pending() {
        return deliverable;
    }

    /** Moves the highest pending interrupt from IRR to ISR and returns its vector; only when {@link #pending}. */
    public int acknowledge() {
        int vector = highest(irr);
        irr[vector >>> 5] &= ~(1 << (vector & 31));
        isr[vector >>> 5] |= 1 << (vector & 31);
        priorityChanged();
        return vector;
    }

    private void priorityChanged() {
        int vector = highest(irr);
        deliverable = vector >= 0 && softwareEnabled() && vector >>> 4 > ppr() >>> 4;
        if (deliverable) {
            cpu.requestAttention();
        }
    }

    private static int highest(int[] set) {
        for (int i = 7; i >= 0; i--) {
            if (set[i] != 0) {
                return 32 * i + 31 - Integer.numberOfLeadingZeros(set[i]);
            }
        }
        return -1;
    }

    /** Processor priority: the higher of task priority and the class of the interrupt in service. */
    int ppr() {
        int inService = highest(isr);
        return inService >>> 4 > tpr >>> 4 && inService >= 0 ? inService & 0xf0 : tpr;
    }

    /** Task priority, 0 to 255; CR8 is its high nibble. */
    public int tpr() {
        return tpr;
    }

    public void setTpr(int priority) {
        tpr = priority & 0xff;
        priorityChanged();
        cpu.requestAttention();
    }

    /** Ends the interrupt in service, as a write of EOI does. */
    public void endOfInterrupt() {
        eoi();
    }

    private void eoi() {
        int vector = highest(isr);
        if (vector < 0) {
            return;
        }
        int bit = 1 << (vector & 31);
        isr[vector >>> 5] &= ~bit;
        if ((tmr[vector >>> 5] & bit) != 0 && bus != null) {
            bus.endOfInterrupt(vector);
        }
        priorityChanged();
        cpu.requestAttention();
    }

    private void error(int bit) {
        boolean first = (esrCollected & bit) == 0;
        esrCollected |= bit;
        int entry = lvt[LVT_ERROR - LVT_TIMER];
        if (first && (entry & LVT_MASK) == 0 && (entry & 0xff) >= 16) {
            accept(entry & 0xff, false);
        }
    }

    /** True when a PIC's interrupt reaches the CPU: APIC off, or LINT0 in ExtINT mode and not masked. */
    public boolean acceptsExternal() {
        return !enabled() || (lvt[LVT_LINT0 - LVT_TIMER] & (LVT_MASK | 0x700)) == MODE_EXTINT << 8;
    }

    /**
     * An edge on a local pin: 0 or 1. What a PIC drives LINT0 for is fetched by {@code CpuEnvironment.externalInterrupt} where
     * {@link #acceptsExternal}; any other mode of the pin is a message of its own.
     */
    public void pin(int n) {
        int entry = lvt[LVT_LINT0 - LVT_TIMER + n];
        if (!enabled()) {
            if (n == 1) {
                cpu.setNmiPending(true);
            } else {
                cpu.requestAttention();
            }
        } else if ((entry & LVT_MASK) == 0) {
            if ((entry >>> 8 & 7) == MODE_EXTINT) {
                cpu.requestAttention();
            } else {
                receive(entry >>> 8 & 7, entry & 0xff, false);
            }
        }
    }

    private void timerFired() {
        int entry = lvt[0];
        if ((entry & LVT_MASK) == 0) {
            accept(entry & 0xff, false);
        }
    }

    /** The TSC was written: deadlines move. */
    public void tscChanged() {
        timer.tscChanged();
    }

    // ---- destinations ----

    /**
     * Whether a message is for this APIC.
     *
     * @param broadcastWide the sender has 32-bit destinations (x2APIC) rather than 8-bit ones
     */
    boolean matches(int destination, boolean logical, boolean broadcastWide) {
        if (!enabled()) {
            return false;
        }
        if (destination == (broadcastWide ? -1 : 0xff)) {
            return true;
        }
        if (!logical) {
            return destination == (x2apic() ? apicId : apicId & 0xff);
        }
        if (x2apic()) {
            return destination >>> 16 == x2apicLdr() >>> 16 && (destination & x2apicLdr() & 0xffff) != 0;
        }
        int mine = ldr >>> 24;
        if (dfr >>> 28 == 15) {
            return (destination & mine) != 0;
        }
        return dfr >>> 28 == 0 && destination >>> 4 == mine >>> 4 && (destination & mine & 15) != 0;
    }

    private int x2apicLdr() {
        return apicId >>> 4 << 16 | 1 << (apicId & 15);
    }

    private void send() {
        int low = (int) icr;
        int mode = low >>> 8 & 7;
        int vector = low & 0xff;
        if ((mode == MODE_FIXED || mode == MODE_LOWEST) && vector < 16) {
            error(ESR_SEND_VECTOR);
            return;
        }
        boolean deassert = mode == MODE_INIT && (low & 1 << 14) == 0 && (low & 1 << 15) != 0;
        if (deassert) {
            return;
        }
        if (bus != null) {
            bus.send(this, icr);
            return;
        }
        if ((low >>> 18 & 3) == SHORTHAND_SELF) {
            receive(mode, vector, false);
        } else {
            cpu.environment().ipi(cpu, (long) destination(icr) << 32 | low & 0xffff_ffffL);
        }
    }

    /** The destination field of an ICR value as this APIC writes it. */
    int destination(long value) {
        return x2apic() ? (int) (value >>> 32) : (int) (value >>> 56);
    }

    // ---- registers ----

    private int read(int reg) {
        if (reg >= ISR && reg < ISR + 8) {
            return isr[reg - ISR];
        }
        if (reg >= TMR && reg < TMR + 8) {
            return tmr[reg - TMR];
        }
        if (reg >= IRR && reg < IRR + 8) {
            return irr[reg - IRR];
        }
        if (reg >= LVT_TIMER && reg <= LVT_ERROR) {
            return lvt[reg - LVT_TIMER];
        }
        return switch (reg) {
            case ID -> x2apic() ? apicId : apicId << 24;
            case VERSION -> VERSION_VALUE;
            case TPR -> tpr;
            case PPR -> ppr();
            case LDR -> x2apic() ? x2apicLdr() : ldr;
            case DFR -> dfr;
            case SVR -> svr;
            case ESR -> esr;
            case ICR -> (int) icr;
            case ICR_HIGH -> (int) (icr >>> 32);
            case TIMER_INITIAL -> timer.initial();
            case TIMER_CURRENT -> timer.current();
            case TIMER_DIVIDE -> timer.divide();
            default -> 0;
        };
    }

    private void write(int reg, int v) {
        if (reg >= LVT_TIMER && reg <= LVT_ERROR) {
            writeLvt(reg, v);
            return;
        }
        switch (reg) {
            case TPR -> setTpr(v);
            case EOI -> eoi();
            case LDR -> ldr = v & 0xff00_0000;
            case DFR -> dfr = v | 0x0fff_ffff;
            case SVR -> {
                svr = v & 0x3ff;
                if ((svr & SVR_ENABLE) == 0) {
                    for (int i = 0; i < lvt.length; i++) {
                        lvt[i] |= LVT_MASK;
                    }
                }
                priorityChanged();
            }
            case ESR -> {
                esr = esrCollected;
                esrCollected = 0;
            }
            case ICR_HIGH -> icr = icr & 0xffff_ffffL | (long) v << 32;
            case ICR -> {
                // delivery status always reads idle
                icr = icr & ~0xffff_ffffL | v & 0x000c_cfffL;
                send();
            }
            case TIMER_INITIAL -> timer.setInitial(v);
            case TIMER_DIVIDE -> timer.setDivide(v);
            default -> {
            }
        }
    }

    private static int lvtMask(int reg) {
        return switch (reg) {
            case LVT_TIMER -> 0x0007_00ff;
            case LVT_LINT0, LVT_LINT1 -> 0x0001_a7ff;
            case LVT_ERROR -> 0x0001_00ff;
            default -> 0x0001_07ff;
        };
    }

    private void writeLvt(int reg, int v) {
        int entry = v & lvtMask(reg);
        if ((svr & SVR_ENABLE) == 0) {
            entry |= LVT_MASK;
        }
        lvt[reg - LVT_TIMER] = entry;
        if (reg == LVT_TIMER) {
            int mode = entry >>> 17 & 3;
            timer.setMode(mode == LvtTimer.TSC_DEADLINE && !cpu.model().has(Feature.TSC_DEADLINE) ? 0 : mode);
        }
    }

    private static boolean exists(int reg) {
        return switch (reg) {
            case ID, VERSION, TPR, PPR, EOI, LDR, DFR, SVR, ESR, ICR, ICR_HIGH, TIMER_INITIAL, TIMER_CURRENT,
                    TIMER_DIVIDE ->
                true;
            default -> reg >= ISR && reg < ESR || reg >= LVT_TIMER && reg <= LVT_ERROR;
        };
    }

    // ---- xAPIC ----

    /** A load from the register page; defined for aligned 32-bit accesses, and zero between the registers. */
    public long mmioRead(int offset, int size) {
        int reg = offset >>> 4 & 0xff;
        if (!exists(reg)) {
            error(ESR_REGISTER);
            return 0;
        }
        int at = offset & 15;
        if (at >= 4 || reg == EOI) {
            return 0;
        }
        return (read(reg) & 0xffff_ffffL) >>> 8 * at;
    }

    /** A store to the register page; only aligned 32-bit ones do anything. */
    public void mmioWrite(int offset, int size, long value) {
        int reg = offset >>> 4 & 0xff;
        if (!exists(reg)) {
            error(ESR_REGISTER);
        } else if (size == 4 && (offset & 15) == 0) {
            write(reg, (int) value);
        }
        cpu.requestAttention();
    }

    // ---- MSRs ----

    /** RDMSR of 1Bh and 800h to 8FFh, 6E0h; false for #GP. */
    public boolean rdmsr(int msr, long[] value) {
        if (msr == Msr.APIC_BASE) {
            value[0] = base;
            return true;
        }
        if (msr == Msr.TSC_DEADLINE) {
            value[0] = timer.deadline();
            return cpu.model().has(Feature.TSC_DEADLINE);
        }
        int reg = msr - Msr.X2APIC;
        if (!x2apic() || !exists(reg) || reg == DFR || reg == EOI || reg == ICR_HIGH) {
            return false;
        }
        value[0] = reg == ICR ? icr : read(reg) & 0xffff_ffffL;
        return true;
    }

    /** WRMSR of 1Bh and 800h to 8FFh, 6E0h; false for #GP. */
    public boolean wrmsr(int msr, long value) {
        if (msr == Msr.APIC_BASE) {
            return writeBase(value);
        }
        if (msr == Msr.TSC_DEADLINE) {
            if (!cpu.model().has(Feature.TSC_DEADLINE)) {
                return false;
            }
            timer.setDeadline(value);
            return true;
        }
        if (!x2apic()) {
            return false;
        }
        int reg = msr - Msr.X2APIC;
        if (reg == ICR) {
            // no delivery status (12), level and trigger as in xAPIC
            if ((value & 0xfff3_3000L) != 0) {
                return false;
            }
            icr = value;
            send();
            return true;
        }
        long allowed = switch (reg) {
            case TPR, SELF_IPI -> 0xff;
            case EOI, ESR -> 0;
            case SVR -> 0x3ff;
            case TIMER_INITIAL -> 0xffff_ffffL;
            case TIMER_DIVIDE -> 0xb;
            // delivery status and remote IRR are read-only, not reserved
            case LVT_TIMER, LVT_ERROR -> lvtMask(reg) | 0x1000;
            case LVT_LINT0, LVT_LINT1 -> lvtMask(reg) | 0x5000;
            default -> reg > LVT_TIMER && reg < LVT_LINT0 ? lvtMask(reg) | 0x1000 : -1L;
        };
        if (allowed == -1L || (value & ~allowed) != 0) {
            return false;
        }
        if (reg == SELF_IPI) {
            if (value < 16) {
                error(ESR_SEND_VECTOR);
            } else {
                accept((int) value, false);
            }
        } else {
            write(reg, (int) value);
        }
        return true;
    }

    /** IA32_APIC_BASE with the legal mode transitions (SDM vol. 3, 11.12.5). */
    private boolean writeBase(long v) {
        long allowed = BASE_BSP | BASE_ENABLE | (cpu.model().has(Feature.X2APIC) ? BASE_X2APIC : 0)
                | (1L << cpu.model().maxPhysicalAddressBits()) - 1 & ~0xfffL;
        boolean on = (v & BASE_ENABLE) != 0;
        boolean x2 = (v & BASE_X2APIC) != 0;
        if ((v & ~allowed) != 0 || x2 && !on || x2 && !enabled() || !x2 && on && x2apic()) {
            return false;
        }
        if (enabled() && !on) {
            resetRegisters();
        }
        setBase(v);
        return true;
    }

    private void setBase(long v) {
        base = v;
        mmioGfn = enabled() && !x2apic() ? v >>> 12 : -1;
        priorityChanged();
        cpu.mmu().flushAll();
        cpu.requestAttention();
    }
}

package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Exceptions;

/**
 * APIC virtualization and virtual interrupts (SDM vol. 3, chapter 30): the virtual-APIC page, task and processor priority, evaluation and
 * delivery of virtual interrupts, EOI and self-IPI, and posted interrupts.
 */
final class VirtualApic {
    static final int TPR = 0x80;
    private static final int PPR = 0xa0;
    private static final int EOI = 0xb0;
    private static final int ISR = 0x100;
    private static final int IRR = 0x200;
    private static final int ICR = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int SELF_IPI = 0x3f;
    /** Byte of a posted-interrupt descriptor whose bit 0 says that a notification is outstanding. */
    private static final int OUTSTANDING = 32;
    private static final int NOTHING = -1;

    private final Cpu cpu;
    private final VmxGuest guest;
    private final EntryState s;
    private final HostMemory memory;
    private long page;
    private int rvi;
    private int svi;
    private boolean pending;
    /** Offset of a register that has been written, whose effects follow the instruction. */
    private int written = NOTHING;

    VirtualApic(Cpu cpu, VmxGuest guest, EntryState s, HostMemory memory) {
        this.cpu = cpu;
        this.guest = guest;
        this.s = s;
        this.memory = memory;
    }

    // ---- entry and exit ----

    void load() {
        page = s.v.get(Field.VIRTUAL_APIC);
        written = NOTHING;
        pending = false;
        if (s.proc2(Controls.VIRTUAL_INTERRUPTS)) {
            int status = s.v.get32bits(Field.GUEST_INTERRUPT_STATUS);
            rvi = status & 0xff;
            svi = status >>> 8 & 0xff;
            updatePpr();
        }
    }

    void save() {
        if (s.proc2(Controls.VIRTUAL_INTERRUPTS)) {
            s.v.put(Field.GUEST_INTERRUPT_STATUS, rvi | svi << 8);
        }
    }

    int tpr() {
        return memory.read32(page + TPR) & 0xff;
    }

    // ---- priorities ----

    private void updatePpr() {
        int tpr = tpr();
        memory.write32(page + PPR, tpr >>> 4 >= svi >>> 4 ? tpr : svi & 0xf0);
        evaluate();
    }

    private void evaluate() {
        pending = rvi >>> 4 > (memory.read32(page + PPR) >>> 4 & 15);
        if (pending) {
            cpu.requestAttention();
        }
    }

    /** A virtual interrupt waits for nothing but that the guest takes interrupts. */
    boolean pending() {
        return pending;
    }

    void deliver() {
        int vector = rvi;
        set(ISR, vector, true);
        svi = vector;
        memory.write32(page + PPR, vector & 0xf0);
        set(IRR, vector, false);
        rvi = Math.max(0, highest(IRR));
        pending = false;
        evaluate();
        Exceptions.deliver(cpu, vector, Exceptions.Source.EXTERNAL, false, 0);
    }

    private void set(int bank, int vector, boolean on) {
        long at = page + bank + (vector >>> 5) * 16L;
        int bit = 1 << (vector & 31);
        int old = memory.read32(at);
        memory.write32(at, on ? old | bit : old & ~bit);
    }

    private int highest(int bank) {
        for (int i = 7; i >= 0; i--) {
            int bits = memory.read32(page + bank + i * 16L);
            if (bits != 0) {
                return 32 * i + 31 - Integer.numberOfLeadingZeros(bits);
            }
        }
        return -1;
    }

    /** Sets the virtual task priority; an exit may follow the instruction. */
    void setTpr(int value) {
        memory.write32(page + TPR, value & 0xff);
        priorityWritten();
    }

    private void priorityWritten() {
        if (s.proc2(Controls.VIRTUAL_INTERRUPTS)) {
            updatePpr();
        } else if (tpr() >>> 4 < (s.v.get32bits(Field.TPR_THRESHOLD) & 15)) {
            guest.tprBelowThreshold();
        }
    }

    /** The entry's own look at the threshold (27.7.7). */
    void checkThreshold() {
        if (s.proc(Controls.TPR_SHADOW) && s.proc2(Controls.APIC_ACCESSES) && !s.proc2(Controls.VIRTUAL_INTERRUPTS)
                && tpr() >>> 4 < (s.v.get32bits(Field.TPR_THRESHOLD) & 15)) {
            guest.tprBelowThreshold();
        }
    }

    /** Ends the interrupt in service; true when an exit follows (vector in {@link #ended}). */
    private boolean endOfInterrupt() {
        int vector = svi;
        set(ISR, vector, false);
        svi = Math.max(0, highest(ISR));
        updatePpr();
        ended = vector;
        return (s.v.get(Field.EOI_EXIT + 2 * (vector >>> 6)) >>> (vector & 63) & 1) != 0;
    }

    private int ended;

    private void selfIpi(int vector) {
        set(IRR, vector, true);
        rvi = Math.max(rvi, vector);
        evaluate();
    }

    // ---- the APIC-access page ----

    private boolean small(int offset, int bytes) {
        return bytes <= 4 && (offset & 15) + bytes <= 4;
    }

    long pageRead(int offset, int bytes) {
        int reg = offset & 0xff0;
        boolean ok = small(offset, bytes) && (reg == TPR || s.proc2(Controls.APIC_REGISTERS) && readable(reg));
        if (!ok) {
            throw guest.apicAccessExit(offset, 0, 0, false);
        }
        return (memory.read32(page + reg) & 0xffff_ffffL) >>> 8 * (offset & 3);
    }

    private static boolean readable(int reg) {
        return switch (reg) {
            case 0x20, 0x30, TPR, EOI, 0xd0, 0xe0, 0xf0, 0x280, ICR, ICR_HIGH, 0x380, 0x3e0 -> true;
            default -> reg >= ISR && reg < 0x280 || reg >= 0x320 && reg <= 0x370;
        };
    }

    private boolean writable(int reg) {
        if (reg == TPR) {
            return true;
        }
        if (s.proc2(Controls.VIRTUAL_INTERRUPTS) && (reg == EOI || reg == ICR)) {
            return true;
        }
        return s.proc2(Controls.APIC_REGISTERS) && switch (reg) {
            case 0x20, EOI, 0xd0, 0xe0, 0xf0, 0x280, ICR, ICR_HIGH, 0x380, 0x3e0 -> true;
            default -> reg >= 0x320 && reg <= 0x370;
        };
    }

    void pageWrite(int offset, int bytes, long value) {
        int reg = offset & 0xff0;
        if (!small(offset, bytes) || !writable(reg)) {
            throw guest.apicAccessExit(offset, 1, 0, false);
        }
        int shift = 8 * (offset & 3);
        long mask = (bytes == 4 ? 0xffff_ffffL : (1L << 8 * bytes) - 1) << shift;
        memory.write32(page + reg, (int) (memory.read32(page + reg) & ~mask | value << shift & mask));
        written = reg;
        cpu.requestAttention();
    }

    /** A register has been written whose effects are due. */
    boolean writePending() {
        return written != NOTHING;
    }

    /** APIC-write emulation (30.4.3.2); true when it has made an exit. */
    boolean afterWrite() {
        int reg = written;
        written = NOTHING;
        boolean vid = s.proc2(Controls.VIRTUAL_INTERRUPTS);
        switch (reg) {
            case TPR -> {
                memory.write32(page + TPR, tpr());
                priorityWritten();
                return false;
            }
            case ICR_HIGH -> {
                memory.write32(page + ICR_HIGH, memory.read32(page + ICR_HIGH) & 0xff00_0000);
                return false;
            }
            case EOI -> {
                if (vid) {
                    memory.write32(page + EOI, 0);
                    if (endOfInterrupt()) {
                        guest.leave(ExitReason.VIRTUALIZED_EOI, ended);
                        return true;
                    }
                    return false;
                }
            }
            case ICR -> {
                int icr = memory.read32(page + ICR);
                // fixed, edge, to itself by shorthand, with a legal vector
                if (vid && (icr & 0xfff3_b700) == 0 && (icr & 0xc_0000) == 0x4_0000 && (icr & 0xf0) != 0) {
                    selfIpi(icr & 0xff);
                    return false;
                }
            }
            default -> {
            }
        }
        guest.leave(ExitReason.APIC_WRITE, reg);
        return true;
    }

    // ---- x2APIC mode ----

    /** RDMSR of 800h to 8FFh: true when it is virtualized; the value is in {@link #msrValue}. */
    boolean msrRead(int msr) {
        int reg = msr & 0xff;
        if (!s.proc2(Controls.X2APIC) || reg << 4 != TPR && !s.proc2(Controls.APIC_REGISTERS)) {
            return false;
        }
        msrValue = memory.read64(page + (reg << 4));
        return true;
    }

    private long msrValue;

    long msrValue() {
        return msrValue;
    }

    /** WRMSR of 800h to 8FFh: true when it is virtualized. */
    boolean msrWrite(int msr, long value) {
        int reg = msr & 0xff;
        if (!s.proc2(Controls.X2APIC)) {
            return false;
        }
        boolean vid = s.proc2(Controls.VIRTUAL_INTERRUPTS);
        if (reg << 4 == TPR) {
            if (value >>> 8 != 0) {
                throw cpu.gp0();
            }
            memory.write64(page + TPR, value);
            written = TPR;
        } else if (vid && reg << 4 == EOI) {
            if (value != 0) {
                throw cpu.gp0();
            }
            written = EOI;
        } else if (vid && reg == SELF_IPI) {
            if (value >>> 8 != 0) {
                throw cpu.gp0();
            }
            memory.write64(page + (SELF_IPI << 4), value);
            if (value >= 16) {
                selfIpi((int) value);
            } else {
                written = SELF_IPI << 4;
            }
        } else {
            return false;
        }
        cpu.requestAttention();
        return true;
    }

    // ---- posted interrupts ----

    /** Takes the posted requests over (30.6). */
    void posted() {
        long at = s.v.get(Field.POSTED_DESCRIPTOR);
        memory.write32(at + OUTSTANDING, memory.read32(at + OUTSTANDING) & ~1);
        for (int i = 0; i < 8; i++) {
            int bits = memory.read32(at + 4L * i);
            if (bits != 0) {
                memory.write32(at + 4L * i, 0);
                long irr = page + IRR + i * 16L;
                memory.write32(irr, memory.read32(irr) | bits);
                rvi = Math.max(rvi, 32 * i + 31 - Integer.numberOfLeadingZeros(bits));
            }
        }
        evaluate();
    }
}

package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * Whether a PV vCPU is in its kernel or in a program. A 64-bit guest has both in ring 3, told apart by its top page table and by which GS base
 * is active; a 32-bit kernel is in ring 1.
 */
final class GuestMode {
    /** FLAT_RING3_CS64, FLAT_RING3_SS64 and FLAT_RING3_CS32 (public/arch-x86/xen-x86_64.h). */
    static final int CS64 = 0xe033;
    static final int SS64 = 0xe02b;
    static final int CS32 = 0xe023;
    /** FLAT_RING1_CS and FLAT_RING1_DS (public/arch-x86/xen-x86_32.h). */
    static final int RING1_CS = 0xe019;
    static final int RING1_DS = 0xe021;

    private static final int CODE64 = FlatSegments.CODE64 | FlatSegments.RING3;
    private static final int CODE32 = FlatSegments.CODE32 | FlatSegments.RING3;
    private static final int DATA = FlatSegments.DATA | FlatSegments.RING3;

    private final Vcpu vcpu;
    private final Cpu cpu;
    private final boolean wide;

    GuestMode(Vcpu vcpu, Cpu cpu) {
        this.vcpu = vcpu;
        this.cpu = cpu;
        this.wide = vcpu.domain().config().pv() == GuestAbi.X86_64;
    }

    boolean wide() {
        return wide;
    }

    boolean kernel() {
        return wide ? cpu.field32(CpuState.GUEST) == CpuState.GUEST_KERNEL : cpu.cpl() == 1;
    }

    /** Enters the kernel of a 64-bit guest, which then has its own page tables and GS base. */
    void enterKernel() {
        toggle(CpuState.GUEST_KERNEL);
    }

    /** Leaves it for a program; false when there is no top table for that. */
    boolean leaveKernel() {
        if (vcpu.domain().pv().userTable(vcpu) == 0) {
            return false;
        }
        toggle(CpuState.GUEST_USER);
        return true;
    }

    private void toggle(int to) {
        long gs = cpu.segmentBase(CpuState.GS);
        cpu.setSegmentBase(CpuState.GS, cpu.field(CpuState.KERNEL_GS_BASE));
        cpu.setField(CpuState.KERNEL_GS_BASE, gs);
        cpu.setField32(CpuState.GUEST, to);
        cpu.setField(CpuState.CR3, vcpu.domain().pv().cr3(vcpu, to == CpuState.GUEST_KERNEL));
        cpu.followMode();
    }

    /** Flat 64-bit code and stack segments, as SYSRET to a 64-bit guest loads them. */
    void flat64() {
        if (cpu.selector(CpuState.CS) != CS64 || cpu.selector(CpuState.SS) != SS64
                || cpu.segmentAttributes(CpuState.CS) != CODE64) {
            cpu.setSegment(CpuState.CS, CS64, 0, FlatSegments.LIMIT, CODE64);
            cpu.setSegment(CpuState.SS, SS64, 0, FlatSegments.LIMIT, DATA);
            cpu.followMode();
        }
    }

    /** The same for a 32-bit program of a 64-bit guest. */
    void flat32() {
        cpu.setSegment(CpuState.CS, CS32, 0, FlatSegments.LIMIT, CODE32);
        cpu.setSegment(CpuState.SS, SS64, 0, FlatSegments.LIMIT, DATA);
        cpu.followMode();
    }
}

package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Msr;
import org.xenolith.hypervisor.Vcpu;

/** The MSRs of a PV vCPU: bases of segments, a few that only say what the processor is, and the hypervisor's own. */
final class PvMsrs {
    /** Writing a machine address fills that page with hypercall stubs. */
    static final int HYPERCALL_PAGE = 0x4000_0000;
    private static final int X2APIC_FIRST = 0x800;
    private static final int X2APIC_LAST = 0x8ff;

    private final Vcpu vcpu;
    private final GuestMode mode;

    PvMsrs(Vcpu vcpu, GuestMode mode) {
        this.vcpu = vcpu;
        this.mode = mode;
    }

    /** What the processor core asks for registers of the platform: counters that are not there read as zero. */
    boolean platform(int msr, long[] value) {
        value[0] = 0;
        return vcpu.cpu().model().amd() && msr >= 0xc001_0000 && msr <= 0xc001_0007;
    }

    /** RDMSR; raises #GP(0) for what a PV guest does not have. */
    long read(Cpu c, int msr) {
        switch (msr) {
            case Msr.EFER -> {
                return c.efer() | ControlRegisters.EFER_SCE;
            }
            case HYPERCALL_PAGE -> {
                return 0;
            }
            case Msr.STAR, Msr.LSTAR, Msr.CSTAR, Msr.FMASK, Msr.SYSENTER_CS, Msr.SYSENTER_ESP, Msr.SYSENTER_EIP,
                    Msr.TSC_DEADLINE ->
                throw refused(c, msr);
            case Msr.FS_BASE, Msr.GS_BASE, Msr.KERNEL_GS_BASE -> {
                if (!mode.wide()) {
                    throw refused(c, msr);
                }
                return c.msrs().read(msr);
            }
            default -> {
                if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST) {
                    throw refused(c, msr);
                }
                return c.msrs().read(msr);
            }
        }
    }

    /** WRMSR; raises #GP(0) for what a PV guest may not write. */
    void write(Cpu c, int msr, long v) {
        switch (msr) {
            case HYPERCALL_PAGE -> {
                byte[] page = HypercallPage.bytes(vcpu.domain().config().pv());
                if ((v & 0xfff) != 0 || !vcpu.domain().tryWrite(v, page, 0, page.length)) {
                    throw refused(c, msr);
                }
            }
            case Msr.EFER, Msr.PAT, Msr.APIC_BASE -> {
                if (v != read(c, msr)) {
                    throw refused(c, msr);
                }
            }
            case Msr.FS_BASE, Msr.GS_BASE, Msr.KERNEL_GS_BASE -> {
                if (!mode.wide()) {
                    throw refused(c, msr);
                }
                c.msrs().write(msr, v);
            }
            case Msr.SPEC_CTRL, Msr.PRED_CMD, Msr.FLUSH_CMD, Msr.BIOS_SIGN_ID, Msr.TSC_AUX, Msr.MISC_ENABLE,
                    Msr.DEBUGCTL, Msr.AMD_DE_CFG, Msr.XSS ->
                c.msrs().write(msr, v);
            default -> throw refused(c, msr);
        }
    }

    private RuntimeException refused(Cpu c, int msr) {
        vcpu.domain().count("msr:0x" + Integer.toHexString(msr));
        return c.gp0();
    }
}

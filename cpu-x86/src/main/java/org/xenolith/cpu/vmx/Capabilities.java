package org.xenolith.cpu.vmx;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.CpuModel;

/**
 * What the VMX capability MSRs say, 480h to 491h (SDM vol. 3, appendix A): a coherent set like a Sapphire Rapids without SGX, PML, shadow
 * VMCSs, TSC scaling, mode-based execute control, tertiary controls, processor trace and SMM.
 */
final class Capabilities {
    static final int FIRST = 0x480;
    static final int LAST = 0x491;

    private static final int PIN_ONE = 0x16;
    static final int PIN_MAY = PIN_ONE | Controls.PIN_EXTERNAL | Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI
            | Controls.PIN_TIMER
            | Controls.PIN_POSTED;
    private static final int PROC_ONE = 0x0401_e172;
    static final int PROC_MUST = PROC_ONE & ~(Controls.CR3_LOAD | Controls.CR3_STORE);
    static final int PROC_MAY = PROC_ONE | Controls.INTERRUPT_WINDOW | Controls.USE_TSC_OFFSET | Controls.HLT
            | Controls.INVLPG
            | Controls.MWAIT | Controls.RDPMC | Controls.RDTSC | Controls.CR8_LOAD | Controls.CR8_STORE
            | Controls.TPR_SHADOW
            | Controls.NMI_WINDOW | Controls.MOV_DR | Controls.UNCONDITIONAL_IO | Controls.IO_BITMAPS | Controls.MTF
            | Controls.MSR_BITMAPS | Controls.MONITOR | Controls.PAUSE | Controls.SECONDARY;
    static final int PROC2_MAY = Controls.APIC_ACCESSES | Controls.EPT | Controls.DESCRIPTOR_TABLES | Controls.RDTSCP
            | Controls.X2APIC | Controls.VPID | Controls.WBINVD | Controls.UNRESTRICTED | Controls.APIC_REGISTERS
            | Controls.VIRTUAL_INTERRUPTS | Controls.PAUSE_LOOP | Controls.RDRAND | Controls.INVPCID | Controls.VMFUNC
            | Controls.RDSEED | Controls.XSAVES;
    private static final int EXIT_ONE = 0x3_6dff;
    static final int EXIT_MUST = EXIT_ONE & ~Controls.EXIT_SAVE_DEBUG;
    static final int EXIT_MAY = EXIT_ONE | Controls.EXIT_HOST64 | Controls.EXIT_ACKNOWLEDGE | Controls.EXIT_SAVE_PAT
            | Controls.EXIT_LOAD_PAT | Controls.EXIT_SAVE_EFER | Controls.EXIT_LOAD_EFER | Controls.EXIT_SAVE_TIMER;
    private static final int ENTRY_ONE = 0x11ff;
    static final int ENTRY_MUST = ENTRY_ONE & ~Controls.ENTRY_LOAD_DEBUG;
    static final int ENTRY_MAY = ENTRY_ONE | Controls.ENTRY_GUEST64 | Controls.ENTRY_LOAD_PAT
            | Controls.ENTRY_LOAD_EFER;
    static final int PIN_MUST = PIN_ONE;

    /** The preemption timer counts down when bit 5 of the time-stamp counter changes. */
    static final int TIMER_SHIFT = 5;
    static final int CR3_TARGETS = 4;
    /** EFER.LMA is stored on exits, all activity states, four CR3 targets, injections of instructions of length 0. */
    private static final long MISC = TIMER_SHIFT | 1 << 5 | 7 << 6 | CR3_TARGETS << 16 | 1 << 30;
    /** Write-back VMCS accesses, INS and OUTS information, true controls. */
    private static final long BASIC = Vmcs.REVISION | (long) Vmcs.BYTES << 32 | 6L << 50 | 1L << 54 | 1L << 55;
    /** Execute-only, 4 levels, UC and WB, 2 MiB and 1 GiB pages, INVEPT of both types, A and D; INVVPID of all types. */
    static final long EPT_VPID = 1 | 1 << 6 | 1 << 8 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 20 | 1 << 21 | 1 << 25
            | 1 << 26
            | 1L << 32 | 0xfL << 40;
    static final long CR0_MUST = ControlRegisters.CR0_PE | ControlRegisters.CR0_NE | ControlRegisters.CR0_PG;
    static final long CR4_MUST = ControlRegisters.CR4_VMXE;

    private Capabilities() {
    }

    private static long pair(int must, int may) {
        return must & 0xffff_ffffL | (long) may << 32;
    }

    static long read(CpuModel m, int msr) {
        return switch (msr - FIRST) {
            case 0 -> BASIC;
            case 1, 0xd -> pair(PIN_ONE, PIN_MAY);
            case 2 -> pair(PROC_ONE, PROC_MAY);
            case 3 -> pair(EXIT_ONE, EXIT_MAY);
            case 4 -> pair(ENTRY_ONE, ENTRY_MAY);
            case 5 -> MISC;
            case 6 -> CR0_MUST;
            case 7 -> 0xffff_ffffL;
            case 8 -> CR4_MUST;
            case 9 -> ControlWrites.cr4Mask(m) | CR4_MUST;
            case 0xa -> Field.HIGHEST_INDEX;
            case 0xb -> pair(0, PROC2_MAY);
            case 0xc -> EPT_VPID;
            case 0xe -> pair(PROC_MUST, PROC_MAY);
            case 0xf -> pair(EXIT_MUST, EXIT_MAY);
            case 0x10 -> pair(ENTRY_MUST, ENTRY_MAY);
            default -> 1;
        };
    }
}

package org.xenolith.cpu.vmx;

/** Bits of the VM-execution, VM-exit and VM-entry controls (SDM vol. 3, 25.6 to 25.8). */
final class Controls {
    static final int PIN_EXTERNAL = 1;
    static final int PIN_NMI = 1 << 3;
    static final int PIN_VIRTUAL_NMI = 1 << 5;
    static final int PIN_TIMER = 1 << 6;
    static final int PIN_POSTED = 1 << 7;

    static final int INTERRUPT_WINDOW = 1 << 2;
    static final int USE_TSC_OFFSET = 1 << 3;
    static final int HLT = 1 << 7;
    static final int INVLPG = 1 << 9;
    static final int MWAIT = 1 << 10;
    static final int RDPMC = 1 << 11;
    static final int RDTSC = 1 << 12;
    static final int CR3_LOAD = 1 << 15;
    static final int CR3_STORE = 1 << 16;
    static final int CR8_LOAD = 1 << 19;
    static final int CR8_STORE = 1 << 20;
    static final int TPR_SHADOW = 1 << 21;
    static final int NMI_WINDOW = 1 << 22;
    static final int MOV_DR = 1 << 23;
    static final int UNCONDITIONAL_IO = 1 << 24;
    static final int IO_BITMAPS = 1 << 25;
    static final int MTF = 1 << 27;
    static final int MSR_BITMAPS = 1 << 28;
    static final int MONITOR = 1 << 29;
    static final int PAUSE = 1 << 30;
    static final int SECONDARY = 1 << 31;

    static final int APIC_ACCESSES = 1;
    static final int EPT = 1 << 1;
    static final int DESCRIPTOR_TABLES = 1 << 2;
    static final int RDTSCP = 1 << 3;
    static final int X2APIC = 1 << 4;
    static final int VPID = 1 << 5;
    static final int WBINVD = 1 << 6;
    static final int UNRESTRICTED = 1 << 7;
    static final int APIC_REGISTERS = 1 << 8;
    static final int VIRTUAL_INTERRUPTS = 1 << 9;
    static final int PAUSE_LOOP = 1 << 10;
    static final int RDRAND = 1 << 11;
    static final int INVPCID = 1 << 12;
    static final int VMFUNC = 1 << 13;
    static final int RDSEED = 1 << 16;
    static final int XSAVES = 1 << 20;

    static final int EXIT_SAVE_DEBUG = 1 << 2;
    static final int EXIT_HOST64 = 1 << 9;
    static final int EXIT_ACKNOWLEDGE = 1 << 15;
    static final int EXIT_SAVE_PAT = 1 << 18;
    static final int EXIT_LOAD_PAT = 1 << 19;
    static final int EXIT_SAVE_EFER = 1 << 20;
    static final int EXIT_LOAD_EFER = 1 << 21;
    static final int EXIT_SAVE_TIMER = 1 << 22;

    static final int ENTRY_LOAD_DEBUG = 1 << 2;
    static final int ENTRY_GUEST64 = 1 << 9;
    static final int ENTRY_LOAD_PAT = 1 << 14;
    static final int ENTRY_LOAD_EFER = 1 << 15;

    /** Interruptibility state (table 25-3). */
    static final int BLOCKED_BY_STI = 1;
    static final int BLOCKED_BY_SS = 2;
    static final int BLOCKED_BY_SMI = 4;
    static final int BLOCKED_BY_NMI = 8;

    private Controls() {
    }
}

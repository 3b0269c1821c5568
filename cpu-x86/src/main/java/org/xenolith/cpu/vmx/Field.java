package org.xenolith.cpu.vmx;

/** Encodings of the VMCS fields that this CPU has (SDM vol. 3, appendix B). */
final class Field {
    static final int VPID = 0x0000;
    static final int POSTED_VECTOR = 0x0002;
    static final int EPTP_INDEX = 0x0004;

    /** ES; CS, SS, DS, FS, GS, LDTR and TR follow, two apart. */
    static final int GUEST_SELECTOR = 0x0800;
    static final int GUEST_INTERRUPT_STATUS = 0x0810;
    /** ES; CS, SS, DS, FS, GS and TR follow. */
    static final int HOST_SELECTOR = 0x0c00;
    static final int HOST_TR_SELECTOR = 0x0c0c;

    static final int IO_BITMAP_A = 0x2000;
    static final int IO_BITMAP_B = 0x2002;
    static final int MSR_BITMAP = 0x2004;
    static final int EXIT_MSR_STORE = 0x2006;
    static final int EXIT_MSR_LOAD = 0x2008;
    static final int ENTRY_MSR_LOAD = 0x200a;
    static final int EXECUTIVE_VMCS = 0x200c;
    static final int TSC_OFFSET = 0x2010;
    static final int VIRTUAL_APIC = 0x2012;
    static final int APIC_ACCESS = 0x2014;
    static final int POSTED_DESCRIPTOR = 0x2016;
    static final int VM_FUNCTIONS = 0x2018;
    static final int EPTP = 0x201a;
    static final int EOI_EXIT = 0x201c;
    static final int EPTP_LIST = 0x2024;
    static final int XSS_EXITING = 0x202c;

    static final int GUEST_PHYSICAL = 0x2400;

    static final int LINK = 0x2800;
    static final int GUEST_DEBUGCTL = 0x2802;
    static final int GUEST_PAT = 0x2804;
    static final int GUEST_EFER = 0x2806;
    static final int GUEST_PDPTE = 0x280a;
    static final int HOST_PAT = 0x2c00;
    static final int HOST_EFER = 0x2c02;

    static final int PIN = 0x4000;
    static final int PROC = 0x4002;
    static final int EXCEPTIONS = 0x4004;
    static final int PF_MASK = 0x4006;
    static final int PF_MATCH = 0x4008;
    static final int CR3_TARGETS = 0x400a;
    static final int EXIT = 0x400c;
    static final int EXIT_MSR_STORE_COUNT = 0x400e;
    static final int EXIT_MSR_LOAD_COUNT = 0x4010;
    static final int ENTRY = 0x4012;
    static final int ENTRY_MSR_LOAD_COUNT = 0x4014;
    static final int ENTRY_EVENT = 0x4016;
    static final int ENTRY_ERROR = 0x4018;
    static final int ENTRY_LENGTH = 0x401a;
    static final int TPR_THRESHOLD = 0x401c;
    static final int PROC2 = 0x401e;
    static final int PLE_GAP = 0x4020;
    static final int PLE_WINDOW = 0x4022;

    static final int INSTRUCTION_ERROR = 0x4400;
    static final int EXIT_REASON = 0x4402;
    static final int EXIT_EVENT = 0x4404;
    static final int EXIT_ERROR = 0x4406;
    static final int VECTORING = 0x4408;
    static final int VECTORING_ERROR = 0x440a;
    static final int EXIT_LENGTH = 0x440c;
    static final int EXIT_INFO = 0x440e;

    static final int GUEST_LIMIT = 0x4800;
    static final int GUEST_GDTR_LIMIT = 0x4810;
    static final int GUEST_IDTR_LIMIT = 0x4812;
    static final int GUEST_RIGHTS = 0x4814;
    static final int INTERRUPTIBILITY = 0x4824;
    static final int ACTIVITY = 0x4826;
    static final int SMBASE = 0x4828;
    static final int GUEST_SYSENTER_CS = 0x482a;
    static final int PREEMPTION_TIMER = 0x482e;
    static final int HOST_SYSENTER_CS = 0x4c00;

    static final int CR0_MASK = 0x6000;
    static final int CR4_MASK = 0x6002;
    static final int CR0_SHADOW = 0x6004;
    static final int CR4_SHADOW = 0x6006;
    static final int CR3_TARGET = 0x6008;

    static final int QUALIFICATION = 0x6400;
    static final int IO_RCX = 0x6402;
    static final int IO_RSI = 0x6404;
    static final int IO_RDI = 0x6406;
    static final int IO_RIP = 0x6408;
    static final int GUEST_LINEAR = 0x640a;

    static final int GUEST_CR0 = 0x6800;
    static final int GUEST_CR3 = 0x6802;
    static final int GUEST_CR4 = 0x6804;
    static final int GUEST_BASE = 0x6806;
    static final int GUEST_GDTR_BASE = 0x6816;
    static final int GUEST_IDTR_BASE = 0x6818;
    static final int GUEST_DR7 = 0x681a;
    static final int GUEST_RSP = 0x681c;
    static final int GUEST_RIP = 0x681e;
    static final int GUEST_RFLAGS = 0x6820;
    static final int PENDING_DEBUG = 0x6822;
    static final int GUEST_SYSENTER_ESP = 0x6824;
    static final int GUEST_SYSENTER_EIP = 0x6826;

    static final int HOST_CR0 = 0x6c00;
    static final int HOST_CR3 = 0x6c02;
    static final int HOST_CR4 = 0x6c04;
    static final int HOST_FS_BASE = 0x6c06;
    static final int HOST_GS_BASE = 0x6c08;
    static final int HOST_TR_BASE = 0x6c0a;
    static final int HOST_GDTR_BASE = 0x6c0c;
    static final int HOST_IDTR_BASE = 0x6c0e;
    static final int HOST_SYSENTER_ESP = 0x6c10;
    static final int HOST_SYSENTER_EIP = 0x6c12;
    static final int HOST_RSP = 0x6c14;
    static final int HOST_RIP = 0x6c16;

    /** Of all encodings, as VMX_VMCS_ENUM has it: the highest index, in bits 9:1. */
    static final int HIGHEST_INDEX = XSS_EXITING & 0x3fe;

    /** First and last encoding of each run of fields two apart. */
    private static final int[] RUNS = {VPID, EPTP_INDEX, GUEST_SELECTOR, GUEST_INTERRUPT_STATUS, HOST_SELECTOR,
        HOST_TR_SELECTOR,
        IO_BITMAP_A, EXECUTIVE_VMCS, TSC_OFFSET, EPTP_LIST, XSS_EXITING, XSS_EXITING, GUEST_PHYSICAL, GUEST_PHYSICAL,
        LINK, GUEST_EFER, GUEST_PDPTE, GUEST_PDPTE + 6, HOST_PAT, HOST_EFER, PIN, PLE_WINDOW, INSTRUCTION_ERROR,
        EXIT_INFO,
        GUEST_LIMIT, GUEST_SYSENTER_CS, PREEMPTION_TIMER, PREEMPTION_TIMER, HOST_SYSENTER_CS, HOST_SYSENTER_CS,
        CR0_MASK, CR3_TARGET + 6, QUALIFICATION, GUEST_LINEAR, GUEST_CR0, GUEST_SYSENTER_EIP, HOST_CR0, HOST_RIP};

    /** Types: bits 11:10. */
    static final int READ_ONLY = 1;
    static final int GUEST = 2;

    private Field() {
    }

    /** Whether there is a field of that encoding; the high half of a 64-bit one has bit 0 set. */
    static boolean exists(long encoding) {
        if (encoding >>> 15 != 0 || (encoding & 0x1000) != 0 || (encoding & 1) != 0 && width((int) encoding) != 1) {
            return false;
        }
        int e = (int) encoding & ~1;
        for (int i = 0; i < RUNS.length; i += 2) {
            if (e >= RUNS[i] && e <= RUNS[i + 1]) {
                return true;
            }
        }
        return false;
    }

    /** 0: 16 bits, 1: 64, 2: 32, 3: natural. */
    static int width(int encoding) {
        return encoding >>> 13 & 3;
    }

    /** 0 control, 1 read-only data, 2 guest, 3 host. */
    static int type(int encoding) {
        return encoding >>> 10 & 3;
    }
}

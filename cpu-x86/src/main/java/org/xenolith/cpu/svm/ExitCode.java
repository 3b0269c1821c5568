package org.xenolith.cpu.svm;

import java.util.Locale;
import org.xenolith.cpu.virt.ExitKind;

/** Codes of #VMEXIT (APM vol. 2, appendix C). Below {@link #NPF} a code is also the number of its intercept bit. */
final class ExitCode {
    static final int READ_CR0 = 0x00;
    static final int WRITE_CR0 = 0x10;
    static final int READ_DR0 = 0x20;
    static final int WRITE_DR0 = 0x30;
    static final int EXCEPTION = 0x40;
    static final int INTR = 0x60;
    static final int NMI = 0x61;
    static final int SMI = 0x62;
    static final int INIT = 0x63;
    static final int VINTR = 0x64;
    static final int CR0_SEL_WRITE = 0x65;
    static final int IDTR_READ = 0x66;
    static final int GDTR_READ = 0x67;
    static final int LDTR_READ = 0x68;
    static final int TR_READ = 0x69;
    static final int IDTR_WRITE = 0x6a;
    static final int GDTR_WRITE = 0x6b;
    static final int LDTR_WRITE = 0x6c;
    static final int TR_WRITE = 0x6d;
    static final int RDTSC = 0x6e;
    static final int RDPMC = 0x6f;
    static final int PUSHF = 0x70;
    static final int POPF = 0x71;
    static final int CPUID = 0x72;
    static final int RSM = 0x73;
    static final int IRET = 0x74;
    static final int SWINT = 0x75;
    static final int INVD = 0x76;
    static final int PAUSE = 0x77;
    static final int HLT = 0x78;
    static final int INVLPG = 0x79;
    static final int INVLPGA = 0x7a;
    static final int IOIO = 0x7b;
    static final int MSR = 0x7c;
    static final int TASK_SWITCH = 0x7d;
    static final int FERR_FREEZE = 0x7e;
    static final int SHUTDOWN = 0x7f;
    static final int VMRUN = 0x80;
    static final int VMMCALL = 0x81;
    static final int VMLOAD = 0x82;
    static final int VMSAVE = 0x83;
    static final int STGI = 0x84;
    static final int CLGI = 0x85;
    static final int SKINIT = 0x86;
    static final int RDTSCP = 0x87;
    static final int ICEBP = 0x88;
    static final int WBINVD = 0x89;
    static final int MONITOR = 0x8a;
    static final int MWAIT = 0x8b;
    static final int MWAIT_CONDITIONAL = 0x8c;
    static final int XSETBV = 0x8d;
    static final int EFER_WRITE_TRAP = 0x8f;
    static final int CR0_WRITE_TRAP = 0x90;
    static final int INVPCID = 0xa2;
    static final int NPF = 0x400;
    static final int INVALID = -1;

    private static final String[] NAMES = {"intr", "nmi", "smi", "init", "vintr", "cr0_sel_write", "idtr_read",
        "gdtr_read", "ldtr_read", "tr_read", "idtr_write", "gdtr_write", "ldtr_write", "tr_write", "rdtsc", "rdpmc",
        "pushf", "popf", "cpuid", "rsm", "iret", "swint", "invd", "pause", "hlt", "invlpg", "invlpga", "io", "msr",
        "task_switch", "ferr_freeze", "shutdown", "vmrun", "vmmcall", "vmload", "vmsave", "stgi", "clgi", "skinit",
        "rdtscp", "icebp", "wbinvd", "monitor", "mwait", "mwait_conditional", "xsetbv", "rdpru", "efer_write_trap"};

    private ExitCode() {
    }

    /** The name in lower case, without {@code VMEXIT_}. */
    static String name(int code) {
        if (code >= INTR && code < INTR + NAMES.length) {
            return NAMES[code - INTR];
        }
        if (code >= 0 && code < EXCEPTION) {
            String of = (code < READ_DR0 ? "cr" : "dr") + (code & 15);
            return of + ((code & 16) == 0 ? "_read" : "_write");
        }
        if (code >= EXCEPTION && code < INTR) {
            return "excp" + (code - EXCEPTION);
        }
        if (code >= CR0_WRITE_TRAP && code < CR0_WRITE_TRAP + 16) {
            return "cr" + (code - CR0_WRITE_TRAP) + "_write_trap";
        }
        return switch (code) {
            case INVPCID -> "invpcid";
            case NPF -> "npf";
            case INVALID -> "invalid";
            default -> String.format(Locale.ROOT, "0x%x", code);
        };
    }

    static ExitKind kind(int code, long info) {
        if (code >= 0 && code < READ_DR0 || code == CR0_SEL_WRITE) {
            return ExitKind.CR_ACCESS;
        }
        if (code >= READ_DR0 && code < EXCEPTION) {
            return ExitKind.DR_ACCESS;
        }
        if (code >= EXCEPTION && code < INTR) {
            return ExitKind.EXCEPTION;
        }
        return switch (code) {
            case INTR -> ExitKind.INTERRUPT;
            case NMI -> ExitKind.NMI;
            case INIT -> ExitKind.INIT;
            case VINTR -> ExitKind.WINDOW;
            case CPUID -> ExitKind.CPUID;
            case INVD, WBINVD -> ExitKind.CACHE;
            case PAUSE -> ExitKind.PAUSE;
            case HLT -> ExitKind.HLT;
            case IOIO -> ExitKind.PORT;
            case MSR -> info == 0 ? ExitKind.RDMSR : ExitKind.WRMSR;
            case TASK_SWITCH -> ExitKind.TASK_SWITCH;
            case SHUTDOWN -> ExitKind.TRIPLE_FAULT;
            case VMMCALL -> ExitKind.HYPERCALL;
            case XSETBV -> ExitKind.XSETBV;
            case NPF -> ExitKind.NESTED_FAULT;
            case INVALID -> ExitKind.ENTRY_FAILED;
            default -> ExitKind.OTHER;
        };
    }
}

package org.xenolith.cpu.vmx;

import java.util.Locale;
import org.xenolith.cpu.virt.ExitKind;

/** Basic exit reasons (SDM vol. 3, appendix C). */
enum ExitReason {
    EXCEPTION_NMI(0, ExitKind.EXCEPTION), EXTERNAL_INTERRUPT(1, ExitKind.INTERRUPT),
    TRIPLE_FAULT(2, ExitKind.TRIPLE_FAULT),
    INIT(3, ExitKind.INIT), SIPI(4, ExitKind.SIPI), INTERRUPT_WINDOW(7, ExitKind.WINDOW),
    NMI_WINDOW(8, ExitKind.WINDOW),
    TASK_SWITCH(9, ExitKind.TASK_SWITCH), CPUID(10, ExitKind.CPUID), HLT(12, ExitKind.HLT), INVD(13, ExitKind.CACHE),
    INVLPG(14), RDPMC(15), RDTSC(16), VMCALL(18, ExitKind.HYPERCALL), VMCLEAR(19), VMLAUNCH(20), VMPTRLD(21),
    VMPTRST(22), VMREAD(23),
    VMRESUME(24), VMWRITE(25), VMXOFF(26), VMXON(27), CR_ACCESS(28, ExitKind.CR_ACCESS),
    DR_ACCESS(29, ExitKind.DR_ACCESS),
    IO(30, ExitKind.PORT), MSR_READ(31, ExitKind.RDMSR), MSR_WRITE(32, ExitKind.WRMSR),
    INVALID_STATE(33, ExitKind.ENTRY_FAILED),
    MSR_LOAD(34, ExitKind.ENTRY_FAILED), MWAIT(36), MTF(37), MONITOR(39), PAUSE(40, ExitKind.PAUSE),
    TPR_BELOW_THRESHOLD(43),
    APIC_ACCESS(44), VIRTUALIZED_EOI(45), GDTR_IDTR(46), LDTR_TR(47), EPT_VIOLATION(48, ExitKind.NESTED_FAULT),
    EPT_MISCONFIG(49),
    INVEPT(50), RDTSCP(51), PREEMPTION_TIMER(52), INVVPID(53), WBINVD(54, ExitKind.CACHE), XSETBV(55, ExitKind.XSETBV),
    APIC_WRITE(56),
    RDRAND(57), INVPCID(58), VMFUNC(59), RDSEED(61), XSAVES(63), XRSTORS(64);

    static final int NUMBERS = 65;
    private static final ExitReason[] BY_NUMBER = new ExitReason[NUMBERS];

    static {
        for (ExitReason r : values()) {
            BY_NUMBER[r.number] = r;
        }
    }

    final int number;
    final ExitKind kind;
    /** In lower case, for statistics. */
    final String label;

    ExitReason(int number) {
        this(number, ExitKind.OTHER);
    }

    ExitReason(int number, ExitKind kind) {
        this.number = number;
        this.kind = kind;
        this.label = name().toLowerCase(Locale.ROOT);
    }

    static ExitReason of(int number) {
        return BY_NUMBER[number];
    }
}

package org.xenolith.cpu.virt;

import java.util.HashMap;
import java.util.Map;

/** The instructions whose rows in the table have {@code vm} or {@code vmoften}, for a switch without text. */
public enum Intercept {
    NONE, MOV_FROM_CR, MOV_TO_CR, MOV_FROM_DR, MOV_TO_DR, SMSW, LMSW, CLTS, SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT,
    LTR, RDMSR, WRMSR,
    CPUID, RDTSC, RDTSCP, RDPMC, HLT, PAUSE, MONITOR, MWAIT, INVLPG, INVPCID, INVD, WBINVD, XSETBV, RDRAND, RDSEED,
    XSAVES, XRSTORS,
    INT, INT1, IRET, PUSHF, POPF, VMCALL, VMMCALL, VMCLEAR, VMFUNC, VMLAUNCH, VMPTRLD, VMPTRST, VMREAD, VMRESUME,
    VMWRITE, VMXOFF, VMXON, RSM,
    INVEPT, INVVPID, VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA;

    private static final Map<String, Intercept> BY_NAME = byName();

    private static Map<String, Intercept> byName() {
        Map<String, Intercept> m = new HashMap<>();
        for (Intercept i : values()) {
            m.put(i.name(), i);
        }
        m.put("XSAVES64", XSAVES);
        m.put("XRSTORS64", XRSTORS);
        return m;
    }

    /**
     * The instruction of a mnemonic; MOV to and from control and debug registers goes by its operands.
     *
     * @param operands as in the table: {@code "Ry:w,Cy"}
     */
    public static Intercept of(String mnemonic, String operands) {
        if (mnemonic.equals("MOV")) {
            return switch (operands) {
                case "Cy:w,Ry" -> MOV_TO_CR;
                case "Dy:w,Ry" -> MOV_TO_DR;
                case "Ry:w,Cy" -> MOV_FROM_CR;
                case "Ry:w,Dy" -> MOV_FROM_DR;
                default -> NONE;
            };
        }
        return BY_NAME.getOrDefault(mnemonic, NONE);
    }
}

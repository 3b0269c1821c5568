package org.xenolith.cpu.oracle;

import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.OperandSpec;

/**
 * What the generator must know of a table row beyond its encoding: which memory it reaches implicitly, whether it
 * branches, and how much memory its operand takes.
 */
final class RowProfile {
    private static final int LARGEST_STATE = 1024;
    private static final int X87_STATE = 108;

    final InsnDef def;
    final OperandSpec[] operands;
    final StateMaker.Lanes lanes;
    /** Index of the operand that ModRM.rm may put in memory, or -1. */
    final int rmOperand;
    final boolean bitString;
    final boolean stack;
    final boolean branch;
    final boolean frame;
    final boolean source;
    final boolean destination;
    final boolean gather;
    final boolean extendedState;
    final boolean far;
    final boolean segmentLoad;
    final boolean nearIndirect;
    final boolean sized;
    /** Has a far pointer in memory, whose 64-bit form only Intel has. */
    final boolean pointer;

    RowProfile(InsnDef def) {
        this.def = def;
        this.operands = def.operands();
        this.lanes = StateMaker.lanesOf(def);
        int rm = -1;
        boolean relative = false;
        boolean si = false;
        boolean di = false;
        boolean farPointer = false;
        boolean segment = false;
        boolean bySize = false;
        for (int i = 0; i < operands.length; i++) {
            char method = operands[i].method();
            switch (method) {
                case 'E', 'M', 'Q', 'W' -> rm = i;
                case 'J' -> relative = true;
                case 'X' -> si = true;
                case 'Y' -> di = true;
                default -> {
                }
            }
            farPointer |= operands[i].size().equals("p");
            segment |= method == 'S' && operands[i].write();
            bySize |= switch (operands[i].size()) {
                case "v", "z", "y", "p", "a" -> true;
                default -> false;
            };
        }
        String m = def.mnemonic();
        this.rmOperand = rm;
        this.source = si;
        this.destination = di;
        this.far = farPointer && (m.startsWith("JMP") || m.startsWith("CALL")) || m.startsWith("RETF")
                || m.startsWith("IRET");
        boolean call = m.startsWith("CALL");
        boolean ret = m.startsWith("RET") || m.startsWith("IRET");
        this.stack = call || ret || m.startsWith("PUSH") || m.startsWith("POP") && !m.startsWith("POPCNT")
                || m.equals("ENTER") || m.equals("LEAVE");
        this.frame = m.equals("ENTER") || m.equals("LEAVE");
        this.branch = relative || call || ret || m.startsWith("JMP");
        this.nearIndirect = rm >= 0 && (call || m.startsWith("JMP")) && !farPointer;
        this.bitString = m.startsWith("BT") && operands.length == 2 && operands[1].method() == 'G';
        this.gather = m.contains("GATHER");
        this.extendedState = m.startsWith("XSAVE") || m.startsWith("XRSTOR") || m.startsWith("FXSAVE")
                || m.startsWith("FXRSTOR");
        String text = def.operandText();
        this.segmentLoad = segment || farPointer && !far
                || m.startsWith("POP") && text.length() > 1 && text.charAt(1) == 'S';
        this.pointer = farPointer;
        this.sized = (bySize || stack) && !branch || far;
    }

    /** Bytes that the memory operand takes, at least 1; 0 for an address without access (LEA). */
    int memoryBytes(int operandBits, int vectorBits) {
        if (extendedState) {
            return LARGEST_STATE;
        }
        int bits = operands[rmOperand].bits(operandBits, vectorBits, true);
        if (bits == 0 && (def.needs() & InsnDef.NEEDS_X87) != 0) {
            return X87_STATE;
        }
        return (bits + 7) / 8;
    }

    /** True if it can be encoded in 32-bit code. */
    boolean runsIn32() {
        return !def.only64() && (def.vex() || def.w() != 1);
    }

    /** True for memory addressed by a register that no operand names. */
    boolean implicitPointer() {
        return def.mnemonic().startsWith("XLAT") || def.mnemonic().contains("MASKMOV");
    }

    /**
     * True for instructions whose whole point in ring 3 is an exception.
     *
     * @return whether a row counts as covered though it never completes
     */
    boolean alwaysFaults() {
        return switch (def.mnemonic()) {
            case "UD0", "UD1", "UD2", "INT", "INT1", "INT3", "CLI", "STI", "IN", "OUT", "INS", "OUTS", "CLAC", "STAC",
                    "HLT" ->
                true;
            default -> false;
        };
    }

    /**
     * Why the row must not be run on the host or says nothing there.
     *
     * @param compatibility true if the host also runs 32-bit code
     * @return a reason, or null if it can be compared
     */
    String excluded(boolean compatibility) {
        String m = def.mnemonic();
        if (def.invalidIn64() && !compatibility) {
            return "invalid in 64-bit mode, and the host runs no 32-bit code";
        }
        if (!def.user()) {
            return "not for user mode";
        }
        if (m.startsWith("SYSCALL") || m.startsWith("SYSENTER") || m.startsWith("SYSEXIT") || m.startsWith("SYSRET")) {
            return "enters the host kernel";
        }
        if (m.startsWith("VMCALL") || m.startsWith("VMMCALL") || m.startsWith("VMFUNC") || m.equals("VMGEXIT")) {
            return "calls the host's hypervisor";
        }
        if (m.equals("NOP") && def.map() == 1 && def.opcode() == 0x0d) {
            return "AMD raises #UD, Intel does nothing";
        }
        if (m.startsWith("XBEGIN") || m.startsWith("XABORT") || m.startsWith("UMWAIT") || m.startsWith("TPAUSE")) {
            return "depends on the host's timing";
        }
        return null;
    }
}

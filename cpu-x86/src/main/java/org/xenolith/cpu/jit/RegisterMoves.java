package org.xenolith.cpu.jit;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.OperandSpec;

/** What instructions do to general registers, as far as addresses are concerned: add a constant, or anything. */
final class RegisterMoves {
    /** Told of each general register that an instruction writes. */
    interface Sink {
        /** All 64 bits of the register have {@code by} more than before. */
        void moved(int register, int by);

        void changed(int register);
    }

    private RegisterMoves() {
    }

    /** For recipes COPY, LEA, MOV_IMMEDIATE and BSWAP. */
    static void of(Insn i, Sink sink) {
        OperandSpec[] specs = i.def().operands();
        String m = i.def().mnemonic();
        for (int n = 0; n < i.operandCount(); n++) {
            Operand o = i.operand(n);
            if (o.kind() == Operand.Kind.GPR8H) {
                sink.changed(o.reg() & 3);
            } else if (o.kind() == Operand.Kind.GPR && specs[n].write()) {
                written(i, m, o, sink);
            }
        }
        // those that name no register: CBW, CWD, LAHF …; MUL, IMUL of one operand; CMPXCHG
        if (i.operandCount() == 0 || i.operandCount() == 1 && m.endsWith("MUL") || m.equals("CMPXCHG")) {
            sink.changed(CpuState.RAX);
            sink.changed(CpuState.RDX);
        }
    }

    private static void written(Insn i, String m, Operand o, Sink sink) {
        boolean constant = o.bits() == 64 && switch (m) {
            case "ADD", "SUB" -> i.operandCount() == 2 && i.op1().kind() == Operand.Kind.IMM
                    && Math.abs(i.imm()) < 1 << 30;
            case "INC", "DEC" -> true;
            case "LEA" -> i.base() == o.reg() && i.indexRegister() == CpuState.NONE && i.addressBits() == 64;
            default -> false;
        };
        if (!constant) {
            sink.changed(o.reg());
            return;
        }
        sink.moved(o.reg(), switch (m) {
            case "ADD" -> (int) i.imm();
            case "SUB" -> (int) -i.imm();
            case "INC" -> 1;
            case "DEC" -> -1;
            default -> (int) i.disp();
        });
    }
}

package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.StackAccess;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.mmu.Mmu;

/** Near JMP, Jcc, CALL, RET, LOOPcc and JCXZ (SDM vol. 2). Targets are checked against the code segment before anything changes. */
final class Branches {
    private Branches() {
    }

    static void define(InstructionTable t) {
        for (int cc = 0; cc < 16; cc++) {
            String attributes = "end f64 " + Conditions.reads(cc);
            t.add("J" + Conditions.suffix(cc), String.format("7%X", cc), "Jb:r", attributes, jcc(cc));
            t.add("J" + Conditions.suffix(cc), String.format("0F 8%X", cc), "Jz:r", attributes, jcc(cc));
        }
        // @formatter:off
        t.add("JMP",    "EB",    "Jb:r", "end f64", Branches::jmp);
        t.add("JMP",    "E9",    "Jz:r", "end f64", Branches::jmp);
        t.add("JMP",    "FF /4", "Ev:r", "end f64", Branches::jmpIndirect);
        t.add("CALL",   "E8",    "Jz:r", "end f64", Branches::call);
        t.add("CALL",   "FF /2", "Ev:r", "end f64", Branches::callIndirect);
        t.add("RET",    "C3",    "",     "end f64", Branches::ret);
        t.add("RET",    "C2",    "Iw:r", "end f64", Branches::ret);
        t.add("LOOPNE", "E0",    "Jb:r", "end f64 r:Z", (c, i) -> loop(c, i, !c.zf()));
        t.add("LOOPE",  "E1",    "Jb:r", "end f64 r:Z", (c, i) -> loop(c, i, c.zf()));
        t.add("LOOP",   "E2",    "Jb:r", "end f64", (c, i) -> loop(c, i, true));
        t.add("JCXZ",   "E3",    "Jb:r", "end f64", Branches::jcxz);
        // @formatter:on
    }

    /** The target cut to the operand size and checked: #GP(0) outside the code segment's limit or not canonical. */
    private static long target(Cpu c, Insn i, long to) {
        int bits = i.operandBits();
        if (bits == 64) {
            if (!Mmu.isCanonical(to)) {
                throw c.fault(Vector.GP, 0);
            }
            return to;
        }
        long offset = to & (bits == 16 ? 0xffffL : 0xffff_ffffL);
        if (offset > c.segmentLimit(CpuState.CS)) {
            throw c.fault(Vector.GP, 0);
        }
        return offset;
    }

    private static void jump(Cpu c, Insn i) {
        c.setRip(target(c, i, c.rip() + i.imm()));
    }

    static Exec jcc(int cc) {
        // the commonest conditions get a body of their own, so that no switch is left in it
        return switch (cc) {
            case 2 -> (c, i) -> jumpIf(c, i, c.cf());
            case 3 -> (c, i) -> jumpIf(c, i, !c.cf());
            case 4 -> (c, i) -> jumpIf(c, i, c.zf());
            case 5 -> (c, i) -> jumpIf(c, i, !c.zf());
            case 8 -> (c, i) -> jumpIf(c, i, c.sf());
            case 9 -> (c, i) -> jumpIf(c, i, !c.sf());
            default -> (c, i) -> jumpIf(c, i, c.condition(cc));
        };
    }

    private static void jumpIf(Cpu c, Insn i, boolean taken) {
        if (taken) {
            jump(c, i);
        }
    }

    static void jmp(Cpu c, Insn i) {
        jump(c, i);
    }

    static void jmpIndirect(Cpu c, Insn i) {
        c.setRip(target(c, i, i.read0(c)));
    }

    static void call(Cpu c, Insn i) {
        long next = c.rip();
        long to = target(c, i, next + i.imm());
        StackAccess.push(c, i.operandBits(), next);
        c.setRip(to);
    }

    static void callIndirect(Cpu c, Insn i) {
        long to = target(c, i, i.read0(c));
        StackAccess.push(c, i.operandBits(), c.rip());
        c.setRip(to);
    }

    static void ret(Cpu c, Insn i) {
        int bits = i.operandBits();
        long to = target(c, i, StackAccess.peek(c, 0, bits));
        StackAccess.adjust(c, (bits >>> 3) + (i.operandCount() == 0 ? 0 : i.imm() & 0xffff));
        c.setRip(to);
    }

    private static void loop(Cpu c, Insn i, boolean condition) {
        int bits = i.addressBits();
        long count = c.reg(CpuState.RCX, bits) - 1;
        if (count != 0 && condition) {
            jump(c, i);
        }
        c.setReg(CpuState.RCX, count, bits);
    }

    static void jcxz(Cpu c, Insn i) {
        if (c.reg(CpuState.RCX, i.addressBits()) == 0) {
            jump(c, i);
        }
    }
}

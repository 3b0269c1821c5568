package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.StackAccess;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.Specializer;

/** PUSH, POP, PUSHA, POPA, ENTER, LEAVE (SDM vol. 2). */
final class Stack {
    private static final Exec PUSH = Specializer.of(Stack::push, i -> i.isGpr(0, 64) ? Stack::push64 : null);
    private static final Exec POP = Specializer.of(Stack::pop, i -> i.isGpr(0, 64) ? Stack::pop64 : null);

    private Stack() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("PUSH", "50+r",  "Zv:r",  "d64", PUSH);
        t.add("PUSH", "FF /6", "Ev:r",  "d64", Stack::push);
        t.add("PUSH", "6A",    "sIb:r", "d64", Stack::push);
        t.add("PUSH", "68",    "Iz:r",  "d64", Stack::push);
        t.add("POP",  "58+r",  "Zv:w",  "d64", POP);
        t.add("POP",  "8F /0", "Ev:w",  "d64", Stack::pop);
        t.add("PUSHA", "60", "", "i64", Stack::pusha);
        t.add("POPA",  "61", "", "i64", Stack::popa);
        t.add("ENTER", "C8", "Iw:r,Ib", "d64", Stack::enter);
        t.add("LEAVE", "C9", "", "d64", Stack::leave);
        // @formatter:on
    }

    static void push(Cpu c, Insn i) {
        StackAccess.push(c, i.operandBits(), i.read0(c));
    }

    private static void push64(Cpu c, Insn i) {
        long sp = c.reg(CpuState.RSP) - 8;
        c.mmu().write64(sp, CpuState.SS, c.reg(i.r0()));
        c.setReg(CpuState.RSP, sp);
    }

    private static void pop64(Cpu c, Insn i) {
        long sp = c.reg(CpuState.RSP);
        long v = c.mmu().read64(sp, CpuState.SS);
        c.setReg(CpuState.RSP, sp + 8);
        c.setReg(i.r0(), v);
    }

    static void pop(Cpu c, Insn i) {
        int bits = i.operandBits();
        if (i.op0().kind() == Operand.Kind.GPR) {
            long v = StackAccess.peek(c, 0, bits);
            StackAccess.adjust(c, bits >>> 3);
            i.write0(c, v);
            return;
        }
        // the address of a memory destination uses RSP after the increment; a fault must leave RSP as it was
        long v = StackAccess.peek(c, 0, bits);
        long old = c.reg(CpuState.RSP);
        StackAccess.adjust(c, bits >>> 3);
        boolean done = false;
        try {
            i.write0(c, v);
            done = true;
        } finally {
            if (!done) {
                c.setReg(CpuState.RSP, old);
            }
        }
    }

    static void pusha(Cpu c, Insn i) {
        int bytes = i.operandBits() >>> 3;
        StackAccess.probePush(c, 8 * bytes);
        for (int r = 0; r < 8; r++) {
            StackAccess.poke(c, -bytes * (r + 1), i.operandBits(), c.reg(r));
        }
        StackAccess.adjust(c, -8 * bytes);
    }

    static void popa(Cpu c, Insn i) {
        int bits = i.operandBits();
        int bytes = bits >>> 3;
        // all reads first: a fault must leave every register as it was
        StackAccess.peek(c, 7 * bytes, bits);
        long di = StackAccess.peek(c, 0, bits);
        long si = StackAccess.peek(c, bytes, bits);
        long bp = StackAccess.peek(c, 2 * bytes, bits);
        long bx = StackAccess.peek(c, 4 * bytes, bits);
        long dx = StackAccess.peek(c, 5 * bytes, bits);
        long cx = StackAccess.peek(c, 6 * bytes, bits);
        long ax = StackAccess.peek(c, 7 * bytes, bits);
        c.setReg(CpuState.RDI, di, bits);
        c.setReg(CpuState.RSI, si, bits);
        c.setReg(CpuState.RBP, bp, bits);
        c.setReg(CpuState.RBX, bx, bits);
        c.setReg(CpuState.RDX, dx, bits);
        c.setReg(CpuState.RCX, cx, bits);
        c.setReg(CpuState.RAX, ax, bits);
        StackAccess.adjust(c, 8 * bytes);
    }

    static void enter(Cpu c, Insn i) {
        int bits = i.operandBits();
        int bytes = bits >>> 3;
        int level = (int) i.imm2() & 31;
        long size = i.imm() & 0xffff;
        int stackBits = c.stackBits();
        // in order, as hardware pushes: what lies below RSP may be half written when one of them faults
        StackAccess.poke(c, -bytes, bits, c.reg(CpuState.RBP));
        long frame = c.reg(CpuState.RSP) - bytes;
        if (level > 0) {
            long bp = c.reg(CpuState.RBP);
            for (int k = 1; k < level; k++) {
                long v = StackAccess.readAt(c, bp - (long) k * bytes, bits);
                StackAccess.poke(c, -bytes * (k + 1), bits, v);
            }
            StackAccess.poke(c, -bytes * (level + 1), bits, frame);
        }
        long sp = c.reg(CpuState.RSP) - (long) bytes * (level + 1) - size;
        // the manual checks that the final stack top is writable
        StackAccess.probeAt(c, sp, bytes);
        c.setReg(CpuState.RBP, frame, bits == 64 ? 64 : bits);
        c.setReg(CpuState.RSP, sp, stackBits);
    }

    static void leave(Cpu c, Insn i) {
        int bits = i.operandBits();
        int stackBits = c.stackBits();
        long bp = Alu.zx(c.reg(CpuState.RBP), stackBits);
        long v = StackAccess.readAt(c, bp, bits);
        c.setReg(CpuState.RSP, bp + (bits >>> 3), stackBits);
        c.setReg(CpuState.RBP, v, bits);
    }
}

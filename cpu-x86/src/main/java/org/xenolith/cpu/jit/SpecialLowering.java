package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;

/** Instructions that need more than a copy: implicit RCX, results that hosts differ in, faults that must not happen on the host. */
final class SpecialLowering {
    private final BlockEmitter e;
    private final HostAssembler a;

    SpecialLowering(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    boolean lea(Insn i) {
        int g = i.op0().reg();
        int bits = i.op0().bits();
        int h = BlockEmitter.host(g);
        if (bits == 64 && i.addressBits() == 64 || bits == 32 && h >= 0) {
            int to = h < 0 ? R15 : h;
            if (BlockEmitter.isConstant(i)) {
                long v = e.constantAddress(i);
                a.movImm(to, bits == 32 ? v & 0xffff_ffffL : v);
            } else if (bits == i.addressBits()) {
                e.effectiveAddress(i, to);
            } else {
                e.effectiveAddress(i, R15);
                a.mov32(h, R15);
                return true;
            }
            if (h < 0) {
                e.define(g, R15);
            }
            return true;
        }
        e.effectiveAddress(i, R15);
        return writeFromR15(i.op0());
    }

    /** The value in R15 into a general register of 16, 32 or 64 bits. */
    private boolean writeFromR15(Operand o) {
        int h = BlockEmitter.host(o.reg());
        if (h >= 0) {
            a.reg(h);
        } else {
            a.at(RSP, NativeLayout.slot(o.reg()));
        }
        switch (o.bits()) {
            case 64 -> a.op(true, 0x89, R15);
            case 16 -> a.op(0x66, false, 0, 0x89, R15, false);
            default -> {
                if (h < 0) {
                    a.mov32(R15, R15);
                    a.store(RSP, NativeLayout.slot(o.reg()), R15);
                } else {
                    a.op(false, 0x89, R15);
                }
            }
        }
        return true;
    }

    boolean movImmediate(Insn i) {
        Operand o = i.op0();
        if (o.kind() != Operand.Kind.GPR) {
            return false;
        }
        int h = BlockEmitter.host(o.reg());
        if (o.bits() >= 32) {
            long v = o.bits() == 32 ? i.imm() & 0xffff_ffffL : i.imm();
            a.movImm(h < 0 ? R15 : h, v);
            if (h < 0) {
                e.define(o.reg(), R15);
            }
            return true;
        }
        if (h < 0) {
            a.at(RSP, NativeLayout.slot(o.reg()));
        } else {
            a.reg(h);
        }
        if (o.bits() == 8) {
            a.op(0, false, 0, 0xc6, 0, h >= 4);
            a.b((int) i.imm());
        } else {
            a.op(0x66, false, 0, 0xc7, 0, false);
            a.w((int) i.imm());
        }
        return true;
    }

    /** INC and DEC with the register in the opcode, which 64-bit code has as REX prefixes. */
    boolean incDec(Insn i) {
        Operand o = i.op0();
        int digit = i.def().mnemonic().equals("INC") ? 0 : 1;
        a.reg(BlockEmitter.host(o.reg())).op(o.bits() == 16 ? 0x66 : 0, false, 0, 0xff, digit, false);
        e.flags(i.def().flagsWritten(), 0);
        return true;
    }

    boolean movOffset(Insn i) {
        boolean store = i.isMem(0);
        int bits = i.bits();
        e.check(i, bits >>> 3, store, 1);
        e.memory().op(bits == 16 ? 0x66 : 0, bits == 64, 0, (store ? 0x88 : 0x8a) | (bits > 8 ? 1 : 0), RAX, false);
        return true;
    }

    boolean bswap(Insn i) {
        Operand o = i.op0();
        if (o.bits() == 16) {
            return false;
        }
        int h = e.use(o.reg(), R15);
        a.b(0x40 | (o.bits() == 64 ? 8 : 0) | h >> 3);
        a.b(0x0f, 0xc8 | h & 7);
        e.define(o.reg(), h);
        return true;
    }

    /** XCHG with a register: the operands' values through the temporaries. */
    boolean xchgRax(Insn i) {
        Operand o = i.op0();
        if (o.bits() == 16) {
            return false;
        }
        a.mov(R15, e.use(o.reg(), R15));
        a.mov(RCX, RAX);
        move(RAX, R15, o.bits());
        move(RCX, RCX, o.bits());
        e.define(o.reg(), RCX);
        return true;
    }

    private void move(int to, int from, int bits) {
        if (bits == 32) {
            a.mov32(to, from);
        } else {
            a.mov(to, from);
        }
    }

    boolean xchg(Insn i) {
        Operand o = i.op1();
        if (o.kind() != Operand.Kind.GPR || i.op0().kind() == Operand.Kind.GPR8H) {
            return false;
        }
        int bits = o.bits();
        int h = BlockEmitter.host(o.reg());
        if (i.isMem(0)) {
            if (h < 0) {
                return false;
            }
            e.check(i, bits >>> 3, true, 1);
            e.freeRcx();
            int size = bits == 16 ? 0x66 : 0;
            int op = bits == 8 ? 0x8a : 0x8b;
            e.memory().op(size, bits == 64, 0, op, RCX, false);
            e.memory().op(size, bits == 64, 0, op - 2, h, bits == 8 && h >= 4);
            a.reg(RCX).op(size, bits == 64, 0, op, h, bits == 8 && h >= 4);
            return true;
        }
        if (bits < 32) {
            return false;
        }
        a.mov(R15, e.use(i.op0().reg(), R15));
        a.mov(RCX, e.use(o.reg(), RCX));
        move(R15, R15, bits);
        move(RCX, RCX, bits);
        e.define(i.op0().reg(), RCX);
        e.define(o.reg(), R15);
        return true;
    }

    boolean cmpxchg16b(Insn i) {
        int bytes = i.op0().bits() >>> 3;
        e.check(i, bytes, true, bytes == 16 ? 16 : 1);
        e.freeRcx();
        a.mov(RCX, R10);
        e.memory().op(0, bytes == 16, 1, 0xc7, 1, false);
        e.flags(Flags.ZF, 0);
        return true;
    }

    /** Shift or rotate by CL. */
    boolean shiftByCl(Insn i) {
        InsnDef d = i.def();
        Operand o = i.op0();
        boolean doubled = d.mnemonic().length() == 4;
        int bits = o.bits();
        if (bits < 32 && !d.mnemonic().startsWith("RO") || o.kind() == Operand.Kind.GPR8H
                || doubled && (bits == 16 || BlockEmitter.host(i.op1().reg()) < 0
                        && (o.kind() == Operand.Kind.MEM || BlockEmitter.host(o.reg()) < 0))) {
            return false;
        }
        boolean memory = o.kind() == Operand.Kind.MEM;
        if (memory) {
            e.check(i, bits >>> 3, true, 1);
            e.freeRcx();
        }
        int h = memory ? 0 : e.use(o.reg(), R15);
        int countMask = bits == 64 ? NativeLayout.MASK_63 : NativeLayout.MASK_31;
        // a count of 0 changes no flag (a 32-bit register is still zero-extended); a count of 1 defines OF
        if (e.undefined() != 0) {
            e.settleFlags();
        }
        a.pext(RCX, R10, RSP, countMask);
        int zero = a.jrcxz();
        a.lea(RCX, RCX, -1);
        int one = a.jrcxz();
        a.mov(RCX, R10);
        shift(i, d, memory, h, doubled);
        int many = d.flagsUndefined();
        e.clearFlags(many);
        int end = a.jmp();
        a.bind8(one);
        a.movImm(RCX, 1);
        shift(i, d, memory, h, doubled);
        if ((many & Flags.AF) != 0) {
            e.clearFlags(Flags.AF);
        }
        int end2 = a.jmp();
        a.bind8(zero);
        if (bits == 32 && !memory) {
            a.mov32(h, h);
        }
        a.bind32(end);
        a.bind32(end2);
        if (!memory) {
            e.define(o.reg(), h);
        }
        return true;
    }

    private void shift(Insn i, InsnDef d, boolean memory, int h, boolean doubled) {
        int bits = i.bits();
        int field = doubled ? e.use(i.op1().reg(), R15) : d.digit();
        if (memory) {
            e.memory();
        } else {
            a.reg(h);
        }
        a.op(bits == 16 ? 0x66 : 0, bits == 64, d.map(), d.opcode(), field, bits == 8 && !memory && h >= 4);
    }

    /** The value of a 32- or 64-bit operand into R15. */
    private void valueToR15(Insn i, Operand o) {
        boolean wide = o.bits() == 64;
        if (o.kind() == Operand.Kind.MEM) {
            e.check(i, o.bits() >>> 3, false, 1);
            e.memory().op(wide, 0x8b, R15);
        } else {
            move(R15, e.use(o.reg(), R15), o.bits());
        }
    }

    /** DIV and IDIV of 32 and 64 bits whose dividend fits in one register; the rest, and what faults, is for the interpreter. */
    boolean divide(Insn i) {
        Operand o = i.op0();
        int bits = o.bits();
        if (bits < 32) {
            return false;
        }
        boolean wide = bits == 64;
        boolean signed = i.def().mnemonic().equals("IDIV");
        valueToR15(i, o);
        a.mov(RCX, R15);
        int zero = a.jrcxz();
        if (signed) {
            a.at(RCX, 1).op(wide, 0x8d, RCX);
            int minusOne = a.jrcxz();
            a.pext(RCX, RAX, RSP, wide ? NativeLayout.MASK_SIGN : NativeLayout.MASK_BIT31);
            a.at(RCX, RDX, 0, 0).op(wide, 0x8d, RCX);
            int fits = a.jrcxz();
            a.bind8(minusOne);
            a.bind8(zero);
            e.step();
            a.bind8(fits);
        } else {
            move(RCX, RDX, bits);
            int fits = a.jrcxz();
            int high = a.jmp();
            a.bind8(zero);
            e.step();
            a.bind32(high);
            // the quotient fits when the high half is below the divisor; only where it does may the flags change
            e.keepFlags();
            a.reg(RDX).op(wide, 0x39, R15);
            int below = a.jcc(2);
            e.restoreFlags();
            e.step();
            a.bind32(below);
            a.bind8(fits);
        }
        a.reg(R15).op(wide, 0xf7, signed ? 7 : 6);
        e.flags(0, Flags.ARITHMETIC);
        return true;
    }

    /** PCMPISTRI and PCMPESTRI give their index in ECX. */
    boolean compareStrings(CopyLowering copy, Insn i) {
        if (!copy.emit(i)) {
            return false;
        }
        a.mov(R10, RCX);
        return true;
    }

    /** BSF and BSR; a source of 0 is for the interpreter. */
    boolean bitScan(Insn i) {
        int bits = i.op0().bits();
        if (bits == 16) {
            return false;
        }
        valueToR15(i, i.op1());
        a.mov(RCX, R15);
        int zero = a.jrcxz();
        int go = a.jmp();
        a.bind8(zero);
        e.step();
        a.bind32(go);
        int g = i.op0().reg();
        int h = BlockEmitter.host(g);
        a.reg(R15).op(0, bits == 64, 1, i.def().opcode(), h < 0 ? R15 : h, false);
        if (h < 0) {
            e.define(g, R15);
        }
        e.flags(i.def().flagsWritten(), i.def().flagsUndefined());
        return true;
    }

    /** BT, BTS, BTR, BTC with the bit's number in a register. */
    boolean bitTest(Insn i) {
        Operand o = i.op0();
        int bits = o.bits();
        if (bits == 16) {
            return false;
        }
        boolean wide = bits == 64;
        boolean writes = !i.def().mnemonic().equals("BT");
        int n = i.op1().reg();
        if (o.kind() != Operand.Kind.MEM) {
            int bit = e.use(n, RCX);
            int h = e.use(o.reg(), R15);
            a.reg(h).op(0, wide, 1, i.def().opcode(), bit, false);
            if (writes) {
                e.define(o.reg(), h);
            }
        } else {
            if (i.indexRegister() != CpuState.NONE || BlockEmitter.hasBase(i) || i.addressBits() != e.codeBits()) {
                return false;
            }
            // the word is (number >> 6) * 8 or (number >> 5) * 4 bytes on; negative numbers are rare
            a.pext(RCX, e.use(n, R15), RSP, wide ? NativeLayout.MASK_SIGN : NativeLayout.MASK_BIT31);
            e.stepUnless0();
            a.pext(RCX, e.use(n, R15), RSP, wide ? NativeLayout.MASK_NOT_63 : NativeLayout.MASK_NOT_31);
            int scale = wide ? 3 : 2;
            if (BlockEmitter.isConstant(i)) {
                a.movImm(R15, e.constantAddress(i));
                e.sum(R15, R15, RCX, scale, 0);
            } else {
                e.sum(R15, e.use(i.base(), R15), RCX, scale, (int) i.disp());
            }
            e.checkR15(bits >>> 3, writes, 1);
            e.freeRcx();
            // a register number beyond the operand would move the address again
            a.pext(RCX, e.use(n, RCX), RSP, wide ? NativeLayout.MASK_63 : NativeLayout.MASK_31);
            e.memory().op(0, wide, 1, i.def().opcode(), RCX, false);
        }
        e.flags(i.def().flagsWritten(), i.def().flagsUndefined());
        return true;
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.OperandSpec;

/** Copies a computing instruction to the host with its registers renamed and its memory operand rewritten. */
final class CopyLowering {
    private final BlockEmitter e;
    private final HostAssembler a;

    // the operands of the instruction at hand, by role; null where it has none
    private Operand rm;
    private OperandSpec rmSpec;
    private Operand reg;
    private OperandSpec regSpec;
    private Operand vvvv;
    private OperandSpec vvvvSpec;
    private int last;

    CopyLowering(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    /** @return false when the interpreter must do this one (nothing was emitted) */
    boolean emit(Insn i) {
        InsnDef d = i.def();
        if (Recipe.highByte(i)) {
            return highByte(i);
        }
        if (d.mnemonic().startsWith("SH") && d.mnemonic().length() == 4 && d.map() == 1 && i.bits() == 16) {
            // SHLD and SHRD of 16 bits by more than 16: hosts differ
            return false;
        }
        if (!d.modrm()) {
            if (d.vex() && !e.code64()) {
                // VZEROALL and VZEROUPPER know eight registers only
                return false;
            }
            prefixes(i);
            if (d.vex()) {
                a.b(0xc5);
                a.b(0xf8 | (i.vectorBits() == 256 ? 4 : 0));
                a.b(d.opcode());
            } else {
                if (i.rexW()) {
                    a.b(0x48);
                }
                a.b(d.opcode());
                immediates(i);
            }
            flags(i);
            return true;
        }
        roles(i);
        boolean memory = rm.kind() == Operand.Kind.MEM;
        if (inSlot(rm) && inSlot(reg) && isZeroing(d) && rm.reg() == reg.reg() && rm.bits() >= 32) {
            a.reg(R15).op(i.rexW(), d.opcode(), R15);
            a.store(RSP, NativeLayout.slot(rm.reg()), R15);
            flags(i);
            return true;
        }
        boolean slotReg = inSlot(reg);
        boolean slotVvvv = inSlot(vvvv);
        // a register that lives in memory can be a memory operand, but for a write that must extend or merge
        boolean rmInPlace = inSlot(rm) && rmSpec.method() == 'E'
                && (!rmSpec.write() || rm.bits() == 64 && (reg == null || !regSpec.write()));
        boolean slotRm = inSlot(rm) && !rmInPlace;
        int slots = (slotReg ? 1 : 0) + (slotVvvv ? 1 : 0) + (slotRm ? 1 : 0);
        if (slots == 3 || memory && slots == 2) {
            return false;
        }
        if (memory) {
            e.check(i, Math.max(1, rm.bits() >>> 3), rmSpec.write(), d.align() ? rm.bits() >>> 3 : 1);
            if (slots > 0) {
                e.freeRcx();
            }
        }
        // temporaries: with a memory operand in R15 only RCX is left
        int regHost = hostOf(reg, RCX);
        int vvvvHost = hostOf(vvvv, slotReg ? R15 : RCX);
        int rmHost = memory || rmInPlace ? 0 : hostOf(rm, R15);
        if (slotReg && (regSpec.read() || reg.bits() < 32)) {
            a.load(regHost, RSP, NativeLayout.slot(reg.reg()));
        }
        if (slotVvvv && vvvvSpec.read()) {
            a.load(vvvvHost, RSP, NativeLayout.slot(vvvv.reg()));
        }
        if (slotRm && (rmSpec.read() || rm.bits() < 32)) {
            a.load(rmHost, RSP, NativeLayout.slot(rm.reg()));
        }
        int field = reg == null ? Math.max(d.digit(), 0) : regHost;
        if (memory) {
            e.memory();
        } else if (rmInPlace) {
            a.at(RSP, NativeLayout.slot(rm.reg()));
        } else {
            a.reg(rmHost);
        }
        if (d.vex()) {
            // where W only widens a general register, 32-bit code does not look at it
            a.vex(pp(d), i.rexW() && (e.code64() || d.w() == 1), i.vectorBits() == 256, d.map(), d.opcode(), field,
                    vvvv == null ? 0 : vvvvHost);
        } else {
            boolean force = byteNeedsRex(reg, regHost) || !memory && !rmInPlace && byteNeedsRex(rm, rmHost);
            a.op(encode(i, d), i.rexW(), isMovnti(d) ? 0 : d.map(), opcode(d), field, force);
        }
        immediates(i);
        // MULX with one register twice keeps the high half, which is ModRM.reg's
        if (slotVvvv && vvvvSpec.write()) {
            a.store(RSP, NativeLayout.slot(vvvv.reg()), vvvvHost);
        }
        if (slotReg && regSpec.write()) {
            a.store(RSP, NativeLayout.slot(reg.reg()), regHost);
        }
        if (slotRm && rmSpec.write()) {
            a.store(RSP, NativeLayout.slot(rm.reg()), rmHost);
        }
        flags(i);
        return true;
    }

    private void roles(Insn i) {
        rm = null;
        reg = null;
        vvvv = null;
        OperandSpec[] specs = i.def().operands();
        for (int n = 0; n < specs.length; n++) {
            switch (specs[n].method()) {
                case 'E', 'M', 'W', 'U', 'R', 'Q', 'N' -> {
                    rm = i.operand(n);
                    rmSpec = specs[n];
                }
                case 'G', 'V', 'P' -> {
                    reg = i.operand(n);
                    regSpec = specs[n];
                }
                case 'H', 'B' -> {
                    vvvv = i.operand(n);
                    vvvvSpec = specs[n];
                }
                case 'L' -> last = i.operand(n).reg();
                default -> {
                }
            }
        }
    }

    private static boolean inSlot(Operand o) {
        return o != null && o.kind() == Operand.Kind.GPR && BlockEmitter.host(o.reg()) < 0;
    }

    private static int hostOf(Operand o, int temp) {
        if (o == null) {
            return 0;
        }
        if (o.kind() != Operand.Kind.GPR) {
            return o.reg();
        }
        int h = BlockEmitter.host(o.reg());
        return h < 0 ? temp : h;
    }

    /** 82h is 80h in 32-bit code and nothing in 64-bit code. */
    private static int opcode(InsnDef d) {
        return d.map() == 0 && d.opcode() == 0x82 ? 0x80 : isMovnti(d) ? 0x89 : d.opcode();
    }

    /** A plain MOV on the host: what is stored may be read soon. */
    private static boolean isMovnti(InsnDef d) {
        return d.map() == 1 && d.opcode() == 0xc3 && !d.vex();
    }

    /** SPL, BPL, SIL and DIL are named with a REX prefix only. */
    private static boolean byteNeedsRex(Operand o, int h) {
        return o != null && o.kind() == Operand.Kind.GPR && o.bits() == 8 && h >= 4;
    }

    private static int pp(InsnDef d) {
        return switch (d.prefix()) {
            case P66 -> 1;
            case PF3 -> 2;
            case PF2 -> 3;
            default -> 0;
        };
    }

    /** Emits the operand-size prefix beside a mandatory one; returns the prefix that goes before REX. */
    private int encode(Insn i, InsnDef d) {
        int prefix = switch (d.prefix()) {
            case P66 -> 0x66;
            case PF3 -> 0xf3;
            case PF2 -> 0xf2;
            default -> 0;
        };
        if (i.operandSizePrefix() && i.operandBits() == 16 && prefix != 0x66) {
            if (prefix == 0) {
                return 0x66;
            }
            a.b(0x66);
        }
        return prefix;
    }

    private void prefixes(Insn i) {
        if (i.operandSizePrefix() && i.operandBits() == 16) {
            a.b(0x66);
        }
    }

    private void immediates(Insn i) {
        OperandSpec[] specs = i.def().operands();
        boolean more = false;
        for (int n = 0; n < specs.length; n++) {
            char m = specs[n].method();
            if (m == 's') {
                a.b((int) i.imm());
            } else if (m == 'L') {
                a.b(last << 4);
            } else if (m == 'I') {
                long v = more ? i.imm2() : i.imm();
                more = true;
                switch (specs[n].bits(i.operandBits(), i.vectorBits(), true)) {
                    case 8 -> a.b((int) v);
                    case 16 -> a.w((int) v);
                    case 32 -> a.d((int) v);
                    default -> a.q(v);
                }
            }
        }
    }

    private void flags(Insn i) {
        InsnDef d = i.def();
        if (Recipe.isShift(d)) {
            shiftFlags(i, (int) i.imm() & (i.bits() == 64 ? 63 : 31));
            return;
        }
        int undefined = d.flagsUndefined();
        if (undefined == Flags.AF && isLogic(d)) {
            // every processor clears AF in AND, OR, XOR and TEST
            e.flags(d.flagsWritten() | Flags.AF, 0);
            return;
        }
        e.flags(d.flagsWritten(), undefined);
    }

    /** With one register twice the result does not depend on its value. */
    private static boolean isZeroing(InsnDef d) {
        return d.mnemonic().equals("XOR") || d.mnemonic().equals("SUB");
    }

    private static boolean isLogic(InsnDef d) {
        return switch (d.mnemonic()) {
            case "AND", "OR", "XOR", "TEST" -> true;
            default -> false;
        };
    }

    /** What a shift or rotate by a known masked count leaves undefined. */
    private void shiftFlags(Insn i, int count) {
        if (count != 0) {
            e.flags(i.def().flagsWritten(), shiftUndefined(i, count));
        }
    }

    static int shiftUndefined(Insn i, int count) {
        InsnDef d = i.def();
        int undefined = d.flagsUndefined();
        if (count == 1) {
            undefined &= ~Flags.OF;
        }
        if (count > i.bits() && (d.mnemonic().equals("SHL") || d.mnemonic().equals("SHR"))) {
            undefined |= Flags.CF;
        }
        return undefined;
    }

    // ---- AH, CH, DH, BH ----

    /**
     * An instruction with a high-byte register cannot have a REX prefix, so its other operand goes through CL. CH itself is reached as RCX
     * with the guest's value in it.
     */
    private boolean highByte(Insn i) {
        InsnDef d = i.def();
        if (d.opcodeReg()) {
            int r = i.op0().reg();
            if (r == 1) {
                a.mov(RCX, R10);
            }
            a.b(0xb4 | r);
            a.b((int) i.imm());
            if (r == 1) {
                a.mov(R10, RCX);
            }
            return true;
        }
        roles(i);
        if (vvvv != null || d.map() > 1 || i.operandBits() == 16 && d.map() == 1) {
            return false;
        }
        boolean both = i.operandCount() > 1 && i.operand(1).kind() != Operand.Kind.IMM;
        boolean highIsRm = rm.kind() == Operand.Kind.GPR8H;
        Operand high = highIsRm ? rm : reg;
        Operand other = highIsRm ? reg : rm;
        boolean highWritten = (highIsRm ? rmSpec : regSpec).write();
        if (other == null || !both) {
            // one operand, or one and an immediate
            return unaryHigh(i, high);
        }
        if (highWritten || other.kind() == Operand.Kind.GPR8H) {
            return d.map() == 0 && highDestination(i, high, other, highIsRm);
        }
        return highSource(i, high, other, highIsRm);
    }

    private boolean unaryHigh(Insn i, Operand high) {
        InsnDef d = i.def();
        if (Recipe.isShift(d) && d.operandText().endsWith("CL")) {
            return false;
        }
        boolean ch = high.reg() == 1;
        if (ch) {
            a.mov(RCX, R10);
        }
        a.reg(4 + high.reg()).op(0, false, d.map(), opcode(d), Math.max(d.digit(), 0), false);
        immediates(i);
        if (ch && rmSpec.write()) {
            a.mov(R10, RCX);
        }
        flags(i);
        return true;
    }

    /** The high byte is written, or the other operand is a high byte too: both must be reached without REX. */
    private boolean highDestination(Insn i, Operand high, Operand other, boolean highIsRm) {
        InsnDef d = i.def();
        boolean usesCh = high.reg() == 1 || other.kind() == Operand.Kind.GPR8H && other.reg() == 1;
        int otherHost;
        if (usesCh) {
            a.mov(RCX, R10);
        }
        if (other.kind() == Operand.Kind.GPR8H) {
            otherHost = 4 + other.reg();
        } else if (other.kind() == Operand.Kind.GPR && other.reg() < 4 && (other.reg() != 1 || usesCh)) {
            otherHost = other.reg();
        } else if (usesCh || (highIsRm ? regSpec : rmSpec).write()) {
            return false;
        } else {
            if (other.kind() == Operand.Kind.MEM) {
                e.check(i, 1, false, 1);
                e.memory().op(false, 0x8a, RCX);
            } else {
                a.mov32(RCX, e.use(other.reg(), RCX));
            }
            otherHost = RCX;
        }
        a.reg(highIsRm ? 4 + high.reg() : otherHost).op(false, d.opcode(), highIsRm ? otherHost : 4 + high.reg());
        if (usesCh && (rmSpec.write() || regSpec.write())) {
            a.mov(R10, RCX);
        }
        flags(i);
        return true;
    }

    /** The high byte is read (perhaps also written by CMP-like forms): the general case moves it into CL first. */
    private boolean highSource(Insn i, Operand high, Operand other, boolean highIsRm) {
        InsnDef d = i.def();
        boolean memory = other.kind() == Operand.Kind.MEM;
        if (memory) {
            e.check(i, 1, rmSpec.write(), 1);
            e.freeRcx();
        } else if (inSlot(other)) {
            a.load(R15, RSP, NativeLayout.slot(other.reg()));
        }
        // movzx ecx, high
        if (high.reg() == 1) {
            a.mov32(RCX, R10);
        }
        a.b(0x0f, 0xb6, 0xc8 | 4 + high.reg());
        int otherHost = memory ? 0 : hostOf(other, R15);
        int field = highIsRm ? otherHost : RCX;
        if (memory) {
            e.memory();
        } else {
            a.reg(highIsRm ? RCX : otherHost);
        }
        a.op(0, i.rexW(), d.map(), d.opcode(), field, byteNeedsRex(other, otherHost));
        boolean written = (highIsRm ? regSpec : rmSpec).write();
        if (!memory && written && inSlot(other)) {
            a.store(RSP, NativeLayout.slot(other.reg()), R15);
        }
        flags(i);
        return true;
    }
}

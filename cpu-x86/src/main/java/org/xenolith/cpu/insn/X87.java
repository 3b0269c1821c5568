package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.F80;
import org.xenolith.cpu.fpu.FpuContext;
import org.xenolith.cpu.fpu.X87Convert;
import org.xenolith.cpu.mmu.Mmu;

/**
 * What the x87 families share: 80-bit memory operands, last-instruction pointers, stack faults.
 *
 * <p>Every waiting instruction first takes a pending exception ({@link X87Unit#begin}), then touches memory, then changes state. An exception
 * that it raises unmasked leaves its operands alone and waits for the next waiting instruction (SDM vol. 1, section 8.6).
 */
final class X87 {
    private X87() {
    }

    static void define(InstructionTable t) {
        X87Arithmetic.define(t);
        X87Compare.define(t);
        X87Functions.define(t);
        X87Moves.define(t);
        X87Control.define(t);
    }

    /** Records FIP, FCS and FOP, and FDP and FDS of a memory operand, as every instruction but those of {@link X87Control} does. */
    static void pointers(Cpu c, Insn i) {
        boolean memory = i.modrm() < 0xc0;
        c.x87().setPointers(i, c.rip() - i.length(), memory ? i : null);
        if (memory) {
            c.setField(CpuState.FDP, i.ea(c));
        }
    }

    /** The m32fp or m64fp operand of an arithmetic instruction. */
    static void readFloat(Cpu c, Insn i, F80 to, FpuContext f) {
        if (i.bits() == 32) {
            X87Convert.operandF32(to, (int) i.read0(c), f);
        } else {
            X87Convert.operandF64(to, i.read0(c), f);
        }
    }

    /** The m16int, m32int or m64int operand. */
    static void readInteger(Cpu c, Insn i, F80 to) {
        int shift = 64 - i.bits();
        X87Convert.fromInteger(to, i.read0(c) << shift >> shift);
    }

    /** The second operand of arithmetic or a comparison in memory, and where it was for FNSTENV. */
    static void readOperand(Cpu c, Insn i, boolean integer, F80 to, FpuContext f) {
        if (integer) {
            readInteger(c, i, to);
        } else {
            readFloat(c, i, to, f);
        }
        pointers(c, i);
    }

    /** Ten bytes of memory at the operand plus an offset. */
    static void read80(Cpu c, Insn i, long offset, F80 to) {
        long sig = c.mmu().read64(i.address(c, offset, 8, false), i.seg());
        to.set(c.mmu().read16(i.address(c, offset + 8, 2, false), i.seg()), sig);
    }

    /** Stores ten bytes; the caller has probed them. */
    static void write80(Cpu c, Insn i, long offset, F80 value) {
        c.mmu().write64(i.address(c, offset, 8, true), i.seg(), value.sig);
        c.mmu().write16(i.address(c, offset + 8, 2, true), i.seg(), value.se);
    }

    /** Faults unless the operand's bytes can be accessed and lie at a multiple of alignment (where that is checked). */
    static void probe(Cpu c, Insn i, int bytes, int alignment, boolean write) {
        long va = i.address(c, bytes, write);
        if (Mmu.isCanonical(va)) {
            c.mmu().checkAlignment(va, alignment);
        }
        c.mmu().probe(va, i.seg(), bytes, write);
    }

    /** ST(i) is empty: raises the fault and, if it is masked, puts the default NaN there. */
    static void underflow(X87Unit x, int i) {
        if (x.stackFault(false)) {
            x.r.setIndefinite();
            x.put(i, x.r);
        }
    }

    /** The register that a push would take is in use: raises the fault and, if it is masked, pushes the default NaN. */
    static void overflow(X87Unit x) {
        if (x.stackFault(true)) {
            x.r.setIndefinite();
            x.push(x.r);
        }
    }
}

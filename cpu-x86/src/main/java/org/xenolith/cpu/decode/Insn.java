package org.xenolith.cpu.decode;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;

/**
 * One decoded instruction: its table row, operands and address parts, with the operand access that semantics are written in.
 *
 * <p>Immutable after decoding. Values are zero-extended longs unless said otherwise.
 */
public final class Insn {
    static final Operand[] NO_OPERANDS = {};

    InsnDef def;
    Exec exec;
    Operand[] operands = NO_OPERANDS;
    Operand op0;
    Operand op1;
    int r0;
    int r1;
    int length;
    int endOffset;
    int index;
    int codeBits;
    int operandBits;
    int addressBits;
    long addressMask = -1;
    int base = CpuState.NONE;
    int indexReg = CpuState.NONE;
    int scale;
    int seg = CpuState.DS;
    boolean segOverride;
    /** The linear address is the offset itself: 64-bit mode without FS or GS. */
    boolean flat;
    long disp;
    long imm;
    long imm2;
    int rep;
    boolean lock;
    boolean rexW;
    boolean operandSizePrefix;
    int vvvv;
    int vectorBits = 128;
    int modrm = -1;
    int needs;

    Insn() {
    }

    /** Puts the instruction into a block: offset of its end from the block's start, and its number. */
    public void place(int offset, int number) {
        endOffset = offset;
        index = number;
    }

    public InsnDef def() {
        return def;
    }

    public Exec exec() {
        return exec;
    }

    /** Length in bytes, 1 to 15. */
    public int length() {
        return length;
    }

    /** Offset of the next instruction from the start of the block. */
    public int endOffset() {
        return endOffset;
    }

    /** Number of instructions before it in its block. */
    public int index() {
        return index;
    }

    /** 16, 32 or 64. */
    public int codeBits() {
        return codeBits;
    }

    /** Effective operand size in bits: 16, 32 or 64. */
    public int operandBits() {
        return operandBits;
    }

    /** Effective address size in bits: 16, 32 or 64. */
    public int addressBits() {
        return addressBits;
    }

    public int operandCount() {
        return operands.length;
    }

    public Operand operand(int k) {
        return operands[k];
    }

    public Operand op0() {
        return op0;
    }

    public Operand op1() {
        return op1;
    }

    /** Register number of operand 0. */
    public int r0() {
        return r0;
    }

    /** Register number of operand 1. */
    public int r1() {
        return r1;
    }

    /** Base register 0 to 15, {@link CpuState#IP} or {@link CpuState#NONE}. */
    public int base() {
        return base;
    }

    /** Index register, or {@link CpuState#NONE}; a vector register for VSIB. */
    public int indexRegister() {
        return indexReg;
    }

    /** Log2 of the scale factor. */
    public int scale() {
        return scale;
    }

    public int seg() {
        return seg;
    }

    public boolean segOverride() {
        return segOverride;
    }

    public long disp() {
        return disp;
    }

    /** Sign-extended. */
    public long imm() {
        return imm;
    }

    public long imm2() {
        return imm2;
    }

    /** 0, 0xF2 or 0xF3, as the last one given. */
    public int rep() {
        return rep;
    }

    public boolean lock() {
        return lock;
    }

    public boolean rexW() {
        return rexW;
    }

    public boolean operandSizePrefix() {
        return operandSizePrefix;
    }

    /** 128 or 256. */
    public int vectorBits() {
        return vectorBits;
    }

    /** The ModRM byte, or -1. */
    public int modrm() {
        return modrm;
    }

    /** {@code InsnDef.NEEDS_*} that apply. */
    public int needs() {
        return needs;
    }

    /** True when operand {@code k} is memory. */
    public boolean isMem(int k) {
        return operands[k].kind() == Operand.Kind.MEM;
    }

    /** True when operand {@code k} is a general register of the given width. */
    public boolean isGpr(int k, int bits) {
        return operands[k].kind() == Operand.Kind.GPR && operands[k].bits() == bits;
    }

    /** True when operand {@code k} is memory of the given width, addressed in 64-bit mode without segment base. */
    public boolean isFlatMem(int k, int bits) {
        return flat && operands[k].kind() == Operand.Kind.MEM && operands[k].bits() == bits;
    }

    // ---- addresses ----

    /** Effective address: the offset within its segment, cut to the address size. */
    public long ea(Cpu c) {
        return c.reg(base) + (c.reg(indexReg) << scale) + disp & addressMask;
    }

    /**
     * Linear address of the memory operand, after the segment's checks for an access of {@code bytes}.
     *
     * @param write the access writes, so that read-only segments fault
     */
    public long address(Cpu c, int bytes, boolean write) {
        long offset = c.reg(base) + (c.reg(indexReg) << scale) + disp & addressMask;
        return flat ? offset : Segmentation.linear(c, seg, offset, bytes, write);
    }

    /** Linear address where {@link #isFlatMem} holds. */
    public long flatAddress(Cpu c) {
        return c.reg(base) + (c.reg(indexReg) << scale) + disp & addressMask;
    }

    /** Like {@link #address} with a displacement added to the offset (second half of a wide operand, bit strings). */
    public long address(Cpu c, long extra, int bytes, boolean write) {
        long offset = c.reg(base) + (c.reg(indexReg) << scale) + disp + extra & addressMask;
        return flat ? offset : Segmentation.linear(c, seg, offset, bytes, write);
    }

    // ---- operands of up to 64 bits ----

    public long read(Cpu c, Operand o) {
        return switch (o.kind()) {
            case GPR -> c.reg(o.reg(), o.bits());
            case MEM -> c.mmu().read(address(c, o.bits() >>> 3, false), seg, o.bits());
            case IMM -> Alu.zx(imm, o.bits());
            case GPR8H -> c.regHigh8(o.reg());
            case IMM2 -> imm2;
            case SEG -> c.selector(o.reg());
            case MMX -> c.field(CpuState.FPR + 16 * o.reg());
            case XMM -> Alu.zx(c.ymm(o.reg(), 0), Math.min(64, o.bits()));
            default -> throw new IllegalStateException(def + " reads " + o);
        };
    }

    /** Reads the destination of a read-modify-write: memory is checked for writing first, so that {@link #write} cannot fault. */
    public long readForWrite(Cpu c, Operand o) {
        if (o.kind() == Operand.Kind.MEM) {
            return c.mmu().readForWrite(address(c, o.bits() >>> 3, true), seg, o.bits());
        }
        return read(c, o);
    }

    public void write(Cpu c, Operand o, long v) {
        switch (o.kind()) {
            case GPR -> c.setReg(o.reg(), v, o.bits());
            case MEM -> c.mmu().write(address(c, o.bits() >>> 3, true), seg, o.bits(), v);
            case GPR8H -> c.setRegHigh8(o.reg(), v);
            default -> throw new IllegalStateException(def + " writes " + o);
        }
    }

    /** Operand 0, zero-extended. */
    public long read0(Cpu c) {
        return read(c, op0);
    }

    /** Operand 1, zero-extended. */
    public long read1(Cpu c) {
        return read(c, op1);
    }

    public long read(Cpu c, int k) {
        return read(c, operands[k]);
    }

    public long readForWrite0(Cpu c) {
        return readForWrite(c, op0);
    }

    public void write0(Cpu c, long v) {
        write(c, op0, v);
    }

    public void write(Cpu c, int k, long v) {
        write(c, operands[k], v);
    }

    /** Width of operand 0 in bits. */
    public int bits() {
        return op0.bits();
    }

    @Override
    public String toString() {
        return def.mnemonic() + "/" + length;
    }
}

package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;

/**
 * A stack on which an event or a far transfer builds its frame before anything else of the CPU changes: the current one or an inner ring's.
 * One preallocated instance per CPU.
 */
final class StackFrame {
    private final Cpu c;
    private int cpl;
    private boolean flat;
    private long base;
    private long limit;
    private int attributes;
    private long pointer;
    private long mask;

    StackFrame(Cpu c) {
        this.c = c;
    }

    /** Starts at the current SS:RSP. */
    void current() {
        cpl = c.cpl();
        if (c.code64()) {
            flat(cpl, c.reg(CpuState.RSP));
            return;
        }
        flat = false;
        base = c.segmentBase(CpuState.SS);
        limit = c.segmentLimit(CpuState.SS);
        attributes = c.segmentAttributes(CpuState.SS);
        mask = c.stackBits() == 16 ? 0xffffL : 0xffff_ffffL;
        pointer = c.reg(CpuState.RSP) & mask;
    }

    /** Starts in a segment that is not loaded yet, whose descriptor has been checked. */
    void segment(int cpl, long descriptor, long pointer) {
        this.cpl = cpl;
        flat = false;
        base = Descriptors.base(descriptor);
        limit = Descriptors.limit(descriptor);
        attributes = Descriptors.attributes(descriptor);
        mask = Descriptors.isBig(descriptor) ? 0xffff_ffffL : 0xffffL;
        this.pointer = pointer & mask;
    }

    /** Starts at a 64-bit stack pointer. */
    void flat(int cpl, long pointer) {
        this.cpl = cpl;
        flat = true;
        mask = -1L;
        this.pointer = pointer;
    }

    /** Aligns the stack pointer down to 16 bytes, as 64-bit event delivery does. */
    void align() {
        pointer &= -16L;
    }

    /**
     * Faults unless {@code bytes} can be pushed: #SS with {@code error} past the segment's limit or outside the canonical addresses, #PF for the
     * pages.
     */
    void reserve(int bytes, int error) {
        if (flat) {
            long low = pointer - bytes;
            if (!Mmu.isCanonical(low) || !Mmu.isCanonical(pointer - 1)) {
                throw c.fault(Vector.SS, error);
            }
            c.mmu().probeWriteAs(cpl, low, bytes);
            return;
        }
        boolean usable = !c.protectedMode() || c.vm86()
                || (attributes & (Segmentation.UNUSABLE | 0x80)) == 0x80 && (attributes & 10) == 2;
        if (!usable) {
            throw c.fault(Vector.SS, error);
        }
        if (bytes <= pointer || pointer == 0) {
            reserveRange(pointer - bytes & mask, bytes, error);
        } else {
            // the stack pointer wraps; no single push may straddle the wrap
            if ((pointer & 1) != 0) {
                throw c.fault(Vector.SS, error);
            }
            int above = bytes - (int) pointer;
            reserveRange(0, (int) pointer, error);
            reserveRange(-above & mask, above, error);
        }
    }

    private void reserveRange(long low, int bytes, int error) {
        if (!Segmentation.within(attributes, limit, low, bytes)) {
            throw c.fault(Vector.SS, error);
        }
        c.mmu().probeWriteAs(cpl, base + low & 0xffff_ffffL, bytes);
    }

    /** Pushes within the reserved space. */
    void push(int bits, long v) {
        pointer = pointer - (bits >>> 3) & mask;
        c.mmu().writeAs(cpl, flat ? pointer : base + pointer & 0xffff_ffffL, bits, v);
    }

    /** Puts the stack pointer into RSP; its upper part is kept where the stack is narrower. */
    void commitPointer() {
        if (mask == 0xffffL) {
            c.setReg16(CpuState.RSP, pointer);
        } else {
            c.setReg(CpuState.RSP, pointer);
        }
    }
}

package org.xenolith.cpu.jit.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The user-mode register state before or after a run, off-heap where the trampoline reads and writes it: 16 GPRs in
 * encoding order, RFLAGS, RIP, FS and GS base, data segment selectors, and an XSAVE image in standard format (legacy
 * region, header, AVX) as in SDM vol. 1, "Managing State Using the XSAVE Feature Set".
 */
public final class HostRegisters {
    /** Bytes of one state. */
    static final int SIZE = 0x480;
    static final int RFLAGS = 0x80;
    static final int RIP = 0x88;
    static final int FS_BASE = 0x90;
    static final int GS_BASE = 0x98;
    static final int ERROR_CODE = 0xa0;
    static final int VECTOR = 0xa8;
    static final int CR2 = 0xb0;
    static final int SEGMENTS = 0xb8;
    static final int XSAVE = 0x100;
    /** Bytes of the image: legacy region, header, upper YMM halves. */
    static final int XSAVE_SIZE = 0x340;
    private static final int MXCSR = XSAVE + 24;
    private static final int ST = XSAVE + 32;
    private static final int XMM = XSAVE + 160;
    private static final int XSTATE_BV = XSAVE + 512;
    private static final int YMM_HIGH = XSAVE + 576;
    /** {@code FXSAVE} keeps one bit a register: set when the register is not empty. */
    private static final int ABRIDGED_TAG = XSAVE + 4;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final MemorySegment memory;

    HostRegisters(MemorySegment memory) {
        this.memory = memory;
    }

    /** Sets everything to 0 except what a run needs: RFLAGS, x87 and SSE control words, the image's header. */
    public void reset() {
        memory.fill((byte) 0);
        rflags(0x202);
        fcw(0x37f);
        mxcsr(0x1f80);
        memory.set(LONG, XSTATE_BV, 7);
    }

    public long gpr(int n) {
        return memory.get(LONG, 8L * n);
    }

    public void gpr(int n, long value) {
        memory.set(LONG, 8L * n, value);
    }

    public long rflags() {
        return memory.get(LONG, RFLAGS);
    }

    public void rflags(long value) {
        memory.set(LONG, RFLAGS, value);
    }

    public long rip() {
        return memory.get(LONG, RIP);
    }

    public void rip(long value) {
        memory.set(LONG, RIP, value);
    }

    public long fsBase() {
        return memory.get(LONG, FS_BASE);
    }

    public void fsBase(long value) {
        memory.set(LONG, FS_BASE, value);
    }

    public long gsBase() {
        return memory.get(LONG, GS_BASE);
    }

    public void gsBase(long value) {
        memory.set(LONG, GS_BASE, value);
    }

    /**
     * A 64-bit quarter of a YMM register.
     *
     * @param n    register, 0 to 15
     * @param part 0 for bits 63:0 to 3 for bits 255:192
     * @return the bits
     */
    public long ymm(int n, int part) {
        return memory.get(LONG, ymmOffset(n, part));
    }

    public void ymm(int n, int part, long value) {
        memory.set(LONG, ymmOffset(n, part), value);
    }

    private static long ymmOffset(int n, int part) {
        return (part < 2 ? XMM : YMM_HIGH - 16) + 16L * n + 8L * part;
    }

    public int mxcsr() {
        return memory.get(INT, MXCSR);
    }

    /**
     * Sets MXCSR; bits above 15 are dropped, since XRSTOR refuses reserved ones.
     *
     * @param value exception flags, masks, rounding, FZ and DAZ
     */
    public void mxcsr(int value) {
        memory.set(INT, MXCSR, value & 0xffff);
    }

    public int fcw() {
        return memory.get(SHORT, XSAVE) & 0xffff;
    }

    public void fcw(int value) {
        memory.set(SHORT, XSAVE, (short) value);
    }

    public int fsw() {
        return memory.get(SHORT, XSAVE + 2) & 0xffff;
    }

    public void fsw(int value) {
        memory.set(SHORT, XSAVE + 2, (short) value);
    }

    /**
     * The x87 tag word in FXSAVE's short form.
     *
     * @return bit n is set if physical register n is not empty
     */
    public int tags() {
        return memory.get(ValueLayout.JAVA_BYTE, ABRIDGED_TAG) & 0xff;
    }

    public void tags(int value) {
        memory.set(ValueLayout.JAVA_BYTE, ABRIDGED_TAG, (byte) value);
    }

    /**
     * The 64-bit significand of ST(n); also MM((n + TOP) mod 8).
     *
     * @param n distance from the top of the stack, 0 to 7
     * @return significand with the explicit integer bit
     */
    public long stSignificand(int n) {
        return memory.get(LONG, ST + 16L * n);
    }

    /**
     * Sign and exponent of ST(n).
     *
     * @param n distance from the top of the stack, 0 to 7
     * @return 16 bits
     */
    public int stExponent(int n) {
        return memory.get(SHORT, ST + 16L * n + 8) & 0xffff;
    }

    public void st(int n, int exponent, long significand) {
        memory.set(LONG, ST + 16L * n, significand);
        memory.set(SHORT, ST + 16L * n + 8, (short) exponent);
    }

    /**
     * A data segment selector after the run.
     *
     * @param index 0 ES, 3 DS, 4 FS, 5 GS (encoding order; 1 and 2 read as 0)
     * @return 16 bits
     */
    public int selector(int index) {
        return memory.get(SHORT, SEGMENTS + 2L * index) & 0xffff;
    }

    int vectorField() {
        return memory.get(INT, VECTOR);
    }

    void vectorField(int value) {
        memory.set(INT, VECTOR, value);
    }

    long errorCodeField() {
        return memory.get(LONG, ERROR_CODE);
    }

    long cr2Field() {
        return memory.get(LONG, CR2);
    }
}

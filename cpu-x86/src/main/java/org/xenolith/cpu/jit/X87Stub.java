package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.fpu.FpuContext;

/** The shared code that takes the guest's x87 registers to the host's stack and back, and that finds out what the host's x87 is like. */
final class X87Stub {
    /** How far RSP is below its usual place in code that is called. */
    private static final int CALLED = 8;
    private static final int ENVIRONMENT = NativeLayout.X87_ENVIRONMENT;

    private final HostAssembler a;

    X87Stub(HostAssembler a) {
        this.a = a;
    }

    /**
     * Puts the guest's x87 registers on the host's stack; changes RCX and R15, no flags. With TOP at 0 the physical registers are the
     * stack's; FLDENV then sets TOP, tags and status.
     */
    void load() {
        // fnstcw: Java's control word
        a.at(RSP, NativeLayout.HOST_X87 + CALLED).op(false, 0xd9, 7);
        for (int r = 7; r >= 0; r--) {
            physical(r, 5, CALLED);
        }
        word(0x8b, CpuState.FCW + CALLED, RCX);
        a.store(RSP, ENVIRONMENT + CALLED, RCX);
        word(0x8b, CpuState.FTOP + CALLED, RCX);
        a.pdep(RCX, RCX, RSP, NativeLayout.MASK_TOP + CALLED);
        word(0x8b, CpuState.FSW + CALLED, R15);
        a.lea(RCX, RCX, R15, 0, 0);
        a.store(RSP, ENVIRONMENT + CALLED + 4, RCX);
        // a register's two tag bits are 00 when it is valid, 11 when it is empty
        word(0x8b, CpuState.FTW + CALLED, RCX);
        a.pdep(RCX, RCX, RSP, NativeLayout.MASK_TAGS + CALLED);
        a.lea(RCX, RCX, RCX, 1, 0);
        a.reg(RCX).op(true, 0xf7, 2);
        a.store(RSP, ENVIRONMENT + CALLED + 8, RCX);
        a.at(RSP, ENVIRONMENT + CALLED).op(false, 0xd9, 4);
        a.movImm(RCX, 0);
        a.store(RSP, NativeLayout.X87_ABSENT + CALLED, RCX);
        a.b(0xc3);
    }

    /** Stores the guest's x87 registers where they are on the host's stack, which is then empty again; RAX, RDX and flags are lost. */
    void store() {
        // cmp qword [X87_ABSENT], 0
        a.at(RSP, NativeLayout.X87_ABSENT).op(true, 0x83, 7);
        a.b(0);
        int absent = a.jcc(5);
        a.at(RSP, ENVIRONMENT).op(false, 0xd9, 6);
        // movzx eax, word [status]; TOP apart
        a.at(RSP, ENVIRONMENT + 4).op(0, false, 1, 0xb7, RAX, false);
        a.pext(RDX, RAX, RSP, NativeLayout.MASK_TOP);
        word(0x89, CpuState.FTOP, RDX);
        a.b(0x25);
        a.d(0xc7ff);
        word(0x89, CpuState.FSW, RAX);
        // not eax; mov edx, eax; shr edx, 1; or edx, eax: a tag that is not 11 leaves a 1 in its low bit
        a.at(RSP, ENVIRONMENT + 8).op(0, false, 1, 0xb7, RAX, false);
        a.reg(RAX).op(false, 0xf7, 2);
        a.mov32(RDX, RAX);
        a.reg(RDX).op(false, 0xd1, 5);
        a.reg(RDX).op(false, 0x09, RAX);
        a.pext(RDX, RDX, RSP, NativeLayout.MASK_TAGS);
        word(0x89, CpuState.FTW, RDX);
        // Java's environment with TOP 0 and all registers valid, so that the contents of empty ones are stored too
        a.at(RSP, NativeLayout.HOST_X87).op(false, 0xd9, 4);
        for (int r = 0; r < 8; r++) {
            physical(r, 7, 0);
        }
        a.at(RSP, NativeLayout.X87_ABSENT).op(true, 0xc7, 0);
        a.d(1);
        a.bind32(absent);
    }

    /** FLD (digit 5) or FSTP (7) of a physical register's place in the state. */
    private void physical(int register, int digit, int pushed) {
        a.at(RSP, NativeLayout.field(CpuState.FPR + 16 * register) + pushed).op(false, 0xdb, digit);
    }

    /** A 32-bit MOV from (8B) or to (89) a field of the state. */
    private void word(int opcode, int field, int register) {
        a.at(RSP, NativeLayout.field(field)).op(false, opcode, register);
    }

    // ---- what the host is like ----

    /**
     * {@code int f()}: the lower half is C1 after FLD ST(1) of an empty register onto a full stack; the upper half is 0 if the condition
     * codes that the manual calls undefined are left alone, as the interpreter does.
     */
    void probe() {
        x87(0xdbe3, 0xd9ee, 0xd9ee, 0xd9ee, 0xd9ee, 0xd9ee, 0xd9ee, 0xd9ee, 0xd9ee);
        // ffree st(1); fld st(1)
        x87(0xddc1, 0xd9c1);
        a.movImm(RDX, 0);
        codes(FpuContext.C1, 0);
        a.mov32(RCX, RDX);
        a.movImm(RDX, 0);
        // fldz; fld1; fchs; fxam: a negative number; fcmovnb st, st(0) with CF clear
        x87(0xdbe3, 0xd9ee, 0xd9e8, 0xd9e0, 0xd9e5, 0xdbc0);
        codes(FpuContext.C3 | FpuContext.C2 | FpuContext.C1 | FpuContext.C0, FpuContext.C2 | FpuContext.C1);
        // fadd st, st(1); fxch st(1); fincstp; fdecstp; fld1; fstp st(1); fcomi st, st(0)
        x87(0xd8c1, 0xd9c9, 0xd9f7, 0xd9f6, 0xd9e8, 0xddd9, 0xdbf0);
        codes(FpuContext.C3 | FpuContext.C2 | FpuContext.C0, FpuContext.C2);
        // fxam of an empty register; fld1; fld st(0); fmulp; fsqrt; frndint; fst st(1); fabs
        x87(0xdbe3, 0xd9e5, 0xd9e8, 0xd9c0, 0xdec9, 0xd9fa, 0xd9fc, 0xddd1, 0xd9e1);
        codes(FpuContext.C3 | FpuContext.C2 | FpuContext.C1 | FpuContext.C0, FpuContext.C3 | FpuContext.C0);
        a.b(0xdb, 0xe3);
        // shl edx, 16; lea eax, [rcx + rdx]
        a.reg(RDX).op(false, 0xc1, 4);
        a.b(16);
        a.lea(RAX, RCX, RDX, 0, 0);
        a.b(0xc3);
    }

    private void x87(int... instructions) {
        for (int i : instructions) {
            a.b(i >> 8, i & 0xff);
        }
    }

    /** Adds to EDX what differs from the expected condition codes. */
    private void codes(int mask, int expected) {
        a.b(0xdf, 0xe0);
        // xor eax, expected; and eax, mask; or edx, eax
        a.b(0x35);
        a.d(expected);
        a.b(0x25);
        a.d(mask);
        a.reg(RDX).op(false, 0x09, RAX);
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.R9;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDI;
import static org.xenolith.cpu.jit.HostAssembler.RSI;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;

/**
 * REP MOVS and REP STOS upwards in the code's own address size: pieces that lie in one page each, done by the host's own string instruction, within
 * the budget. The block has no other instruction, so its head has taken 1 off the budget.
 */
final class StringLowering {
    private static final int CMOVA = 0x47;

    private final BlockEmitter e;
    private final HostAssembler a;

    StringLowering(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    boolean emit(Insn i) {
        boolean moves = i.def().mnemonic().equals("MOVS");
        if (i.addressBits() != e.codeBits() || moves && BlockEmitter.hasBase(i)) {
            return false;
        }
        int bytes = i.bits() >>> 3;
        int scale = Integer.numberOfTrailingZeros(bytes);
        upwards();
        if (i.rep() == 0) {
            single(i, moves, bytes, scale);
            return true;
        }
        int nothing = count();
        int again = a.size();
        access(moves, bytes);
        if (!e.code64()) {
            a.mov32(R10, R10);
        }
        e.keepFlagsAndRax();
        // n = min(count, budget, what fits in the page or pages)
        fits(RCX, RDI, scale);
        if (moves) {
            fits(RAX, RSI, scale);
            atMost(RAX);
        }
        atMost(R10);
        a.mov(RAX, R9);
        a.reg(RAX).op(true, 0xf7, 3);
        atMost(RAX);
        a.reg(R10).op(e.code64(), 0x29, RCX);
        a.reg(R9).op(true, 0x01, RCX);
        a.load(RAX, RSP, NativeLayout.SCRATCH);
        a.store(RSP, NativeLayout.STRING_COUNT, RCX);
        host(i, moves, bytes, true);
        a.load(RCX, RSP, NativeLayout.STRING_COUNT);
        advance(moves, scale);
        e.restoreFlags();
        a.bind8(goOn(again));
        // the head took one already
        a.lea(R9, R9, -1);
        a.bind32(nothing);
        return true;
    }

    /** Only upwards; the rest is the interpreter's. */
    private void upwards() {
        a.load(RCX, RSP, NativeLayout.field(CpuState.SYSTEM_FLAGS));
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_DF);
        e.stepUnless0();
    }

    /** Returns the site of a jump for a count of 0. */
    private int count() {
        a.reg(R10).op(e.code64(), 0x8b, RCX);
        int zero = a.jrcxz();
        int go = a.jmp();
        a.bind8(zero);
        if (!e.code64()) {
            // a count of 0 is written as well
            a.mov32(R10, R10);
        }
        int nothing = a.jmp();
        a.bind32(go);
        return nothing;
    }

    /** Goes back to {@code again}, or leaves when the budget is used up; returns the site of a short jump for no count left. */
    private int goOn(int again) {
        a.mov(RCX, R10);
        int done = a.jrcxz();
        a.shrx(RCX, R9, RSP);
        int spent = a.jrcxz();
        a.b(0xe9);
        a.d(again - (a.size() + 4));
        a.bind8(spent);
        e.exit(a.jmp(), ExitKind.BUDGET);
        return done;
    }

    /** LODS, and SCAS and CMPS with or without a prefix, upwards, element by element. */
    boolean scan(Insn i) {
        boolean loads = i.def().mnemonic().equals("LODS");
        boolean compares = i.def().mnemonic().equals("CMPS");
        if (i.addressBits() != e.codeBits() || (loads || compares) && BlockEmitter.hasBase(i)
                || loads && i.rep() != 0) {
            return false;
        }
        upwards();
        if (loads) {
            e.checkAt(RSI, 0, i.bits() >>> 3, false);
            element(i, 0x8a, RAX);
            e.sum(RSI, RSI, i.bits() >>> 3);
            return true;
        }
        if (i.rep() == 0) {
            compare(i, compares);
            return true;
        }
        int nothing = count();
        int again = a.size();
        compare(i, compares);
        e.sum(R10, R10, -1);
        a.lea(R9, R9, 1);
        // REPNE ends at an equal element, REPE at one that is not
        int stop = a.jcc(i.rep() == 0xf2 ? 4 : 5);
        a.bind8(goOn(again));
        a.bind32(stop);
        a.lea(R9, R9, -1);
        a.bind32(nothing);
        return true;
    }

    /** One element of SCAS or CMPS; only its comparison changes flags. */
    private void compare(Insn i, boolean compares) {
        int bytes = i.bits() >>> 3;
        if (compares) {
            e.checkAt(RSI, 0, bytes, false);
            element(i, 0x8a, R15);
            a.store(RSP, NativeLayout.SCRATCH, R15);
        }
        e.checkAt(RDI, 0, bytes, false);
        if (compares) {
            e.freeRcx();
            a.load(RCX, RSP, NativeLayout.SCRATCH);
            e.sum(RSI, RSI, bytes);
        }
        element(i, 0x3a, compares ? RCX : RAX);
        e.sum(RDI, RDI, bytes);
        e.flags(i.def().flagsWritten(), 0);
    }

    /** An instruction on the checked element: its byte form's opcode. */
    private void element(Insn i, int opcode, int register) {
        int bits = i.bits();
        e.memory().op(bits == 16 ? 0x66 : 0, bits == 64, 0, opcode | (bits > 8 ? 1 : 0), register, false);
    }

    private void single(Insn i, boolean moves, int bytes, int scale) {
        access(moves, bytes);
        host(i, moves, bytes, false);
        a.movImm(RCX, 1);
        advance(moves, scale);
    }

    /** Checks the first element of source and destination; their host addresses go to STRING_SOURCE and R15. */
    private void access(boolean moves, int bytes) {
        if (moves) {
            e.checkAt(RSI, 0, bytes, false);
            e.hostAddress();
            a.store(RSP, NativeLayout.STRING_SOURCE, R15);
        }
        e.checkAt(RDI, 0, bytes, true);
        e.hostAddress();
    }

    /** The host's string instruction on the addresses of {@link #access}. */
    private void host(Insn i, boolean moves, int bytes, boolean rep) {
        a.store(RSP, NativeLayout.STRING_RDI, RDI);
        a.mov(RDI, R15);
        if (moves) {
            a.store(RSP, NativeLayout.STRING_RSI, RSI);
            a.load(RSI, RSP, NativeLayout.STRING_SOURCE);
        }
        if (rep) {
            a.b(0xf3);
        }
        if (bytes == 2) {
            a.b(0x66);
        } else if (bytes == 8) {
            a.b(0x48);
        }
        a.b((moves ? 0xa4 : 0xaa) | (bytes > 1 ? 1 : 0));
    }

    /** The guest's index registers, RCX elements on. */
    private void advance(boolean moves, int scale) {
        a.load(RDI, RSP, NativeLayout.STRING_RDI);
        e.sum(RDI, RDI, RCX, scale, 0);
        if (moves) {
            a.load(RSI, RSP, NativeLayout.STRING_RSI);
            e.sum(RSI, RSI, RCX, scale, 0);
        }
    }

    private void fits(int to, int address, int scale) {
        a.mov32(to, address);
        // or to, -4096; neg to
        a.reg(to).op(false, 0x81, 1);
        a.d(-4096);
        a.reg(to).op(false, 0xf7, 3);
        if (scale > 0) {
            a.reg(to).op(false, 0xc1, 5);
            a.b(scale);
        }
    }

    /** rcx = min(rcx, other), unsigned. */
    private void atMost(int other) {
        a.reg(other).op(true, 0x3b, RCX);
        a.reg(other).op(0, true, 1, CMOVA, RCX, false);
    }
}

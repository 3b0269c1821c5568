package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.R9;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RBP;
import static org.xenolith.cpu.jit.HostAssembler.RBX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDI;
import static org.xenolith.cpu.jit.HostAssembler.RDX;
import static org.xenolith.cpu.jit.HostAssembler.RSI;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;

/**
 * The code around every run of emitted code: {@code int enter(long state, long code)} loads the guest's registers and jumps; leaving stores
 * them and returns the exit's number, which is in ECX.
 */
final class EntryStub {
    /** Saved by the ABI's callee. */
    private static final int[] SAVED = {RBX, RBP, 12, 13, 14, R15};
    /** Guest registers that are pinned to a host register, but RAX. */
    private static final int[] PINNED = {1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14};

    /** How far RSP is below its usual place in code that is called. */
    private static final int CALLED = 8;
    private static final int ENVIRONMENT = NativeLayout.X87_ENVIRONMENT;

    private final HostAssembler a = new HostAssembler();
    private final int leave;
    private final int loadX87;
    private final int probe;

    EntryStub() {
        int load = enter();
        loadX87 = a.size();
        a.bind32(load);
        loadX87();
        leave = a.size();
        leave();
        probe = a.size();
        probe();
    }

    byte[] bytes() {
        return a.bytes();
    }

    /** Offset of the code that leaves; entry is at 0. */
    int leaveOffset() {
        return leave;
    }

    /** Offset of the code that is called to put the guest's x87 registers on the host's stack. */
    int loadX87Offset() {
        return loadX87;
    }

    /** Offset of a function that tells what the host's FLD ST(i) does: 0 when it looks at its source first. */
    int probeOffset() {
        return probe;
    }

    /** @return where the call of the x87 loader has its displacement */
    private int enter() {
        for (int r : SAVED) {
            if (r >= 8) {
                a.b(0x41);
            }
            a.b(0x50 | r & 7);
        }
        a.store(RDI, CpuState.NATIVE, RSP);
        a.at(RDI, CpuState.NATIVE + 8).op(0, false, 1, 0xae, 3, false);
        a.lea(RSP, RDI, NativeLayout.BIAS);
        a.store(RSP, NativeLayout.TARGET, RSI);
        for (int v = 0; v < 16; v++) {
            vector(v, 0x6f);
        }
        a.at(RSP, NativeLayout.field(CpuState.MXCSR)).op(0, false, 1, 0xae, 2, false);
        a.load(R9, RSP, NativeLayout.BUDGET);
        for (int g : PINNED) {
            a.load(BlockEmitter.host(g), RSP, NativeLayout.slot(g));
        }
        a.load(RAX, RSP, NativeLayout.FLAGS);
        a.flagsFromAx();
        a.load(RAX, RSP, NativeLayout.slot(0));
        // the return address goes over the slots of RAX and RCX, which are free while emitted code runs
        a.load(RCX, RSP, NativeLayout.X87_ENTER);
        int no = a.jrcxz();
        a.b(0xe8);
        a.d(0);
        int load = a.size() - 4;
        a.bind8(no);
        a.at(RSP, NativeLayout.TARGET).op(false, 0xff, 4);
        return load;
    }

    private void leave() {
        a.store(RSP, NativeLayout.slot(0), RAX);
        a.flagsToAx();
        a.store(RSP, NativeLayout.FLAGS, RAX);
        a.store(RSP, NativeLayout.ADDRESS, R15);
        a.store(RSP, NativeLayout.BUDGET, R9);
        for (int g : PINNED) {
            a.store(RSP, NativeLayout.slot(g), BlockEmitter.host(g));
        }
        for (int v = 0; v < 16; v++) {
            vector(v, 0x7f);
        }
        a.at(RSP, NativeLayout.field(CpuState.MXCSR)).op(0, false, 1, 0xae, 3, false);
        storeX87();
        // Java's code expects clean upper halves
        a.b(0xc5, 0xf8, 0x77);
        a.at(RSP, NativeLayout.HOST_MXCSR).op(0, false, 1, 0xae, 2, false);
        a.load(RSP, RSP, NativeLayout.HOST_RSP);
        a.mov32(RAX, RCX);
        for (int k = SAVED.length - 1; k >= 0; k--) {
            if (SAVED[k] >= 8) {
                a.b(0x41);
            }
            a.b(0x58 | SAVED[k] & 7);
        }
        a.b(0xc3);
    }

    // ---- x87 ----

    /**
     * Puts the guest's x87 registers on the host's stack; changes RCX and R15, no flags. With TOP at 0 the physical registers are the
     * stack's; FLDENV then sets TOP, tags and status.
     */
    private void loadX87() {
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
    private void storeX87() {
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

    /** {@code int f()}: C1 after FLD ST(1) of an empty register onto a full stack. */
    private void probe() {
        a.b(0xdb, 0xe3);
        for (int n = 0; n < 8; n++) {
            a.b(0xd9, 0xee);
        }
        a.b(0xdd, 0xc1);
        a.b(0xd9, 0xc1);
        a.b(0xdf, 0xe0);
        a.b(0xdb, 0xe3);
        a.b(0x25);
        a.d(0x200);
        a.b(0xc3);
    }

    /** VMOVDQU ymm, [state] or back. */
    private void vector(int v, int opcode) {
        a.at(RSP, NativeLayout.field(CpuState.YMM + v * CpuState.YMM_SIZE)).vex(2, false, true, 1, opcode, v, 0);
    }
}

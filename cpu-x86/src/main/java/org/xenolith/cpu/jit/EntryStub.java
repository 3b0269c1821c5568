package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.R9;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RBP;
import static org.xenolith.cpu.jit.HostAssembler.RBX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDI;
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

    private final HostAssembler a = new HostAssembler();
    private final int leave;

    EntryStub() {
        enter();
        leave = a.size();
        leave();
    }

    byte[] bytes() {
        return a.bytes();
    }

    /** Offset of the code that leaves; entry is at 0. */
    int leaveOffset() {
        return leave;
    }

    private void enter() {
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
        a.at(RSP, NativeLayout.TARGET).op(false, 0xff, 4);
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

    /** VMOVDQU ymm, [state] or back. */
    private void vector(int v, int opcode) {
        a.at(RSP, NativeLayout.field(CpuState.YMM + v * CpuState.YMM_SIZE)).vex(2, false, true, 1, opcode, v, 0);
    }
}

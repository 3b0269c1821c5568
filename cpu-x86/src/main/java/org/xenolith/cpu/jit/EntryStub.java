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
    private final int loadX87;
    private final int probeX87;

    EntryStub() {
        X87Stub x87 = new X87Stub(a);
        int load = enter();
        loadX87 = a.size();
        a.bind32(load);
        x87.load();
        leave = a.size();
        leave(x87);
        probeX87 = a.size();
        x87.probe();
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

    /** Offset of a function without arguments whose result {@link HostX87} is made from. */
    int probeX87Offset() {
        return probeX87;
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

    private void leave(X87Stub x87) {
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
        x87.store();
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

package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R11;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;

/** System instructions that a kernel executes all the time and that need nothing of the machine around the CPU. */
final class SystemLowering {
    private static final int SYSTEM_FLAGS = NativeLayout.field(CpuState.SYSTEM_FLAGS);
    private static final int GS_BASE = NativeLayout.field(CpuState.SEGMENT + CpuState.GS * CpuState.SEGMENT_SIZE);
    private static final int KERNEL_GS_BASE = NativeLayout.field(CpuState.KERNEL_GS_BASE);

    private final BlockEmitter e;
    private final HostAssembler a;

    SystemLowering(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    static boolean atCpl0(int mode) {
        return (Mode.denied(mode) & InsnDef.NEEDS_CPL0) == 0;
    }

    /** In long mode there is no VM flag, and emitted code does not run with RF set, so the image is the flags as they are. */
    boolean pushf(Insn i) {
        if (i.operandBits() != 64) {
            return false;
        }
        e.settleFlags();
        a.lea(R15, R11, -8);
        e.check(R15, 8, true, 1);
        e.foldAddress();
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.b(0x9f);
        a.b(0x0f, 0x90, 0xc0);
        a.store(RSP, NativeLayout.STRING_FLAGS, RAX);
        // movzx ecx, ah; movzx eax, al; shl eax, 11; or ecx, eax; or rcx, [system flags]
        a.b(0x0f, 0xb6, 0xcc);
        a.b(0x0f, 0xb6, 0xc0);
        a.reg(RAX).op(false, 0xc1, 4);
        a.b(11);
        a.reg(RCX).op(false, 0x09, RAX);
        a.at(RSP, SYSTEM_FLAGS).op(true, 0x0b, RCX);
        e.memory().op(true, 0x89, RCX);
        a.load(RAX, RSP, NativeLayout.STRING_FLAGS);
        a.b(0x04, 0x7f);
        a.b(0x9e);
        a.load(RAX, RSP, NativeLayout.SCRATCH);
        a.lea(R11, R11, -8);
        return true;
    }

    boolean cli(int mode) {
        if (!atCpl0(mode)) {
            return false;
        }
        clearInterruptFlag();
        a.store(RSP, SYSTEM_FLAGS, RCX);
        return true;
    }

    private void clearInterruptFlag() {
        a.load(RCX, RSP, SYSTEM_FLAGS);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_NOT_IF);
        a.pdep(RCX, RCX, RSP, NativeLayout.MASK_NOT_IF);
    }

    /**
     * With no interrupt waiting the shadow of STI cannot be seen, as long as the block goes on: its head has made sure that nothing falls
     * due before its end.
     */
    boolean sti(int mode, boolean last) {
        if (!atCpl0(mode) || last) {
            return false;
        }
        a.load(RCX, RSP, NativeLayout.EVENTS);
        int quiet = a.jrcxz();
        e.step();
        a.bind8(quiet);
        clearInterruptFlag();
        a.lea(RCX, RCX, Flags.IF);
        a.store(RSP, SYSTEM_FLAGS, RCX);
        return true;
    }

    boolean swapgs() {
        a.load(RCX, RSP, GS_BASE);
        a.load(R15, RSP, KERNEL_GS_BASE);
        a.store(RSP, GS_BASE, R15);
        a.store(RSP, KERNEL_GS_BASE, RCX);
        return true;
    }

    /** MOV of a selector to a general register, or to 16 bits of memory. */
    boolean fromSegment(Insn i) {
        Operand to = i.op0();
        int selector = NativeLayout.field(
                CpuState.SEGMENT + i.op1().reg() * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_SELECTOR);
        if (i.op1().reg() > CpuState.GS) {
            return false;
        }
        if (to.kind() == Operand.Kind.MEM) {
            e.check(i, 2, true, 1);
            e.foldAddress();
            a.at(RSP, selector).op(false, 0x8b, RCX);
            e.memory().op(0x66, false, 0, 0x89, RCX, false);
            return true;
        }
        if (to.bits() == 16) {
            return false;
        }
        a.at(RSP, selector).op(false, 0x8b, RCX);
        e.define(to.reg(), RCX);
        return true;
    }

    /** STAC and CLAC as far as RFLAGS.AC goes. */
    boolean access(int mode, boolean set) {
        if (!atCpl0(mode)) {
            return false;
        }
        a.load(RCX, RSP, SYSTEM_FLAGS);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_NOT_AC);
        a.pdep(RCX, RCX, RSP, NativeLayout.MASK_NOT_AC);
        if (set) {
            a.lea(RCX, RCX, Flags.AC);
        }
        a.store(RSP, SYSTEM_FLAGS, RCX);
        return true;
    }

    /** FNSTCW: 16 bits of the state to memory. */
    boolean storeControlWord(Insn i) {
        e.check(i, 2, true, 1);
        e.foldAddress();
        a.at(RSP, NativeLayout.field(CpuState.FCW)).op(false, 0x8b, RCX);
        e.memory().op(0x66, false, 0, 0x89, RCX, false);
        return true;
    }
}

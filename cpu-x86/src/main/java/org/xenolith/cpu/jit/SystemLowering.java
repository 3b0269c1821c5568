package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R11;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.R9;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RDX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.cpu.decode.Insn;
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

    /** There is no VM flag here, and emitted code does not run with RF set, so the image is the flags as they are. */
    boolean pushf(Insn i) {
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        e.settleFlags();
        e.checkAt(R11, -e.stackBytes(), e.stackBytes(), true);
        e.freeRcx();
        e.keepFlags();
        flagsToRcx();
        e.memory().op(e.code64(), 0x89, RCX);
        a.load(RAX, RSP, NativeLayout.SCRATCH);
        e.restoreFlags();
        e.sum(R11, R11, -e.stackBytes());
        return true;
    }

    /** DF is clear already, or the interpreter clears it. */
    boolean cld() {
        a.load(RCX, RSP, SYSTEM_FLAGS);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_DF);
        e.stepUnless0();
        return true;
    }

    boolean cli(int mode) {
        if (!Mode.supervisor(mode)) {
            return false;
        }
        systemFlagsWithout(NativeLayout.MASK_NOT_IF);
        a.store(RSP, SYSTEM_FLAGS, RCX);
        return true;
    }

    /** RFLAGS but its arithmetic flags into RCX, with the bits clear that a mask lacks. */
    private void systemFlagsWithout(int mask) {
        a.load(RCX, RSP, SYSTEM_FLAGS);
        a.pext(RCX, RCX, RSP, mask);
        a.pdep(RCX, RCX, RSP, mask);
    }

    /**
     * With no interrupt waiting the shadow of STI cannot be seen, as long as the block goes on: its head has made sure that nothing falls
     * due before its end.
     */
    boolean sti(int mode, boolean last) {
        if (!Mode.supervisor(mode) || last) {
            return false;
        }
        a.load(RCX, RSP, NativeLayout.EVENTS);
        e.stepUnless0();
        systemFlagsWithout(NativeLayout.MASK_NOT_IF);
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
            e.freeRcx();
            a.at(RSP, selector).op(false, 0x8b, RCX);
            e.memory().op(0x66, false, 0, 0x89, RCX, false);
            return true;
        }
        a.at(RSP, selector).op(false, 0x8b, RCX);
        if (to.bits() == 16) {
            int home = BlockEmitter.host(to.reg());
            HostAssembler target = home < 0 ? a.at(RSP, NativeLayout.slot(to.reg())) : a.reg(home);
            target.op(0x66, false, 0, 0x89, RCX, false);
            return true;
        }
        e.define(to.reg(), RCX);
        return true;
    }

    /** STAC and CLAC as far as RFLAGS.AC goes. */
    boolean access(int mode, boolean set) {
        if (!Mode.supervisor(mode)) {
            return false;
        }
        systemFlagsWithout(NativeLayout.MASK_NOT_AC);
        if (set) {
            a.lea(RCX, RCX, Flags.AC);
        }
        a.store(RSP, SYSTEM_FLAGS, RCX);
        return true;
    }

    /** FNSTCW: 16 bits of the state to memory. */
    boolean storeControlWord(Insn i) {
        e.check(i, 2, true, 1);
        e.freeRcx();
        a.at(RSP, NativeLayout.field(CpuState.FCW)).op(false, 0x8b, RCX);
        e.memory().op(0x66, false, 0, 0x89, RCX, false);
        return true;
    }

    /** RDTSC and RDTSCP where one instruction is one tick. */
    boolean timeStamp(Insn i, int mode, int blockLength) {
        if (!Mode.timeStampAllowed(mode)) {
            return false;
        }
        a.load(RCX, RSP, NativeLayout.TSC_BASE);
        int unknown = a.jrcxz();
        int known = a.jmp();
        a.bind8(unknown);
        e.step();
        a.bind32(known);
        // base - (budget + what the head took for this instruction and those behind it)
        a.lea(RCX, RCX, R9, 0, 1 - (blockLength - e.index()));
        a.mov32(RAX, RCX);
        upperHalf(RDX, RCX);
        if (i.def().mnemonic().equals("RDTSCP")) {
            a.load(R10, RSP, NativeLayout.field(CpuState.TSC_AUX));
        }
        return true;
    }

    /** to = from >>> 32, by RORX. */
    private void upperHalf(int to, int from) {
        a.reg(from).vex(3, true, false, 3, 0xf0, to, 0);
        a.b(32);
        a.mov32(to, to);
    }

    /** SYSCALL in 64-bit mode, unless RFLAGS.AC is set. */
    boolean syscall(int mode, int after) {
        if (!Mode.systemCalls(mode)) {
            return false;
        }
        e.settleFlags();
        a.load(RCX, RSP, SYSTEM_FLAGS);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_AC);
        e.stepUnless0();
        flagsToRcx();
        a.store(RSP, NativeLayout.slot(11), RCX);
        // mov rax, [FMASK]; not rax; and rcx, rax
        a.load(RAX, RSP, NativeLayout.field(CpuState.FMASK));
        a.reg(RAX).op(true, 0xf7, 2);
        a.reg(RAX).op(true, 0x23, RCX);
        flagsFromRcx();
        a.movImm(R10, e.nextRip());
        a.load(RCX, RSP, NativeLayout.field(CpuState.STAR));
        upperHalf(RCX, RCX);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_SELECTOR);
        a.at(-1, RCX, 2, 0).op(true, 0x8d, RCX);
        segments(0, 8, 0);
        a.load(R15, RSP, NativeLayout.field(CpuState.LSTAR));
        jump(after);
        return true;
    }

    /** SYSRET to 64-bit code in the lower half, with no flag that asks for a look between instructions, and no interrupt waiting. */
    boolean sysret(Insn i, int mode, int after) {
        if (!i.rexW() || !Mode.systemCalls(mode) || !Mode.supervisor(mode)) {
            return false;
        }
        a.load(RCX, RSP, NativeLayout.slot(11));
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_TF_AC);
        e.stepUnless0();
        a.pext(RCX, R10, RSP, NativeLayout.MASK_UPPER);
        e.stepUnless0();
        a.load(RCX, RSP, NativeLayout.EVENTS);
        e.stepUnless0();
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.load(RCX, RSP, NativeLayout.slot(11));
        // and ecx, imm32
        a.reg(RCX).op(false, 0x81, 4);
        a.d((int) FlatSegments.SYSRET_FLAGS);
        flagsFromRcx();
        a.load(RCX, RSP, NativeLayout.field(CpuState.STAR));
        a.reg(RCX).vex(3, true, false, 3, 0xf0, RCX, 0);
        a.b(48);
        // movzx ecx, cx
        a.b(0x0f, 0xb7, 0xc9);
        segments(16, 8, 3);
        a.mov(R15, R10);
        jump(after);
        return true;
    }

    /** RFLAGS into RCX; RAX is kept in SCRATCH and lost. */
    private void flagsToRcx() {
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.flagsToAx();
        // movzx ecx, ah; movzx eax, al; shl eax, 11; or ecx, eax; or rcx, [system flags]
        a.b(0x0f, 0xb6, 0xcc);
        a.b(0x0f, 0xb6, 0xc0);
        a.reg(RAX).op(false, 0xc1, 4);
        a.b(11);
        a.reg(RCX).op(false, 0x09, RAX);
        a.at(RSP, SYSTEM_FLAGS).op(true, 0x0b, RCX);
    }

    /** RFLAGS from RCX, as Cpu.setRflags does; RAX comes back from SCRATCH. */
    private void flagsFromRcx() {
        a.mov32(RAX, RCX);
        a.reg(RAX).op(false, 0x81, 4);
        a.d(CpuState.SYSTEM_FLAG_BITS);
        a.reg(RAX).op(false, 0x83, 1);
        a.b(Flags.FIXED);
        a.store(RSP, SYSTEM_FLAGS, RAX);
        // mov eax, ecx; shr eax, 11; and eax, 1; mov ah, cl
        a.mov32(RAX, RCX);
        a.reg(RAX).op(false, 0xc1, 5);
        a.b(11);
        a.reg(RAX).op(false, 0x83, 4);
        a.b(1);
        a.b(0x88, 0xcc);
        a.flagsFromAx();
        a.load(RAX, RSP, NativeLayout.SCRATCH);
    }

    /** CS and SS from RCX plus offsets, with requested privilege {@code ring}; flags stay. */
    private void segments(int code, int stack, int ring) {
        int attributes = ring == 3 ? FlatSegments.RING3 : 0;
        selector(CpuState.CS, code, ring, FlatSegments.CODE64 | attributes);
        selector(CpuState.SS, stack, ring, FlatSegments.DATA | attributes);
    }

    private void selector(int segment, int offset, int ring, int attributes) {
        int at = NativeLayout.field(CpuState.SEGMENT + segment * CpuState.SEGMENT_SIZE);
        a.lea(R15, RCX, offset);
        if (ring == 3) {
            // movzx r15d, r15w; then the RPL, which STAR may hold or not: clear by PEXT, set by LEA
            a.pext(R15, R15, RSP, NativeLayout.MASK_SELECTOR);
            a.at(-1, R15, 2, 3).op(true, 0x8d, R15);
        }
        a.at(RSP, at + CpuState.SEGMENT_SELECTOR).op(false, 0x89, R15);
        a.at(RSP, at + CpuState.SEGMENT_ATTRIBUTES).op(false, 0xc7, 0);
        a.d(attributes);
        a.at(RSP, at + CpuState.SEGMENT_BASE).op(true, 0xc7, 0);
        a.d(0);
        a.movImm(R15, FlatSegments.LIMIT);
        a.store(RSP, at + CpuState.SEGMENT_LIMIT, R15);
    }

    private void jump(int after) {
        e.flagsExact();
        e.rightsFrom(after);
        e.jumpLookup(ExitKind.JUMP);
        e.jumpThere();
    }

    /** RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE; a base that is not canonical is the interpreter's. */
    boolean segmentBase(Insn i, int mode) {
        if (!Mode.segmentBases(mode)) {
            return false;
        }
        String mnemonic = i.def().mnemonic();
        int segment = mnemonic.charAt(2) == 'F' ? CpuState.FS : CpuState.GS;
        int base = NativeLayout.field(CpuState.SEGMENT + segment * CpuState.SEGMENT_SIZE);
        boolean wide = i.op0().bits() == 64;
        if (mnemonic.startsWith("RD")) {
            a.at(RSP, base).op(wide, 0x8b, R15);
            e.define(i.op0().reg(), R15);
            return true;
        }
        int from = e.use(i.op0().reg(), R15);
        if (wide) {
            a.pext(RCX, from, RSP, NativeLayout.MASK_UPPER);
            e.stepUnless0();
            a.mov(R15, from);
        } else {
            a.mov32(R15, from);
        }
        a.store(RSP, base, R15);
        return true;
    }
}

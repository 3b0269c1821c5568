package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R11;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RBP;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.mmu.Mmu;

/**
 * Jumps, calls and the stack. A direct target on the block's own page is reached by a jump that is patched once the target is translated; any
 * other goes through the jump cache, whose entries exist only while the page's fetch translation does.
 */
final class BranchLowering {
    private final BlockEmitter e;
    private final HostAssembler a;
    private long page;
    private int takenSite;
    private int nextSite;

    BranchLowering(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    /** @param blockRip where the block starts; a block that reaches into the next page may chain nowhere */
    void begin(long blockRip, boolean crossing) {
        page = crossing ? 1 : blockRip & -4096L;
        takenSite = -1;
        nextSite = -1;
    }

    /** Offset of the displacement of the jump to the taken target, or -1. */
    int takenSite() {
        return takenSite;
    }

    int nextSite() {
        return nextSite;
    }

    /** The block is done (flags settled) and goes to a direct target. */
    void goTo(long target, boolean taken) {
        if (!near(target)) {
            e.jumpFar(target);
            return;
        }
        int site = a.jmp();
        e.exit(site, taken ? ExitKind.TAKEN : ExitKind.NEXT);
        if (taken) {
            takenSite = site;
        } else {
            nextSite = site;
        }
    }

    private boolean near(long target) {
        // at the page's end an instruction may reach into the next page: such a block is entered through the jump cache only
        return (target & -4096L) == page && (target & 0xfff) <= 4096 - Decoder.MAX_LENGTH;
    }

    /** A target in the code's own address size that no check can refuse. */
    private boolean reachable(Insn i, long target) {
        return i.operandBits() == e.codeBits() && Mmu.isCanonical(target);
    }

    boolean jcc(Insn i) {
        long target = e.target(e.nextRip() + i.imm());
        if (!reachable(i, target) || !Mmu.isCanonical(e.nextRip())) {
            return false;
        }
        int cc = i.def().opcode() & 15;
        e.settleFlags();
        if (near(target)) {
            takenSite = a.jcc(cc);
            e.exit(takenSite, ExitKind.TAKEN);
            goTo(e.nextRip(), false);
        } else {
            int skip = a.jcc(cc ^ 1);
            e.jumpFar(target);
            a.bind32(skip);
            goTo(e.nextRip(), false);
        }
        return true;
    }

    /** JCXZ, and LOOP, which counts RCX down first; both leave flags alone. */
    boolean jcxz(Insn i) {
        long target = e.target(e.nextRip() + i.imm());
        if (!reachable(i, target) || !Mmu.isCanonical(e.nextRip())) {
            return false;
        }
        e.settleFlags();
        boolean loop = i.def().mnemonic().equals("LOOP");
        boolean wide = i.addressBits() == 64;
        if (loop) {
            a.at(R10, -1).op(wide, 0x8d, R10);
        }
        a.reg(R10).op(wide, 0x8b, RCX);
        int zero = a.jrcxz();
        goTo(loop ? target : e.nextRip(), loop);
        a.bind8(zero);
        goTo(loop ? e.nextRip() : target, !loop);
        return true;
    }

    boolean jmp(Insn i) {
        if (i.op0().kind() == Operand.Kind.REL) {
            long target = e.target(e.nextRip() + i.imm());
            if (!reachable(i, target)) {
                return false;
            }
            e.settleFlags();
            goTo(target, true);
            return true;
        }
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        target(i);
        e.settleFlags();
        e.jumpLookup(ExitKind.INDIRECT);
        e.jumpThere();
        return true;
    }

    boolean call(Insn i) {
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        if (i.op0().kind() == Operand.Kind.REL) {
            long target = e.target(e.nextRip() + i.imm());
            if (!reachable(i, target)) {
                return false;
            }
            pushReturn();
            e.settleFlags();
            goTo(target, true);
            return true;
        }
        target(i);
        e.jumpLookup(ExitKind.INDIRECT);
        e.keepTarget();
        pushReturn();
        e.settleFlags();
        e.jumpKept();
        return true;
    }

    boolean ret(Insn i) {
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        e.checkAt(R11, 0, e.stackBytes(), false);
        e.memory().op(e.code64(), 0x8b, R15);
        // the exit on a miss is at the instruction's start, with flags as they are; settled only on the way on
        e.settleFlags();
        e.jumpLookup(ExitKind.INDIRECT);
        e.sum(R11, R11, e.stackBytes() + (i.operandCount() == 0 ? 0 : (int) i.imm() & 0xffff));
        e.jumpThere();
        return true;
    }

    /** The target of an indirect branch into R15. */
    private void target(Insn i) {
        if (i.op0().kind() == Operand.Kind.MEM) {
            e.check(i, e.stackBytes(), false, 1);
            e.memory().op(e.code64(), 0x8b, R15);
        } else {
            a.reg(e.use(i.op0().reg(), R15)).op(e.code64(), 0x8b, R15);
        }
    }

    private void pushReturn() {
        long next = e.nextRip();
        checkPush();
        if (next == (int) next || !e.code64()) {
            e.memory().op(e.code64(), 0xc7, 0);
            a.d((int) next);
        } else {
            e.freeRcx();
            a.movImm(RCX, next);
            e.memory().op(true, 0x89, RCX);
        }
        pushed();
    }

    /** Checks the place below the top of the stack. */
    private void checkPush() {
        e.checkAt(R11, -e.stackBytes(), e.stackBytes(), true);
    }

    private void pushed() {
        e.sum(R11, R11, -e.stackBytes());
    }

    boolean push(Insn i) {
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        boolean wide = e.code64();
        switch (i.op0().kind()) {
            case GPR -> {
                int h = BlockEmitter.host(i.op0().reg());
                checkPush();
                if (h < 0) {
                    e.freeRcx();
                    a.load(RCX, RSP, NativeLayout.slot(i.op0().reg()));
                    h = RCX;
                }
                e.memory().op(wide, 0x89, h);
            }
            case IMM -> {
                checkPush();
                e.memory().op(wide, 0xc7, 0);
                a.d((int) i.imm());
            }
            case MEM -> {
                e.check(i, e.stackBytes(), false, 1);
                e.memory().op(wide, 0x8b, R15);
                a.store(RSP, NativeLayout.SCRATCH, R15);
                checkPush();
                e.freeRcx();
                a.load(RCX, RSP, NativeLayout.SCRATCH);
                e.memory().op(wide, 0x89, RCX);
            }
            default -> {
                return false;
            }
        }
        pushed();
        return true;
    }

    boolean pop(Insn i) {
        if (i.operandBits() != e.codeBits() || i.op0().kind() != Operand.Kind.GPR) {
            return false;
        }
        int g = i.op0().reg();
        int h = BlockEmitter.host(g);
        e.checkAt(R11, 0, e.stackBytes(), false);
        e.memory().op(e.code64(), 0x8b, h < 0 ? R15 : h);
        if (g != CpuState.RSP) {
            e.sum(R11, R11, e.stackBytes());
        }
        if (h < 0) {
            e.define(g, R15);
        }
        return true;
    }

    boolean leave(Insn i) {
        if (i.operandBits() != e.codeBits()) {
            return false;
        }
        e.checkAt(RBP, 0, e.stackBytes(), false);
        e.sum(R11, RBP, e.stackBytes());
        e.memory().op(e.code64(), 0x8b, RBP);
        return true;
    }
}

package org.xenolith.cpu.jit;

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
 * Jumps, calls and the stack in 64-bit mode. A direct target on the block's own page is reached by a jump that is patched once the target is translated; any
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

    boolean jcc(Insn i) {
        long target = e.nextRip() + i.imm();
        if (!Mmu.isCanonical(target) || !Mmu.isCanonical(e.nextRip())) {
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

    boolean jmp(Insn i) {
        if (i.op0().kind() == Operand.Kind.REL) {
            long target = e.nextRip() + i.imm();
            if (!Mmu.isCanonical(target)) {
                return false;
            }
            e.settleFlags();
            goTo(target, true);
            return true;
        }
        if (i.operandBits() != 64) {
            return false;
        }
        target(i);
        e.settleFlags();
        e.jumpLookup(ExitKind.INDIRECT);
        e.jumpThere();
        return true;
    }

    boolean call(Insn i) {
        if (i.operandBits() != 64) {
            return false;
        }
        if (i.op0().kind() == Operand.Kind.REL) {
            long target = e.nextRip() + i.imm();
            if (!Mmu.isCanonical(target)) {
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
        if (i.operandBits() != 64) {
            return false;
        }
        e.check(R11, 0, 8, false, 1);
        e.memory().op(true, 0x8b, R15);
        // the exit on a miss is at the instruction's start, with flags as they are; settled only on the way on
        e.settleFlags();
        e.jumpLookup(ExitKind.INDIRECT);
        a.lea(R11, R11, 8 + (i.operandCount() == 0 ? 0 : (int) i.imm() & 0xffff));
        e.jumpThere();
        return true;
    }

    /** The target of an indirect branch into R15. */
    private void target(Insn i) {
        if (i.op0().kind() == Operand.Kind.MEM) {
            e.check(i, 8, false, 1);
            e.memory().op(true, 0x8b, R15);
        } else {
            a.mov(R15, e.use(i.op0().reg(), R15));
        }
    }

    private void pushReturn() {
        long next = e.nextRip();
        e.check(R11, -8, 8, true, 1);
        if (next == (int) next) {
            e.memory().op(true, 0xc7, 0);
            a.d((int) next);
        } else {
            e.freeRcx();
            a.movImm(RCX, next);
            e.memory().op(true, 0x89, RCX);
        }
        a.lea(R11, R11, -8);
    }

    boolean push(Insn i) {
        if (i.operandBits() != 64) {
            return false;
        }
        switch (i.op0().kind()) {
            case GPR -> {
                int h = BlockEmitter.host(i.op0().reg());
                e.check(R11, -8, 8, true, 1);
                if (h < 0) {
                    e.freeRcx();
                    a.load(RCX, RSP, NativeLayout.slot(i.op0().reg()));
                    h = RCX;
                }
                e.memory().op(true, 0x89, h);
            }
            case IMM -> {
                e.check(R11, -8, 8, true, 1);
                e.memory().op(true, 0xc7, 0);
                a.d((int) i.imm());
            }
            case MEM -> {
                e.check(i, 8, false, 1);
                e.memory().op(true, 0x8b, R15);
                a.store(RSP, NativeLayout.SCRATCH, R15);
                e.check(R11, -8, 8, true, 1);
                e.freeRcx();
                a.load(RCX, RSP, NativeLayout.SCRATCH);
                e.memory().op(true, 0x89, RCX);
            }
            default -> {
                return false;
            }
        }
        a.lea(R11, R11, -8);
        return true;
    }

    boolean pop(Insn i) {
        if (i.operandBits() != 64 || i.op0().kind() != Operand.Kind.GPR) {
            return false;
        }
        int g = i.op0().reg();
        int h = BlockEmitter.host(g);
        e.check(R11, 0, 8, false, 1);
        e.memory().op(true, 0x8b, h < 0 ? R15 : h);
        if (g != CpuState.RSP) {
            a.lea(R11, R11, 8);
        }
        if (h < 0) {
            e.define(g, R15);
        }
        return true;
    }

    boolean leave(Insn i) {
        if (i.operandBits() != 64) {
            return false;
        }
        e.check(RBP, 0, 8, false, 1);
        a.lea(R11, RBP, 8);
        e.memory().op(true, 0x8b, RBP);
        return true;
    }
}

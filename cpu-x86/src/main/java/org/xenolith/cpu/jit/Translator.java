package org.xenolith.cpu.jit;

import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;

/** Turns a block of 64-bit or flat 32-bit guest code into host code; see {@code docs/translator.md}. */
final class Translator {
    private final BlockEmitter e;
    private final CopyLowering copy;
    private final BranchLowering branches;
    private final SpecialLowering special;
    private final StringLowering strings;
    private final SystemLowering system;
    private final X87Lowering x87;
    private final Recipes recipes = new Recipes();
    private final AccessGroups groups = new AccessGroups(recipes);
    private final short[] undefined = new short[128];

    /** @param stub the fixed code, at the start of the cache */
    Translator(EntryStub stub, HostX87 host) {
        e = new BlockEmitter(stub.leaveOffset());
        copy = new CopyLowering(e);
        branches = new BranchLowering(e);
        special = new SpecialLowering(e);
        strings = new StringLowering(e);
        system = new SystemLowering(e);
        x87 = new X87Lowering(e, copy, stub.loadX87Offset(), host);
    }

    /**
     * Emits a block.
     *
     * @param t gets the instructions' offsets, the patchable sites and the links, all relative to its code
     * @param spoil make the first translated instruction that allows it go wrong: it counts up RAX
     * @return the emitter's buffer, of which {@link #size} bytes count
     */
    byte[] translate(Translation t, boolean spoil) {
        Insn[] insns = t.block.insns();
        int n = covered(insns, t.mode);
        t.insnCount = n;
        t.grouped = !t.plain && t.block.codeBits() == 64 && groups.plan(insns, n);
        e.begin(insns, t.rip, t.mode, t.grouped ? groups : null);
        branches.begin(t.rip, t.block.secondMfn() >= 0);
        x87.begin(insns, t.rip);
        t.at = new char[n + 1];
        boolean anyUndefined = false;
        e.instruction(0);
        e.head(n);
        boolean ended = false;
        for (int k = 0; k < n; k++) {
            t.at[k] = (char) e.a.size();
            undefined[k] = (short) e.undefined();
            anyUndefined |= e.undefined() != 0;
            e.instruction(k);
            x87.before(k);
            if (k == n - 1 && !recipe(insns[k]).x87()) {
                x87.settle();
            }
            ended = instruction(t, insns[k], k == n - 1);
            if (spoil && !ended && t.spoiledAt < 0 && (t.interpreted >>> k & 1) == 0) {
                e.a.lea(HostAssembler.RAX, HostAssembler.RAX, 1);
                t.spoiledAt = k;
            }
        }
        t.at[n] = (char) e.a.size();
        undefined[n] = 0;
        if (!ended) {
            x87.settle();
            e.settleFlags();
            branches.goTo(e.nextRip(), false);
        }
        if (anyUndefined) {
            t.undefined = java.util.Arrays.copyOf(undefined, n + 1);
        }
        x87.finish(t, n);
        e.finish();
        t.links = e.links();
        t.takenSite = branches.takenSite();
        t.nextSite = branches.nextSite();
        return e.a.buffer();
    }

    /**
     * Emits a block that jumps back to itself a second way, for many iterations: see {@link LoopAccesses}.
     *
     * @return null, with nothing to be used, where that gains nothing
     */
    byte @Nullable [] translateLoop(Translation t) {
        Insn[] insns = t.block.insns();
        int n = insns.length;
        Insn jump = insns[n - 1];
        for (int k = 0; k < n - 1; k++) {
            if (!plain(insns[k]) || (insns[k].needs() & Mode.denied(t.mode)) != 0) {
                return null;
            }
        }
        e.begin(insns, t.rip, t.mode, groups.plan(insns, n) ? groups : null);
        if (recipe(jump) != Recipe.JCC || !e.loop().begin(insns, n - 1)) {
            return null;
        }
        branches.begin(t.rip, false);
        x87.begin(insns, t.rip);
        t.at = new char[n + 1];
        e.instruction(0);
        e.head(n);
        if (!body(t, n - 1, true)) {
            return null;
        }
        int cc = jump.def().opcode() & 15;
        int again = e.a.jcc(cc);
        int out = e.a.jmp();
        int top = e.secondBody(n);
        e.a.bind32(again, top);
        if (!body(t, n - 1, false)) {
            return null;
        }
        e.a.bind32(e.a.jcc(cc), top);
        e.a.bind32(out);
        t.at[n] = (char) e.a.size();
        undefined[n] = 0;
        t.undefined = java.util.Arrays.copyOf(undefined, n + 1);
        branches.goTo(e.nextRip(), false);
        e.finish();
        t.links = e.links();
        t.nextSite = branches.nextSite();
        return e.a.buffer();
    }

    /** All of a loop's block but its jump, with flags settled for it. */
    private boolean body(Translation t, int n, boolean first) {
        for (int k = 0; k <= n; k++) {
            if (first) {
                t.at[k] = (char) e.a.size();
                undefined[k] = (short) e.undefined();
            }
            e.instruction(k);
            if (k < n && !emit(t, t.block.insns()[k], false)) {
                return false;
            }
        }
        e.settleFlags();
        return true;
    }

    private boolean plain(Insn i) {
        return switch (recipe(i)) {
            case COPY, LEA, MOV_IMMEDIATE, BSWAP, NOP -> true;
            default -> false;
        };
    }

    /** A change of rights ends the translation before the block. */
    private int covered(Insn[] insns, int mode) {
        for (int k = 0; k < insns.length; k++) {
            if (recipe(insns[k]) == Recipe.ACCESS && Mode.supervisor(mode)) {
                return k + 1;
            }
        }
        return insns.length;
    }

    /** The groups of accesses of a translation. */
    AccessGroups groups(Translation t) {
        groups.plan(t.block.insns(), t.insnCount);
        return groups;
    }

    int size() {
        return e.a.size();
    }

    /** True when the instruction ended the block with a jump. */
    private boolean instruction(Translation t, Insn i, boolean last) {
        if ((i.needs() & Mode.denied(t.mode)) != 0 || !emit(t, i, last)) {
            t.interpreted |= 1L << i.index();
            e.step();
            // on its way back from the interpreter the flags are exact
            e.flagsExact();
            x87.interpreted();
            return false;
        }
        return isJump(i);
    }

    /** STAC or CLAC: what follows has other rights, so it is another translation. */
    private boolean access(Translation t, Insn i) {
        if (!system.access(t.mode, i.def().mnemonic().equals("STAC"))) {
            return false;
        }
        t.nextMode = Mode.withAccess(t.mode, i.def().mnemonic().equals("STAC"));
        e.settleFlags();
        e.rightsFrom(t.nextMode);
        branches.goTo(e.nextRip(), false);
        return true;
    }

    private boolean systemCall(Translation t, boolean enters, Insn i) {
        int after = enters ? Mode.afterSyscall(t.mode) : Mode.afterSysret(t.mode);
        if (!(enters ? system.syscall(t.mode, after) : system.sysret(i, t.mode, after))) {
            return false;
        }
        t.nextMode = after;
        return true;
    }

    private boolean isJump(Insn i) {
        return switch (recipe(i)) {
            case JCC, JCXZ, JMP, CALL, RET, ACCESS, SYSCALL, SYSRET -> true;
            default -> false;
        };
    }

    private Recipe recipe(Insn i) {
        return recipes.of(i);
    }

    /** A CS prefix in 32-bit code that is more than padding or a hint to a branch: whether CS may be read is not known. */
    private boolean readsThroughCodeSegment(Insn i) {
        return switch (recipe(i)) {
            case NOP, LEA, JCC -> false;
            default -> true;
        };
    }

    private boolean emit(Translation t, Insn i, boolean last) {
        if (i.addressBits() == 16 || i.disp() != (int) i.disp() && recipe(i) != Recipe.MOV_OFFSET) {
            return false;
        }
        if (i.seg() == CpuState.CS && readsThroughCodeSegment(i)) {
            return false;
        }
        if ((e.undefined() & i.def().flagsRead()) != 0) {
            e.settleFlags();
        }
        return switch (recipe(i)) {
            case COPY -> copy.emit(i);
            case NOP -> true;
            case LEA -> special.lea(i);
            case INC_DEC -> special.incDec(i);
            case MOV_IMMEDIATE -> i.op0().kind() == Operand.Kind.GPR8H
                    ? copy.emit(i)
                    : special.movImmediate(i);
            case MOV_OFFSET -> special.movOffset(i);
            case BSWAP -> special.bswap(i);
            case XCHG_RAX -> special.xchgRax(i);
            case XCHG -> special.xchg(i);
            case CMPXCHG16B -> special.cmpxchg16b(i);
            case SHIFT_CL -> special.shiftByCl(i);
            case DIVIDE -> special.divide(i);
            case BIT_SCAN -> special.bitScan(i);
            case BIT_TEST -> special.bitTest(i);
            case PUSH -> branches.push(i);
            case POP -> branches.pop(i);
            case LEAVE -> branches.leave(i);
            case JCC -> branches.jcc(i);
            case JCXZ -> branches.jcxz(i);
            case JMP -> branches.jmp(i);
            case CALL -> branches.call(i);
            case RET -> branches.ret(i);
            case STRING -> strings.emit(i);
            case SCAN -> strings.scan(i);
            case ACCESS -> access(t, i);
            case PUSHF -> system.pushf(i);
            case CLD -> system.cld();
            case CLI -> system.cli(t.mode);
            case STI -> system.sti(t.mode, last);
            case SWAPGS -> system.swapgs();
            case FROM_SEGMENT -> system.fromSegment(i);
            case FNSTCW -> system.storeControlWord(i);
            case COMPARE_STRINGS -> special.compareStrings(copy, i);
            case SYSCALL -> systemCall(t, true, i);
            case SYSRET -> systemCall(t, false, i);
            case RDTSC -> system.timeStamp(i, t.mode, t.insnCount);
            case SEGMENT_BASE -> system.segmentBase(i, t.mode);
            case X87 -> x87.emit(i);
            case FLDCW -> x87.loadControl(i);
            case FNSTSW -> x87.storeStatus(i);
            case FWAIT -> x87.await(t.mode);
            case MMX -> x87.mmx(i);
            case INTERPRET -> false;
        };
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import java.util.Arrays;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;

/**
 * x87 and MMX instructions on the host's own stack. The guest's registers are put there by the first such instruction of a run of emitted
 * code ({@link X87Stub#load}) and stay until the run leaves.
 *
 * <p>All exceptions are masked while emitted code runs ({@link Mode}), so nothing is ever pending. The control word stays in the state as
 * well. The last instruction's pointers are the guest's, not the host's: FDP is stored by each instruction, the rest once for the block's
 * last instruction; where the block is left before, {@link #pointers} says whose they are.
 */
final class X87Lowering {
    private static final int NOTHING = -1;

    private final BlockEmitter e;
    private final HostAssembler a;
    private final CopyLowering copy;
    /** Offset in the cache of the code that loads the registers. */
    private final int loader;
    private final HostX87 host;

    private long rip;
    private Insn[] insns;
    /** First and last instruction of the block that runs on the stack. */
    private int first;
    private int last;
    /** Instructions whose FIP, and whose FDS, is not in the state yet. */
    private int instruction;
    private int operand;
    private final byte[] pending = new byte[256];

    /** @param loader offset in the cache of the code that loads the registers */
    X87Lowering(BlockEmitter e, CopyLowering copy, int loader, HostX87 host) {
        this.e = e;
        this.a = e.a;
        this.copy = copy;
        this.loader = loader;
        this.host = host;
    }

    void begin(Insn[] block, long blockRip) {
        insns = block;
        rip = blockRip;
        first = NOTHING;
        last = NOTHING;
        instruction = NOTHING;
        operand = NOTHING;
    }

    /** Before instruction k: notes what is not in the state yet. */
    void before(int k) {
        pending[2 * k] = (byte) instruction;
        pending[2 * k + 1] = (byte) operand;
    }

    /** The interpreter does an instruction: all is in the state then. */
    void interpreted() {
        instruction = NOTHING;
        operand = NOTHING;
    }

    /** The block is complete. */
    void finish(Translation t, int n) {
        if (first >= 0) {
            t.x87First = first;
            t.x87Last = last;
            before(n);
            t.x87Pending = Arrays.copyOf(pending, 2 * n + 2);
        }
    }

    /** Stores the pointers before the block is left in emitted code. */
    void settle() {
        if (instruction < 0) {
            return;
        }
        long ip = ripOf(instruction);
        if (ip == (int) ip) {
            a.at(RSP, NativeLayout.field(CpuState.FIP)).op(true, 0xc7, 0);
            a.d((int) ip);
        } else {
            a.movImm(RCX, ip);
            a.store(RSP, NativeLayout.field(CpuState.FIP), RCX);
        }
        a.at(RSP, NativeLayout.field(CpuState.FOP)).op(false, 0xc7, 0);
        a.d(X87Unit.opcode(insns[instruction]));
        storeSelector(CpuState.FCS, CpuState.CS);
        if (operand >= 0) {
            storeSelector(CpuState.FDS, insns[operand].seg());
        }
        interpreted();
    }

    private long ripOf(int k) {
        return k == 0 ? rip : rip + insns[k - 1].endOffset();
    }

    private void storeSelector(int field, int segment) {
        a.at(RSP, NativeLayout.field(
                CpuState.SEGMENT + segment * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_SELECTOR)).op(false, 0x8b, RCX);
        a.at(RSP, NativeLayout.field(field)).op(false, 0x89, RCX);
    }

    /** What a translation that was left before instruction k has not stored. */
    static void pointers(Translation t, int k, X87Unit x87) {
        int op = t.x87Pending[2 * k];
        if (op >= 0) {
            int memory = t.x87Pending[2 * k + 1];
            x87.setPointers(t.block.insns()[op], t.ripOf(op), memory < 0 ? null : t.block.insns()[memory]);
        }
    }

    // ---- instructions ----

    /** The guest's registers are on the host's stack from here on. */
    private void load() {
        last = e.index();
        if (first >= 0) {
            return;
        }
        first = e.index();
        a.load(RCX, RSP, NativeLayout.X87_ABSENT);
        int loaded = a.jrcxz();
        e.link(BlockEmitter.CALL, loader);
        a.bind8(loaded);
    }

    /** An x87 instruction that computes, compares or moves. */
    boolean emit(Insn i) {
        if (!host.keepsCodes()) {
            return false;
        }
        int opcode = i.def().opcode();
        int modrm = i.modrm();
        if (modrm < 0xc0) {
            return memory(i, opcode, modrm >> 3 & 7);
        }
        load();
        a.b(opcode, modrm);
        if (opcode == 0xd9 && modrm < 0xc8 && !host.sourceFirst()) {
            overflowStep();
        }
        if (i.def().flagsWritten() != 0) {
            e.flags(i.def().flagsWritten(), i.def().flagsUndefined());
            // AMD's processors leave C1 alone in FCOMI and its kin: FINCSTP; FDECSTP clear it everywhere
            a.b(0xd9, 0xf7);
            a.b(0xd9, 0xf6);
        }
        instruction = e.index();
        return true;
    }

    /** FLD ST(i) onto a full stack: the interpreter does it again, to the same result but for C1. */
    private void overflowStep() {
        // fnstsw [environment]; movzx ecx, [environment]
        a.at(RSP, NativeLayout.X87_ENVIRONMENT).op(false, 0xdd, 7);
        a.at(RSP, NativeLayout.X87_ENVIRONMENT).op(0, false, 1, 0xb7, RCX, false);
        a.pext(RCX, RCX, RSP, NativeLayout.MASK_C1);
        int pushed = a.jrcxz();
        // fincstp
        a.b(0xd9, 0xf7);
        e.step();
        a.bind8(pushed);
    }

    private boolean memory(Insn i, int opcode, int digit) {
        if (BlockEmitter.hasBase(i)) {
            return false;
        }
        load();
        // ten bytes that end in the last six of a page are the interpreter's
        int bytes = i.bits() == 80 ? 16 : i.bits() >>> 3;
        boolean write = i.def().operands()[0].write();
        e.check(i, bytes, write, 1);
        e.storeAddress(NativeLayout.field(CpuState.FDP));
        e.memory().op(false, opcode, digit);
        instruction = e.index();
        operand = e.index();
        return true;
    }

    /** FLDCW, unless it unmasks an exception. */
    boolean loadControl(Insn i) {
        load();
        e.check(i, 2, false, 1);
        // movzx r15d, [memory]
        e.memory().op(0, false, 1, 0xb7, R15, false);
        a.pext(RCX, R15, RSP, NativeLayout.MASK_63);
        a.lea(RCX, RCX, -63);
        e.stepUnless0();
        a.pext(R15, R15, RSP, NativeLayout.MASK_FCW);
        a.pdep(R15, R15, RSP, NativeLayout.MASK_FCW);
        a.lea(R15, R15, X87Unit.CONTROL_FIXED);
        a.at(RSP, NativeLayout.field(CpuState.FCW)).op(false, 0x89, R15);
        a.at(RSP, NativeLayout.field(CpuState.FCW)).op(false, 0xd9, 5);
        return true;
    }

    /** FNSTSW to AX or to memory. */
    boolean storeStatus(Insn i) {
        load();
        if (i.isMem(0)) {
            e.check(i, 2, true, 1);
            e.memory().op(false, 0xdd, 7);
        } else {
            a.b(0xdf, 0xe0);
        }
        return true;
    }

    /** FWAIT: with nothing pending, and CR0.TS clear, it does nothing. */
    boolean await(int mode) {
        return (Mode.denied(mode) & InsnDef.NEEDS_X87) == 0;
    }

    boolean mmx(Insn i) {
        load();
        if (i.def().modrm()) {
            if (!copy.emit(i)) {
                // nothing but the test for the registers was emitted
                return false;
            }
        } else {
            // emms
            a.b(0x0f, 0x77);
        }
        return true;
    }
}

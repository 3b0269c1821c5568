package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R10;
import static org.xenolith.cpu.jit.HostAssembler.R11;
import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.R9;
import static org.xenolith.cpu.jit.HostAssembler.RAX;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import java.util.Arrays;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.mmu.Tlb;

/**
 * What every lowering builds on: registers, flags, addresses, TLB checks and exits of one block.
 *
 * <p>Host registers: RSP is the CPU state plus {@link NativeLayout#BIAS}; R9 the complement of the budget; RCX and R15 are temporaries; guest RCX lives in R10, guest RSP in
 * R11; guest R9, R10, R11 and R15 in their state slots; every other general register and all vector registers in their namesakes. EFLAGS holds the guest's
 * arithmetic flags at every instruction boundary, so address arithmetic and checks never touch flags.
 */
final class BlockEmitter {
    static final int CALL = 0xe8;
    static final int JMP = 0xe9;

    final HostAssembler a = new HostAssembler();
    private final LoopAccesses loop = new LoopAccesses(this);
    private final int leave;

    private Insn[] insns;
    private long rip;
    private int rights;
    private int jumpTable;
    private boolean code64;
    /** Flags that EFLAGS now holds wrongly: undefined ones, which must read as 0. */
    private int undefined;
    private int k;
    private AccessGroups groups;
    /** The groups whose check has been emitted, one bit each. */
    private long opened;

    // stubs still to be emitted
    private int[] stubSite = new int[256];
    private int[] stubExit = new int[256];
    /** Register that, with stubAddress added, is the address for a miss; -1 when R15 has it or none is needed; -2: a constant. */
    private int[] stubRegister = new int[256];
    private long[] stubAddress = new long[256];
    private int stubs;

    private char[] links = new char[256];
    private int linkCount;

    /** Where the checked access is. */
    private int accessBase;
    private int accessIndex;
    private int accessDisp;

    /** @param leave offset in the cache of the code that leaves with the exit's number in ECX */
    BlockEmitter(int leave) {
        this.leave = leave;
    }

    /** @param accessGroups accesses that share a check; null for none */
    void begin(Insn[] block, long blockRip, int mode, AccessGroups accessGroups) {
        a.clear();
        stubs = 0;
        linkCount = 0;
        insns = block;
        rip = blockRip;
        code64 = !Mode.code32(mode);
        rightsFrom(mode);
        undefined = 0;
        groups = accessGroups;
        opened = 0;
        loop.stop();
    }

    void instruction(int index) {
        k = index;
    }

    int index() {
        return k;
    }

    /** 64-bit code; else 32-bit code with flat segments. */
    boolean code64() {
        return code64;
    }

    /** Width of addresses and of what the stack instructions push: 64 or 32. */
    int codeBits() {
        return code64 ? 64 : 32;
    }

    /** Bytes of an element of the stack. */
    int stackBytes() {
        return code64 ? 8 : 4;
    }

    /** A direct target, cut to the code's address size. */
    long target(long to) {
        return code64 ? to : to & 0xffff_ffffL;
    }

    /** RIP after the current instruction. */
    long nextRip() {
        return rip + insns[k].endOffset();
    }

    // ---- registers ----

    /** Host register of a guest register, or -1 when it lives in its state slot. */
    static int host(int g) {
        return switch (g) {
            case 1 -> R10;
            case 4 -> R11;
            case 9, 10, 11, 15 -> -1;
            default -> g;
        };
    }

    /** The host register that holds guest register g, loaded into {@code temp} when it lives in memory. */
    int use(int g, int temp) {
        int h = host(g);
        if (h >= 0) {
            return h;
        }
        a.load(temp, RSP, NativeLayout.slot(g));
        return temp;
    }

    /** Ends a change of guest register g made in {@code h}. */
    void define(int g, int h) {
        int home = host(g);
        if (home < 0) {
            a.store(RSP, NativeLayout.slot(g), h);
        } else if (home != h) {
            a.mov(home, h);
        }
    }

    // ---- flags ----

    int undefined() {
        return undefined;
    }

    void flags(int written, int nowUndefined) {
        undefined = undefined & ~written | nowUndefined;
    }

    /** After the interpreter has run an instruction the flags are exact. */
    void flagsExact() {
        undefined = 0;
    }

    /** Clears in EFLAGS the undefined flags that the host may have set, before anything can see them. */
    void settleFlags() {
        if (undefined != 0) {
            clearFlags(undefined);
            undefined = 0;
        }
    }

    /** Clears flags in EFLAGS; no register changes. */
    void clearFlags(int mask) {
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.b(0x9f);
        boolean overflow = (mask & Flags.OF) == 0;
        if (overflow) {
            a.b(0x0f, 0x90, 0xc0);
        }
        // AND clears OF; ADD AL, 7Fh sets it again from a 1
        a.b(0x80, 0xe4, ~mask & 0xff);
        if (overflow) {
            a.b(0x04, 0x7f);
        }
        a.b(0x9e);
        a.load(RAX, RSP, NativeLayout.SCRATCH);
    }

    /** Keeps EFLAGS for {@link #restoreFlags}; the code between may change them. */
    void keepFlags() {
        keepFlagsAndRax();
        a.load(RAX, RSP, NativeLayout.SCRATCH);
    }

    /** As {@link #keepFlags}, but RAX is left in SCRATCH and free to use. */
    void keepFlagsAndRax() {
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.flagsToAx();
        a.store(RSP, NativeLayout.STRING_FLAGS, RAX);
    }

    void restoreFlags() {
        a.store(RSP, NativeLayout.SCRATCH, RAX);
        a.load(RAX, RSP, NativeLayout.STRING_FLAGS);
        a.flagsFromAx();
        a.load(RAX, RSP, NativeLayout.SCRATCH);
    }

    // ---- addresses and checks ----

    /** The linear address of the memory operand into R15; may use RCX. */
    private void linearAddress(Insn i, int bytes) {
        effectiveAddress(i, R15);
        if (hasBase(i)) {
            if (!code64 && bytes > 1) {
                // an access over the end of the segment: with a base, that need not be the end of a page
                a.lea(RCX, R15, bytes - 1);
                a.pext(RCX, RCX, RSP, NativeLayout.MASK_UPPER_32);
                stepUnless0();
            }
            a.load(RCX, RSP,
                    NativeLayout.field(CpuState.SEGMENT + i.seg() * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_BASE));
            sum(R15, R15, RCX, 0, 0);
        }
    }

    /** Leaves to the interpreter where 32-bit code uses FS or GS and that is not flat apart from its base. */
    void segmentUsable(Insn i) {
        if (!code64 && hasBase(i)) {
            a.load(RCX, RSP, NativeLayout.NOT_FLAT + 8 * (i.seg() - CpuState.FS));
            stepUnless0();
        }
    }

    /** to = base + disp, cut to the code's address size. */
    void sum(int to, int base, int disp) {
        if (code64) {
            a.lea(to, base, disp);
        } else {
            a.lea32(to, base, disp);
        }
    }

    /** to = base + index * 2^scale + disp, cut to the code's address size. */
    void sum(int to, int base, int index, int scale, int disp) {
        if (code64) {
            a.lea(to, base, index, scale, disp);
        } else {
            a.lea32(to, base, index, scale, disp);
        }
    }

    static boolean isConstant(Insn i) {
        return i.base() == CpuState.IP || i.base() == CpuState.NONE && i.indexRegister() == CpuState.NONE;
    }

    /** The segment has a base that need not be 0: FS and GS. */
    static boolean hasBase(Insn i) {
        return i.seg() == CpuState.FS || i.seg() == CpuState.GS;
    }

    /** The effective address where {@link #isConstant}. */
    long constantAddress(Insn i) {
        long v = i.base() == CpuState.IP ? nextRip() + i.disp() : i.disp();
        return i.addressBits() == 32 ? v & 0xffff_ffffL : v;
    }

    /** The effective address, cut to the address size, into a register; may use RCX. */
    void effectiveAddress(Insn i, int to) {
        int base = i.base();
        int index = i.indexRegister();
        int disp = (int) i.disp();
        if (isConstant(i)) {
            a.movImm(to, constantAddress(i));
            return;
        }
        int x = index == CpuState.NONE ? -1 : use(index, RCX);
        int b = base == CpuState.NONE ? -1 : use(base, R15);
        a.at(b, x, i.scale(), disp).op(i.addressBits() == 64, 0x8d, to);
    }

    /**
     * Checks the memory operand against the TLB and leaves where it is for {@link #memory}; RCX and R15 are then in use.
     *
     * @param align power of two that the address must be a multiple of, or 1
     */
    void check(Insn i, int bytes, boolean write, int align) {
        segmentUsable(i);
        if (!hasBase(i) && isConstant(i)) {
            checkConstant(constantAddress(i), bytes, write, align);
            return;
        }
        if (i.addressBits() == 64 && !hasBase(i)) {
            int disp = (int) i.disp();
            if (i.indexRegister() == CpuState.NONE && host(i.base()) >= 0 && disp <= Integer.MAX_VALUE - bytes) {
                check(host(i.base()), disp, bytes, write, align);
                return;
            }
        }
        linearAddress(i, bytes);
        if (loop.check(i, k, R15, 0, bytes, write, ExitKind.miss(bytes, write), align)) {
            access(R15, RCX, 0);
        } else {
            checkR15(bytes, write, align);
        }
    }

    /** As {@link #check(Insn, int, boolean, int)} for the address in R15. */
    void checkR15(int bytes, boolean write, int align) {
        aligned(R15, align);
        index(RCX, R15);
        a.at(RSP, RCX, 3, NativeLayout.tlb(rights, write ? Tlb.WRITE : Tlb.READ)).op(true, 0x8b, RCX);
        inPage(R15, bytes - 1, ExitKind.miss(bytes, write), -1, 0);
        index(RCX, R15);
        if (!loop.fill(insns[k], k, RCX, write)) {
            a.at(RSP, RCX, 3, NativeLayout.tlb(rights, Tlb.ADDEND)).op(true, 0x8b, RCX);
        }
        access(R15, RCX, 0);
    }

    /** As {@link #check(Insn, int, boolean, int)} for a register that stays unchanged, and a displacement; RCX is free afterwards. */
    void check(int register, int disp, int bytes, boolean write, int align) {
        int g = groups == null ? -1 : groups.at(k);
        if (g >= 0 && align == 1 && host(groups.register(g)) == register && disp == groups.disp(k)
                && bytes == groups.bytes(k) && write == groups.writes(k) && checkGroup(g)) {
            access(register, R15, disp);
            return;
        }
        access(register, R15, disp);
        int miss = ExitKind.miss(bytes, write);
        if (loop.check(insns[k], k, register, disp, disp + bytes, write, miss, align)) {
            return;
        }
        int at = register;
        if (disp != 0) {
            a.lea(R15, register, disp);
            at = R15;
        }
        aligned(at, align);
        index(R15, at);
        a.at(RSP, R15, 3, NativeLayout.tlb(rights, write ? Tlb.WRITE : Tlb.READ)).op(true, 0x8b, RCX);
        inPage(register, disp + bytes - 1, miss, register, disp);
        addend(write);
    }

    /**
     * As {@link #check(int, int, int, boolean, int)} in the code's own address size, for the stack and strings: in 32-bit code the upper
     * half of a register may hold anything.
     */
    void checkAt(int register, int disp, int bytes, boolean write) {
        if (code64) {
            check(register, disp, bytes, write, 1);
        } else {
            a.lea32(R15, register, disp);
            checkR15(bytes, write, 1);
        }
    }

    /** The addend for an access of a group into R15; returns false when the group's check should have come earlier. */
    private boolean checkGroup(int g) {
        int word = NativeLayout.group(groups.word(g));
        if ((opened >>> g & 1) != 0) {
            int own = loop.addend(groups.first(g));
            a.load(R15, RSP, own == 0 ? word : own);
            return true;
        }
        if (groups.first(g) != k) {
            return false;
        }
        opened |= 1L << g;
        int register = host(groups.register(g));
        int low = groups.low(g, k);
        int high = groups.high(g, k);
        boolean write = groups.written(g);
        if (loop.check(insns[k], k, register, low, high, write, ExitKind.GROUP, 1)) {
            return true;
        }
        a.lea(R15, register, low);
        index(R15, R15);
        a.at(RSP, R15, 3, NativeLayout.tlb(rights, write ? Tlb.WRITE : Tlb.READ)).op(true, 0x8b, RCX);
        inPage(register, high - 1, ExitKind.GROUP, -1, 0);
        addend(write);
        a.store(RSP, word, R15);
        return true;
    }

    /** The addend of the TLB entry whose index is in R15, into R15. */
    private void addend(boolean write) {
        if (loop.fill(insns[k], k, R15, write)) {
            a.mov(R15, RCX);
        } else {
            a.at(RSP, R15, 3, NativeLayout.tlb(rights, Tlb.ADDEND)).op(true, 0x8b, R15);
        }
    }

    /** Index of the TLB entry for an address: bits 12 to 27. */
    void index(int to, int address) {
        a.shrx(to, address, RSP);
        a.movzx16(to, to);
    }

    void aligned(int register, int align) {
        if (align > 1) {
            a.pext(RCX, register, RSP, align == 16 ? NativeLayout.MASK_15 : NativeLayout.MASK_31);
            stepUnless0();
        }
    }

    /**
     * Leaves unless [register + last] is in the page whose negated address is in RCX.
     *
     * @param exit kind of the exit, which finds missRegister + missDisp in R15; -1 for R15 as it is
     */
    void inPage(int register, int last, int exit, int missRegister, int missDisp) {
        a.lea(RCX, register, RCX, 0, last);
        a.shrx(RCX, RCX, RSP);
        exitUnless0(exit, missRegister, missDisp);
    }

    private void access(int base, int index, int disp) {
        accessBase = base;
        accessIndex = index;
        accessDisp = disp;
    }

    private void checkConstant(long va, int bytes, boolean write, int align) {
        if (va != (int) va || va + bytes != (int) (va + bytes)) {
            a.movImm(R15, va);
            checkR15(bytes, write, align);
            return;
        }
        if ((va & align - 1) != 0) {
            exit(a.jmp(), ExitKind.STEP);
        }
        int entry = (int) (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        a.load(RCX, RSP, NativeLayout.tlb(rights, write ? Tlb.WRITE : Tlb.READ) + entry);
        a.lea(RCX, RCX, (int) va + bytes - 1);
        a.shrx(RCX, RCX, RSP);
        exitUnless0(ExitKind.miss(bytes, write), -2, va);
        a.load(RCX, RSP, NativeLayout.tlb(rights, Tlb.ADDEND) + entry);
        access(RCX, -1, (int) va);
    }

    /** Selects the checked memory operand for the next instruction. */
    HostAssembler memory() {
        return a.at(accessBase, accessIndex, 0, accessDisp);
    }

    /** Frees RCX while the checked operand is still to be accessed. */
    void freeRcx() {
        if (accessIndex == RCX || accessBase == RCX) {
            hostAddress();
            access(R15, -1, 0);
        }
    }

    /** The checked operand's host address into R15. */
    void hostAddress() {
        a.lea(R15, accessBase, accessIndex, 0, accessDisp);
    }

    /** Stores the linear address of the checked operand. */
    void storeAddress(int displacement) {
        if (accessBase == RCX) {
            // a constant
            a.at(RSP, displacement).op(true, 0xc7, 0);
            a.d(accessDisp);
        } else if (accessDisp == 0) {
            a.store(RSP, displacement, accessBase);
        } else {
            a.lea(RCX, accessBase, accessDisp);
            a.store(RSP, displacement, RCX);
        }
    }

    // ---- exits ----

    /** An exit at the current instruction, reached by the jump whose displacement is at {@code site}. */
    void exit(int site, int kind) {
        stub(site, ExitKind.number(0, k, kind), -1, 0);
    }

    /** Leaves to the interpreter for this instruction, always. */
    void step() {
        exit(a.jmp(), ExitKind.STEP);
    }

    /** Leaves to the interpreter for this instruction unless RCX is 0. */
    void stepUnless0() {
        exitUnless0(ExitKind.STEP, -1, 0);
    }

    /** Leaves unless RCX is 0; register and address as in {@link #stubRegister} and {@link #stubAddress}. */
    private void exitUnless0(int kind, int register, long address) {
        int zero = a.jrcxz();
        stub(a.jmp(), ExitKind.number(0, k, kind), register, address);
        a.bind8(zero);
    }

    private void stub(int site, int exit, int register, long address) {
        if (stubs == stubSite.length) {
            stubSite = Arrays.copyOf(stubSite, 2 * stubs);
            stubExit = Arrays.copyOf(stubExit, 2 * stubs);
            stubRegister = Arrays.copyOf(stubRegister, 2 * stubs);
            stubAddress = Arrays.copyOf(stubAddress, 2 * stubs);
        }
        stubSite[stubs] = site;
        stubExit[stubs] = exit;
        stubRegister[stubs] = register;
        stubAddress[stubs++] = address;
    }

    /** Emits the stubs. */
    void finish() {
        loop.finish();
        for (int s = 0; s < stubs; s++) {
            a.bind32(stubSite[s]);
            if (stubRegister[s] == -2) {
                a.movImm(R15, stubAddress[s]);
            } else if (stubRegister[s] >= 0) {
                a.lea(R15, stubRegister[s], (int) stubAddress[s]);
            }
            jumpOut(stubExit[s]);
        }
    }

    /** {@link Translations} adds the translation's number. */
    private void jumpOut(int exit) {
        a.b(0xb9);
        a.d(exit);
        link(JMP, leave);
    }

    /** A jump or call to fixed code, which is at an offset in the cache; right for a block at offset 0, {@link Translations} moves it. */
    void link(int opcode, int target) {
        a.b(opcode);
        if (linkCount == links.length) {
            links = Arrays.copyOf(links, 2 * linkCount);
        }
        links[linkCount++] = (char) a.size();
        a.d(target - (a.size() + 4));
    }

    char[] links() {
        return Arrays.copyOf(links, linkCount);
    }

    /**
     * {@code n} instructions off the budget, of which R9 holds the complement; leaves where it does not reach. A translation begins with this
     * exit, near enough for a short jump; its head is {@link Translation#HEAD} bytes on.
     */
    void head(int n) {
        jumpOut(ExitKind.number(0, k, ExitKind.BUDGET));
        takeOff(n, 0);
    }

    private void takeOff(int n, int spent) {
        a.lea(R9, R9, n);
        a.shrx(RCX, R9, RSP);
        a.bind8To(a.jrcxz(), spent);
    }

    /** Begins the second body of a loop, which has a head of its own; returns its offset. */
    int secondBody(int n) {
        int spent = a.size();
        a.b(JMP);
        a.d(-(spent + 5));
        int top = a.size();
        takeOff(n, spent);
        opened = 0;
        loop.secondBody();
        return top;
    }

    LoopAccesses loop() {
        return loop;
    }

    int rights() {
        return rights;
    }

    /** What follows is emitted for another mode's rights. */
    void rightsFrom(int mode) {
        rights = Mode.rights(mode);
        jumpTable = Mode.jumpTable(mode);
    }

    /** Looks R15 up in the jump cache and leaves its code's address in RCX; a miss leaves with {@code kind}. */
    void jumpLookup(int kind) {
        jumpIndex();
        a.at(RSP, RCX, 3, NativeLayout.jumpTags(jumpTable)).op(true, 0x8b, RCX);
        a.lea(RCX, RCX, R15, 0, 0);
        exitUnless0(kind, -1, 0);
        jumpIndex();
    }

    private void jumpIndex() {
        a.movzx16(RCX, R15);
    }

    /** After {@link #jumpLookup}: goes there. */
    void jumpThere() {
        a.at(RSP, RCX, 3, NativeLayout.jumpCode(jumpTable)).op(false, 0xff, 4);
    }

    /** After {@link #jumpLookup}: keeps the target for {@link #jumpKept}. */
    void keepTarget() {
        a.at(RSP, RCX, 3, NativeLayout.jumpCode(jumpTable)).op(true, 0x8b, RCX);
        a.store(RSP, NativeLayout.TARGET, RCX);
    }

    void jumpKept() {
        a.at(RSP, NativeLayout.TARGET).op(false, 0xff, 4);
    }

    /** Jumps to a direct target on another page, through the jump cache. */
    void jumpFar(long target) {
        a.movImm(R15, target);
        jumpLookup(ExitKind.JUMP);
        jumpThere();
    }
}

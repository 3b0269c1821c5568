package org.xenolith.cpu.jit.host;

/**
 * Emits the code around one run: entry, exit, and the signal handler that turns a fault of the tested instruction into
 * an exit.
 *
 * <p>Entry keeps the host's callee-saved registers, MXCSR, x87 control word, FS and GS base and data selectors, loads
 * the guest's state ending with RSP and jumps. Nothing after that may need a stack: the guest's RSP is any number.
 * Exit stores the state with moves that leave the flags alone, then restores the host. The handler runs on the
 * alternate stack; it owns a signal only if a run is active and it finds itself on this executor's alternate stack
 * (so a fault of another thread, or of Java code on this one, goes on to HotSpot's handler).
 */
final class Trampoline {
    /** The signals that a tested instruction can raise: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
    private static final int[] SIGNALS = {4, 5, 7, 8, 11};
    /** {@code ucontext_t}: where {@code uc_mcontext.gregs} and {@code fpregs} lie ({@code sys/ucontext.h}). */
    private static final int GREGS = 40;
    private static final int FPREGS = GREGS + 23 * 8;
    /** The slots of {@code gregs} by register number in encoding order. */
    private static final int[] GREG_OF = {13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int GREG_RIP = 16;
    private static final int GREG_EFLAGS = 17;
    private static final int GREG_SEGMENTS = 18;
    private static final int GREG_ERROR = 19;
    private static final int GREG_TRAP = 20;
    private static final int GREG_CR2 = 22;
    private static final int BELOW = 2;
    private static final int ABOVE_EQUAL = 3;
    private static final int EQUAL = 4;
    private static final int[] CALLEE_SAVED = {CodeBuffer.RBX, CodeBuffer.RBP, 12, 13, 14, 15};
    private static final int[] DATA_SEGMENTS = {0, 3, 4, 5};
    /** Linux's selectors for user mode ({@code asm/segment.h}). */
    static final int USER_CODE = 0x33;
    static final int USER_CODE_32 = 0x23;
    private static final int USER_DATA = 0x2b;

    /** Offsets in the control block: states, then what the trampoline keeps for itself. */
    static final int IN = 0;
    static final int OUT = 0x500;
    static final int HOST_RSP = 0xa00;
    static final int HOST_MXCSR = 0xa08;
    static final int HOST_FCW = 0xa0c;
    static final int HOST_FS = 0xa10;
    static final int HOST_GS = 0xa18;
    static final int ACTIVE = 0xa20;
    static final int HOST_SEGMENTS = 0xa28;
    static final int FLAG_STACK = 0xb00;
    /** Old handlers by signal number. */
    static final int OLD = 0xc00;
    static final int CONTROL_SIZE = 0x1000;

    private final CodeBuffer code;
    private final long control;
    private final int stateMask;
    private final boolean avx;
    private final boolean fsGsBase;
    private final long altStack;
    private final long altStackEnd;
    private long enter;
    private long enterCompatibility;
    private long exit;
    private long restore;
    private long handler;

    Trampoline(long base, long control, long altStack, long altStackEnd, HostFeatures host) {
        this.code = new CodeBuffer(base);
        this.control = control;
        this.avx = host.avx();
        this.stateMask = avx ? 7 : 3;
        this.fsGsBase = host.fsGsBase();
        this.altStack = altStack;
        this.altStackEnd = altStackEnd;
        emitExit();
        enter = emitEnter(false);
        enterCompatibility = emitEnter(true);
        emitHandler();
    }

    byte[] bytes() {
        return code.bytes();
    }

    /** {@code void enter(void)}: loads the state at IN and jumps to its RIP. */
    long enter() {
        return enter;
    }

    /** {@code void enter(void)}: the same, but to 32-bit code with flat data segments, by a far jump. */
    long enterCompatibility() {
        return enterCompatibility;
    }

    /** Where code that has run to its end jumps to. */
    long exit() {
        return exit;
    }

    /** {@code void handler(int, siginfo_t *, void *)}. */
    long handler() {
        return handler;
    }

    private long emitEnter(boolean compatibility) {
        long start = code.here();
        for (int reg : CALLEE_SAVED) { code.emit(0x40 | reg >> 3, 0x50 | reg & 7); }
        code.store(control + HOST_RSP, CodeBuffer.RSP);
        code.ripRelative(control + HOST_MXCSR, 3, 0x0f, 0xae);
        code.ripRelative(control + HOST_FCW, 7, 0xd9);
        for (int segment : DATA_SEGMENTS) { code.ripRelative(control + HOST_SEGMENTS + 2 * segment, segment, 0x8c); }
        if (fsGsBase) {
            code.emit(0xf3, 0x48, 0x0f, 0xae, 0xc0).store(control + HOST_FS, CodeBuffer.RAX);
            code.emit(0xf3, 0x48, 0x0f, 0xae, 0xc8).store(control + HOST_GS, CodeBuffer.RAX);
        }
        code.emit(0xb8).emit32(stateMask).emit(0x31, 0xd2);
        code.ripRelative(control + IN + HostRegisters.XSAVE, 5, 0x48, 0x0f, 0xae);
        if (compatibility) {
            code.emit(0xb8).emit32(USER_DATA);
            for (int segment : DATA_SEGMENTS) {
                code.emit(0x8e, 0xc0 | segment << 3);
            }
        }
        if (fsGsBase) {
            code.load(CodeBuffer.RAX, control + IN + HostRegisters.FS_BASE).emit(0xf3, 0x48, 0x0f, 0xae, 0xd0);
            code.load(CodeBuffer.RAX, control + IN + HostRegisters.GS_BASE).emit(0xf3, 0x48, 0x0f, 0xae, 0xd8);
        }
        code.store32(control + OUT + HostRegisters.VECTOR, -1);
        code.store32(control + ACTIVE, 1);
        code.lea(CodeBuffer.RSP, control + IN + HostRegisters.RFLAGS).emit(0x9d);
        for (int reg = 0; reg < 16; reg++) {
            if (reg != CodeBuffer.RSP) {
                code.load(reg, control + IN + 8 * reg);
            }
        }
        code.load(CodeBuffer.RSP, control + IN + 8 * CodeBuffer.RSP);
        // JMP m64, or JMP m16:32 through the same field, whose second half then is the selector.
        code.ripRelative(control + IN + HostRegisters.RIP, compatibility ? 5 : 4, 0xff);
        return start;
    }

    private void emitExit() {
        exit = code.here();
        for (int reg = 0; reg < 16; reg++) { code.store(control + OUT + 8 * reg, reg); }
        // The stack that PUSHFQ needs; LEA and MOV have left the flags as the tested instruction left them.
        code.lea(CodeBuffer.RSP, control + OUT + HostRegisters.RFLAGS + 8).emit(0x9c);
        code.lea(CodeBuffer.RSP, control + FLAG_STACK).emit(0x68).emit32(0x202).emit(0x9d);
        code.store32(control + ACTIVE, 0);
        code.emit(0xb8).emit32(stateMask).emit(0x31, 0xd2);
        code.ripRelative(control + OUT + HostRegisters.XSAVE, 4, 0x48, 0x0f, 0xae);
        restore = code.here();
        for (int segment : DATA_SEGMENTS) {
            code.ripRelative(control + OUT + HostRegisters.SEGMENTS + 2 * segment, segment, 0x8c);
        }
        if (fsGsBase) {
            // Loading a selector may clear the base, so selectors go first; without RD/WRFSBASE neither is ever changed.
            code.emit(0xf3, 0x48, 0x0f, 0xae, 0xc0).store(control + OUT + HostRegisters.FS_BASE, CodeBuffer.RAX);
            code.emit(0xf3, 0x48, 0x0f, 0xae, 0xc8).store(control + OUT + HostRegisters.GS_BASE, CodeBuffer.RAX);
            for (int segment : DATA_SEGMENTS) {
                code.ripRelative(control + HOST_SEGMENTS + 2 * segment, segment, 0x8e);
            }
            code.load(CodeBuffer.RAX, control + HOST_FS).emit(0xf3, 0x48, 0x0f, 0xae, 0xd0);
            code.load(CodeBuffer.RAX, control + HOST_GS).emit(0xf3, 0x48, 0x0f, 0xae, 0xd8);
        }
        if (avx) {
            code.emit(0xc5, 0xf8, 0x77);
        }
        code.ripRelative(control + HOST_MXCSR, 2, 0x0f, 0xae);
        code.emit(0xdb, 0xe3).ripRelative(control + HOST_FCW, 5, 0xd9);
        code.load(CodeBuffer.RSP, control + HOST_RSP);
        for (int i = CALLEE_SAVED.length - 1; i >= 0; i--) {
            code.emit(0x40 | CALLEE_SAVED[i] >> 3, 0x58 | CALLEE_SAVED[i] & 7);
        }
        code.emit(0xc3);
    }

    private void emitHandler() {
        handler = code.here();
        // EDI signal, RSI siginfo, RDX ucontext. The kernel clears DF but leaves the guest's AC in force.
        code.emit(0x68).emit32(0x202).emit(0x9d);
        code.load(CodeBuffer.RAX, control + ACTIVE).emit(0x85, 0xc0);
        int notActive = code.jumpIf(EQUAL);
        code.lea(CodeBuffer.RAX, altStack).emit(0x48, 0x39, 0xc4);
        int below = code.jumpIf(BELOW);
        code.lea(CodeBuffer.RAX, altStackEnd).emit(0x48, 0x39, 0xc4);
        int above = code.jumpIf(ABOVE_EQUAL);
        for (int reg = 0; reg < 16; reg++) { copyGreg(GREG_OF[reg], 8 * reg); }
        copyGreg(GREG_RIP, HostRegisters.RIP);
        copyGreg(GREG_EFLAGS, HostRegisters.RFLAGS);
        copyGreg(GREG_ERROR, HostRegisters.ERROR_CODE);
        copyGreg(GREG_TRAP, HostRegisters.VECTOR);
        copyGreg(GREG_CR2, HostRegisters.CR2);
        code.loadAt(CodeBuffer.RSI, CodeBuffer.RDX, FPREGS);
        code.lea(CodeBuffer.RDI, control + OUT + HostRegisters.XSAVE);
        int qwords = (avx ? HostRegisters.XSAVE_SIZE : HostRegisters.XSAVE_SIZE - 256) / 8;
        code.emit(0xb9).emit32(qwords).emit(0xf3, 0x48, 0xa5);
        code.lea(CodeBuffer.RAX, restore).storeAt(CodeBuffer.RDX, GREGS + 8 * GREG_RIP, CodeBuffer.RAX);
        code.load(CodeBuffer.RAX, control + HOST_RSP);
        code.storeAt(CodeBuffer.RDX, GREGS + 8 * GREG_OF[CodeBuffer.RSP], CodeBuffer.RAX);
        code.emit(0xb8).emit32(0x202).storeAt(CodeBuffer.RDX, GREGS + 8 * GREG_EFLAGS, CodeBuffer.RAX);
        // mov word [rdx + cs], 33h: the exit path is 64-bit code.
        code.emit(0x66, 0xc7, 0x82).emit32(GREGS + 8 * GREG_SEGMENTS).emit(USER_CODE, 0);
        code.store32(control + ACTIVE, 0);
        code.emit(0xc3);
        code.land(notActive).land(below).land(above);
        code.emit(0x89, 0xf8).lea(CodeBuffer.RCX, control + OLD).emit(0xff, 0x24, 0xc1);
    }

    private void copyGreg(int index, int field) {
        code.loadAt(CodeBuffer.RAX, CodeBuffer.RDX, GREGS + 8 * index);
        code.store(control + OUT + field, CodeBuffer.RAX);
    }

    static int[] signals() {
        return SIGNALS.clone();
    }
}

package org.xenolith.cpu.jit.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The host CPU as an executor of single user-mode instructions: load a register state, run given bytes in this process,
 * read the state afterwards. Faults that the bytes raise come back as vectors; the JVM does not notice them.
 *
 * <p>Everything lies in one arena of 16 MB at a fixed low address, so that cases can use absolute and 32-bit addresses:
 * <pre>
 *   +1 MB  data: {@value #DATA_PAGES} read-write pages, then {@value #READ_ONLY_PAGES} read-only page
 *   +2 MB  code: {@value #CODE_PAGES} pages, INT3 throughout except for the instruction under test
 *   +3 MB  trampoline, its control block, alternate signal stack: not for guests
 * </pre>
 * All else in it is inaccessible. The caller keeps every effective address of a case within the arena's first 3 MB or
 * non-canonical: the instruction runs with the rights of the JVM. Bytes that would enter the host kernel (SYSCALL,
 * SYSENTER, INT 80h) must never be given, nor ones that loop on themselves.
 *
 * <p>Bound to the thread that opened it, which keeps an alternate signal stack until {@link #close()}.
 */
public final class HostCpu implements AutoCloseable {
    /** Bytes of a page. */
    public static final int PAGE = 4096;
    /** Read-write data pages. */
    public static final int DATA_PAGES = 4;
    /** Read-only data pages, after the writable ones. */
    public static final int READ_ONLY_PAGES = 1;
    /** Pages for the code under test. */
    public static final int CODE_PAGES = 2;
    /** {@link #run} returned: the bytes ran to their end or branched away, without a fault. */
    public static final int NO_FAULT = -1;

    private static final long ARENA_SIZE = 16L << 20;
    private static final long DATA_OFFSET = 1L << 20;
    private static final long CODE_OFFSET = 2L << 20;
    private static final long TRAMPOLINE_OFFSET = 3L << 20;
    private static final long CONTROL_OFFSET = TRAMPOLINE_OFFSET + PAGE;
    private static final long ALT_STACK_OFFSET = TRAMPOLINE_OFFSET + (64L << 10);
    private static final long ALT_STACK_SIZE = 256L << 10;
    private static final long[] BASES = {0x2000_0000L, 0x6000_0000L, 0x4000_0000L, 0x1000_0000L, 0x7000_0000L,
        0x5000_0000L, 0x3000_0000L, 0x0800_0000L, 0x0400_0000L};
    private static final int JUMP_LENGTH = 5;
    private static final int FAR_JUMP_LENGTH = 7;
    private static final int MAX_BYTES = 4096;
    private static final int BREAKPOINT = 3;
    private static final int PAGE_FAULT = 14;
    private static final int FETCH_ERROR = 16;

    private final HostFeatures features;
    private final long base;
    private final CodeCache codePages;
    private final CodeCache trampolinePage;
    private final MemorySegment data;
    private final MemorySegment code;
    private final HostRegisters in;
    private final HostRegisters out;
    private final MethodHandle enter;
    private final MethodHandle enterCompatibility;
    private final boolean compatibility;
    private final long exit;
    private final SignalGuard guard;
    private final Thread owner = Thread.currentThread();
    private boolean closed;

    private HostCpu(HostFeatures features, long base) {
        this.features = features;
        this.base = base;
        int anonymous = HostCalls.MAP_PRIVATE | HostCalls.MAP_ANONYMOUS | HostCalls.MAP_FIXED;
        int readWrite = HostCalls.PROT_READ | HostCalls.PROT_WRITE;
        long dataSize = (long) (DATA_PAGES + READ_ONLY_PAGES) * PAGE;
        HostCalls.mmap(dataBase(), dataSize, readWrite, anonymous, -1);
        HostCalls.mmap(base + CONTROL_OFFSET, Trampoline.CONTROL_SIZE, readWrite, anonymous, -1);
        HostCalls.mmap(base + ALT_STACK_OFFSET, ALT_STACK_SIZE, readWrite, anonymous, -1);
        // SAFETY: the mappings just made, which live until close(); a closed executor refuses to run.
        this.data = HostCalls.view(dataBase(), dataSize);
        MemorySegment control = HostCalls.view(base + CONTROL_OFFSET, Trampoline.CONTROL_SIZE);
        this.codePages = CodeCache.mapAt(codeBase(), (long) CODE_PAGES * PAGE);
        this.code = codePages.writable().fill((byte) 0xcc);
        this.trampolinePage = CodeCache.mapAt(base + TRAMPOLINE_OFFSET, PAGE);
        this.in = new HostRegisters(control.asSlice(Trampoline.IN, HostRegisters.SIZE));
        this.out = new HostRegisters(control.asSlice(Trampoline.OUT, HostRegisters.SIZE));
        in.reset();
        Trampoline trampoline = new Trampoline(base + TRAMPOLINE_OFFSET, base + CONTROL_OFFSET,
                base + ALT_STACK_OFFSET, base + ALT_STACK_OFFSET + ALT_STACK_SIZE, features);
        trampolinePage.write(0, trampoline.bytes());
        this.exit = trampoline.exit();
        this.enter = HostCalls.entry(trampoline.enter(), FunctionDescriptor.ofVoid());
        this.enterCompatibility = HostCalls.entry(trampoline.enterCompatibility(), FunctionDescriptor.ofVoid());
        this.guard = new SignalGuard(trampoline.handler(), control.asSlice(Trampoline.OLD), base + ALT_STACK_OFFSET,
                ALT_STACK_SIZE);
        // Without FSGSBASE there is no way to put the JVM's FS base back after its selector was loaded.
        this.compatibility = features.fsGsBase() && run(0, new byte[]{(byte) 0x90}, false, true) == NO_FAULT;
    }

    /**
     * Maps the arena at the first of its usual addresses that is free and guards the calling thread.
     *
     * @return the executor, to be used and closed by the calling thread
     * @throws HostException if the host is not x86-64 Linux with XSAVE, or refuses a mapping
     */
    public static HostCpu open() {
        HostFeatures features = HostFeatures.detect();
        if ((features.xcr0() & 3) != 3) {
            throw new HostException("host CPU without XSAVE");
        }
        HostException last = null;
        for (long base : BASES) {
            try {
                HostCalls.mmap(base, ARENA_SIZE, HostCalls.PROT_NONE, HostCalls.MAP_PRIVATE | HostCalls.MAP_ANONYMOUS
                        | HostCalls.MAP_NORESERVE | HostCalls.MAP_FIXED_NOREPLACE, -1);
            } catch (HostException e) {
                last = e;
                continue;
            }
            try {
                return new HostCpu(features, base);
            } catch (HostException e) {
                HostCalls.munmap(base, ARENA_SIZE);
                throw e;
            }
        }
        throw last;
    }

    public HostFeatures features() {
        return features;
    }

    /**
     * Address of the first data page.
     *
     * @return host virtual address, below 2 GB
     */
    public long dataBase() {
        return base + DATA_OFFSET;
    }

    /**
     * Address of the first code page.
     *
     * @return host virtual address, below 2 GB
     */
    public long codeBase() {
        return base + CODE_OFFSET;
    }

    /**
     * The data pages, for the caller to fill and compare.
     *
     * @return read-write and read-only pages in one segment; the latter are writable until {@link #protect()}
     */
    public MemorySegment data() {
        return data;
    }

    /** Makes the read-only pages read-only; their content stays as it is. */
    public void protect() {
        HostCalls.mprotect(dataBase() + (long) DATA_PAGES * PAGE, (long) READ_ONLY_PAGES * PAGE, HostCalls.PROT_READ);
    }

    /**
     * The state that the next run starts from.
     *
     * @return a view that is kept between runs
     */
    public HostRegisters in() {
        return in;
    }

    /**
     * The state that the last run ended with.
     *
     * @return a view that the next run overwrites
     */
    public HostRegisters out() {
        return out;
    }

    /**
     * Runs bytes at an offset of the code pages.
     *
     * @param offset from {@link #codeBase()}
     * @param bytes  at most 4096
     * @param branch true if they may branch to just behind themselves other than by falling through (what follows is
     *               then INT3, whose trap is slower than the jump that is otherwise put there)
     * @return {@link #NO_FAULT}, or the vector of the exception that ended the run; RIP of {@link #out()} is then the
     *         one that the exception reports, otherwise the address where execution went on
     */
    public int run(int offset, byte[] bytes, boolean branch) {
        return run(offset, bytes, branch, false);
    }

    /**
     * Tells whether 32-bit code can be run.
     *
     * @return true if the kernel has a 32-bit code segment for user mode, and bases can be restored
     */
    public boolean compatibility() {
        return compatibility;
    }

    /**
     * As {@link #run(int, byte[], boolean)}, in 64-bit or in compatibility mode. The latter has 32-bit code, flat DS, ES
     * and SS, and FS and GS with the low halves of their bases; the upper halves of general registers are undefined
     * after it.
     *
     * @param offset from {@link #codeBase()}
     * @param bytes  at most 4096
     * @param branch as there
     * @param compat true for 32-bit code
     * @return as there
     */
    public int run(int offset, byte[] bytes, boolean branch, boolean compat) {
        if (closed || Thread.currentThread() != owner) {
            throw new IllegalStateException("host CPU is closed or belongs to another thread");
        }
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException("more than " + MAX_BYTES + " bytes");
        }
        long start = codeBase() + offset;
        long end = start + bytes.length;
        MemorySegment.copy(bytes, 0, code, ValueLayout.JAVA_BYTE, offset, bytes.length);
        int behind = offset + bytes.length;
        int pad = compat ? FAR_JUMP_LENGTH : JUMP_LENGTH;
        boolean jump = !branch && behind + pad <= code.byteSize();
        if (jump && compat) {
            code.set(ValueLayout.JAVA_BYTE, behind, (byte) 0xea);
            code.set(ValueLayout.JAVA_INT_UNALIGNED, behind + 1, (int) exit);
            code.set(ValueLayout.JAVA_SHORT_UNALIGNED, behind + 5, (short) Trampoline.USER_CODE);
        } else if (jump) {
            code.set(ValueLayout.JAVA_BYTE, behind, (byte) 0xe9);
            code.set(ValueLayout.JAVA_INT_UNALIGNED, behind + 1, (int) (exit - end - JUMP_LENGTH));
        }
        in.rip(compat ? start | (long) Trampoline.USER_CODE_32 << 32 : start);
        try {
            if (compat) {
                enterCompatibility.invokeExact();
            } else {
                enter.invokeExact();
            }
        } catch (Throwable t) {
            throw HostCalls.wrap(t);
        } finally {
            code.asSlice(offset, bytes.length + (jump ? pad : 0)).fill((byte) 0xcc);
        }
        int vector = out.vectorField();
        if (vector == NO_FAULT) {
            out.rip(end);
        } else if (vector == BREAKPOINT && (out.rip() <= start || out.rip() > end)) {
            out.rip(out.rip() - 1);
            vector = NO_FAULT;
        } else
            if (vector == PAGE_FAULT && (out.errorCodeField() & FETCH_ERROR) != 0
                    && (out.rip() < start || out.rip() >= end)) {
                        // The branch itself retired; what faulted is the fetch of the next instruction.
                        vector = NO_FAULT;
                    }
        return vector;
    }

    /**
     * Error code of the last fault.
     *
     * @return the code that the CPU pushed, 0 where the vector has none
     */
    public long errorCode() {
        return out.errorCodeField();
    }

    /**
     * Address of the last page fault.
     *
     * @return CR2; meaningful only after vector 14
     */
    public long faultAddress() {
        return out.cr2Field();
    }

    /** Takes the signal handler out and unmaps the arena. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        boolean clean = guard.remove();
        guard.close();
        if (clean) {
            // The two caches lie inside; a second mapping of theirs goes with them.
            codePages.close();
            trampolinePage.close();
            HostCalls.munmap(base, ARENA_SIZE);
        }
    }

    @Override
    public String toString() {
        return "HostCpu[" + features.vendor() + " at " + Long.toHexString(base) + "]";
    }
}

package org.xenolith.cpu.jit.host;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The libc calls that this package needs (mmap family, memfd, signal set-up), with Linux x86-64 constants
 * ({@code bits/mman-linux.h}, {@code bits/sigaction.h}). A failing call throws {@link HostException} with its errno.
 */
final class HostCalls {
    static final int PROT_NONE = 0;
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;

    static final int MAP_SHARED = 1;
    static final int MAP_PRIVATE = 2;
    static final int MAP_FIXED = 0x10;
    static final int MAP_ANONYMOUS = 0x20;
    static final int MAP_NORESERVE = 0x4000;
    static final int MAP_FIXED_NOREPLACE = 0x100000;

    static final int SIG_BLOCK = 0;
    static final int SIG_SETMASK = 2;

    /** {@code struct sigaction} of glibc: handler, 128-byte mask, flags, restorer. */
    static final int SIGACTION_SIZE = 152;
    static final int SIGACTION_MASK = 8;
    static final int SIGACTION_FLAGS = 136;
    static final int SA_SIGINFO = 4;
    static final int SA_ONSTACK = 0x08000000;
    static final int SA_RESTART = 0x10000000;
    static final int SIGSET_SIZE = 128;
    /** {@code stack_t}: ss_sp, ss_flags, ss_size. */
    static final int STACK_T_SIZE = 24;
    static final int SS_DISABLE = 2;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final ValueLayout.OfLong L = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt I = ValueLayout.JAVA_INT;

    private static final MethodHandle MMAP = call("mmap", FunctionDescriptor.of(L, L, L, I, I, I, L));
    private static final MethodHandle MPROTECT = call("mprotect", FunctionDescriptor.of(I, L, L, I));
    private static final MethodHandle MUNMAP = call("munmap", FunctionDescriptor.of(I, L, L));
    private static final MethodHandle MEMFD = call("memfd_create", FunctionDescriptor.of(I, ValueLayout.ADDRESS, I));
    private static final MethodHandle FTRUNCATE = call("ftruncate", FunctionDescriptor.of(I, I, L));
    private static final MethodHandle CLOSE = call("close", FunctionDescriptor.of(I, I));
    private static final MethodHandle SIGACTION = call("sigaction",
            FunctionDescriptor.of(I, I, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    private static final MethodHandle SIGALTSTACK = call("sigaltstack",
            FunctionDescriptor.of(I, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    private static final MethodHandle SIGMASK = call("pthread_sigmask",
            FunctionDescriptor.of(I, I, ValueLayout.ADDRESS, ValueLayout.ADDRESS));

    private static final MethodHandle GETAUXVAL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("getauxval"),
            FunctionDescriptor.of(L, L));

    private HostCalls() {
    }

    private static MethodHandle call(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type,
                Linker.Option.captureCallState("errno"));
    }

    /** A downcall into emitted code at {@code address}; the caller vouches for the code and its type. */
    static MethodHandle entry(long address, FunctionDescriptor type) {
        return LINKER.downcallHandle(MemorySegment.ofAddress(address), type);
    }

    /** A view of {@code size} bytes of raw memory; the caller vouches for the mapping's extent and lifetime. */
    static MemorySegment view(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size);
    }

    static long mmap(long address, long size, int prot, int flags, int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            long r = (long) MMAP.invokeExact(state, address, size, prot, flags, fd, 0L);
            if (r == -1) {
                throw failed("mmap", state);
            }
            return r;
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void mprotect(long address, long size, int prot) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("mprotect", (int) MPROTECT.invokeExact(state, address, size, prot), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void munmap(long address, long size) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("munmap", (int) MUNMAP.invokeExact(state, address, size), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static int memfd(String name, long size) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            int fd = (int) MEMFD.invokeExact(state, arena.allocateFrom(name), 1);
            check("memfd_create", fd, state);
            check("ftruncate", (int) FTRUNCATE.invokeExact(state, fd, size), state);
            return fd;
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void close(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("close", (int) CLOSE.invokeExact(state, fd), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void sigaction(int signal, MemorySegment action, MemorySegment old) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("sigaction", (int) SIGACTION.invokeExact(state, signal, action, old), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void sigaltstack(MemorySegment stack, MemorySegment old) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("sigaltstack", (int) SIGALTSTACK.invokeExact(state, stack, old), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    static void sigmask(int how, MemorySegment set, MemorySegment old) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            check("pthread_sigmask", -(int) SIGMASK.invokeExact(state, how, set, old), state);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    /** A value of the auxiliary vector ({@code getauxval}); 0 if it is not there. */
    static long auxiliary(long type) {
        try {
            return (long) GETAUXVAL.invokeExact(type);
        } catch (Throwable t) {
            throw wrap(t);
        }
    }

    private static void check(String name, int result, MemorySegment state) {
        if (result < 0) {
            throw failed(name, state);
        }
    }

    private static HostException failed(String name, MemorySegment state) {
        return new HostException(name + " failed with errno " + (int) ERRNO.get(state, 0L));
    }

    static RuntimeException wrap(Throwable t) {
        if (t instanceof Error e) {
            throw e;
        }
        return t instanceof RuntimeException e ? e : new HostException(t.toString());
    }
}

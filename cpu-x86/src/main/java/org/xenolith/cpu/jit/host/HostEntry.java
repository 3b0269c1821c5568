package org.xenolith.cpu.jit.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A call from Java into emitted code of the type {@code int f(long, long)}: a plain downcall, so that the JVM can reach safepoints while
 * the code runs.
 */
public final class HostEntry {
    private static final MethodHandle CALL = Linker.nativeLinker().downcallHandle(FunctionDescriptor
            .of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    private final MemorySegment address;

    /** @param address where the code runs; the caller vouches for it and its type */
    public HostEntry(long address) {
        this.address = MemorySegment.ofAddress(address);
    }

    /** Calls the code with its two arguments in RDI and RSI. */
    public int call(long first, long second) {
        try {
            return (int) CALL.invokeExact(address, first, second);
        } catch (Throwable t) {
            throw HostCalls.wrap(t);
        }
    }
}

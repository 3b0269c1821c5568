package org.xenolith.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Unchecked little-endian access to host memory by absolute address.
 *
 * <p>Every raw access of the emulator goes through this class; callers above it speak {@link PhysicalMemory} (bounds-checked) or
 * offsets into a CPU state block. A wrong address here ends the JVM, so only addresses from {@link HostMapping} may be passed.
 */
public final class RawMemory {
    // SAFETY: spans the whole address space so that C2 folds the bounds check; callers only pass addresses inside live HostMappings.
    @SuppressWarnings("restricted")
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private RawMemory() {
    }

    public static int get8(long address) {
        return ALL.get(ValueLayout.JAVA_BYTE, address) & 0xff;
    }

    public static int get16(long address) {
        return ALL.get(SHORT, address) & 0xffff;
    }

    public static int get32(long address) {
        return ALL.get(INT, address);
    }

    public static long get64(long address) {
        return ALL.get(LONG, address);
    }

    public static void put8(long address, int value) {
        ALL.set(ValueLayout.JAVA_BYTE, address, (byte) value);
    }

    public static void put16(long address, int value) {
        ALL.set(SHORT, address, (short) value);
    }

    public static void put32(long address, int value) {
        ALL.set(INT, address, value);
    }

    public static void put64(long address, long value) {
        ALL.set(LONG, address, value);
    }

    /** Copies {@code length} bytes between non-overlapping or overlapping host ranges (memmove semantics). */
    public static void copy(long from, long to, long length) {
        MemorySegment.copy(ALL, from, ALL, to, length);
    }

    /** Offset of the first byte in which two host ranges differ, or -1. */
    public static long mismatch(long a, long b, long length) {
        return MemorySegment.mismatch(ALL, a, a + length, ALL, b, b + length);
    }

    public static void copyOut(long from, byte[] to, int offset, int length) {
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, from, to, offset, length);
    }

    public static void copyIn(byte[] from, int offset, long to, int length) {
        MemorySegment.copy(from, offset, ALL, ValueLayout.JAVA_BYTE, to, length);
    }

    public static void fill(long address, long length, int value) {
        ALL.asSlice(address, length).fill((byte) value);
    }
}

package org.xenolith.guests.compress;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The inner step of all LZ77 formats: repeating what was written a distance ago. */
final class Matches {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private Matches() {}

    /**
     * Copies a match; up to 7 bytes behind it, but before {@code end}, may be overwritten and are not yet valid.
     *
     * @param dst holds what was written so far
     * @param d where the copy goes
     * @param distance how far back it comes from, 1 to d
     * @param length how many bytes, at most end - d
     * @param end index behind the last byte that may be written
     */
    static void copy(byte[] dst, int d, int distance, int length, int end) {
        int source = d - distance;
        if (distance >= 8 && end - d >= length + 8) {
            if (length > 64 && distance >= length) {
                System.arraycopy(dst, source, dst, d, length);
                return;
            }
            int done = 0;
            do {
                LONG.set(dst, d + done, (long) LONG.get(dst, source + done));
                done += 8;
            } while (done < length);
        } else if (distance == 1) {
            Arrays.fill(dst, d, d + length, dst[source]);
        } else {
            for (int i = 0; i < length; i++) {
                dst[d + i] = dst[source + i];
            }
        }
    }

    /** Copies 16 bytes from one array to another, which both must have. */
    static void copy16(byte[] src, int from, byte[] dst, int d) {
        LONG.set(dst, d, (long) LONG.get(src, from));
        LONG.set(dst, d + 8, (long) LONG.get(src, from + 8));
    }
}

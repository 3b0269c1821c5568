package org.xenolith.devices.net;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The checksum of IP, ICMP, UDP and TCP (RFC 1071). Partial sums are unfolded, so that they can be added. */
public final class InetChecksum {
    private static final VarHandle INT_BE = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

    private InetChecksum() {
    }

    /** The sum of 16-bit words of a range; a last odd byte counts as a high one. At most 2^31 bytes. */
    public static long sum(byte[] data, int from, int length) {
        long sum = 0;
        int at = from;
        int end = from + length;
        while (end - at >= 4) {
            // 2^16 is 1 modulo 2^16 - 1: whole 32-bit words may be added and folded later
            sum += (int) INT_BE.get(data, at) & 0xffff_ffffL;
            at += 4;
        }
        if (end - at >= 2) {
            sum += (data[at] & 0xff) << 8 | data[at + 1] & 0xff;
            at += 2;
        }
        if (at < end) {
            sum += (data[at] & 0xff) << 8;
        }
        return sum;
    }

    /** Folds a sum to 16 bits. */
    public static int fold(long sum) {
        long s = sum;
        while (s >>> 16 != 0) {
            s = (s & 0xffff) + (s >>> 16);
        }
        return (int) s;
    }

    /** The checksum of a range whose own checksum field is 0. */
    public static int of(byte[] data, int from, int length) {
        return ~fold(sum(data, from, length)) & 0xffff;
    }
}

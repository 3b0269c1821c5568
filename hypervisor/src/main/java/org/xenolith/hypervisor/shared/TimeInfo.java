package org.xenolith.hypervisor.shared;

import org.xenolith.cpu.Cpu;

/**
 * The contents of {@code struct vcpu_time_info} (public/xen.h): how a vCPU turns its TSC into nanoseconds of system
 * time.
 *
 * <p>The scale rounds down, so that time as the guest extrapolates it never runs ahead of {@code systemTime} of a later
 * record.
 *
 * @param tsc the vCPU's TSC at the time of the record
 * @param systemTime virtual nanoseconds since power-on
 */
public record TimeInfo(long tsc, long systemTime, TscScale scale) {
    /** Size in bytes. */
    public static final int SIZE = 32;

    /**
     * ns = ((ticks shifted left by {@code shift}, or right when negative) * multiplier) &gt;&gt; 32.
     *
     * @param multiplier unsigned 32-bit fraction
     */
    public record TscScale(int multiplier, int shift) {
        /** The scale of a TSC frequency in kHz, as Xen's set_time_scale computes it. */
        public static TscScale of(int khz) {
            if (khz <= 0) {
                throw new IllegalArgumentException("TSC frequency must be positive, not " + khz + " kHz");
            }
            long hertz = khz * 1000L;
            int shift = 0;
            while (hertz > 2_000_000_000L) {
                hertz >>>= 1;
                shift--;
            }
            while (hertz <= 1_000_000_000L) {
                hertz <<= 1;
                shift++;
            }
            // 10^9 * 2^32 / hertz: below 2^32 because hertz is above 10^9
            return new TscScale((int) Long.divideUnsigned(1_000_000_000L << 32, hertz), shift);
        }
    }

    public static TimeInfo now(Cpu cpu, TscScale scale) {
        return new TimeInfo(cpu.tsc(), cpu.clock().now(), scale);
    }

    void store(SharedPage page, int at) {
        int version = page.read32(at) | 1;
        page.write32(at, version);
        page.write64(at + 8, tsc);
        page.write64(at + 16, systemTime);
        page.write32(at + 24, scale.multiplier);
        page.write8(at + 28, scale.shift);
        page.write8(at + 29, 0);
        page.write32(at, version + 1);
    }

    /** The structure as bytes, with a stable (even) version. */
    public byte[] bytes(int version) {
        byte[] b = new byte[SIZE];
        put(b, 0, version, 4);
        put(b, 8, tsc, 8);
        put(b, 16, systemTime, 8);
        put(b, 24, scale.multiplier, 4);
        b[28] = (byte) scale.shift;
        return b;
    }

    private static void put(byte[] b, int at, long v, int n) {
        for (int i = 0; i < n; i++) {
            b[at + i] = (byte) (v >>> 8 * i);
        }
    }
}

package org.xenolith.cpu.fpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What the measured vectors do not say: how a packed instruction commits, the approximations, host-free fast paths. */
class SseFloatTest {
    private final Mxcsr mxcsr = new Mxcsr();

    @Test
    void unmasked_denormal_hides_overflow_of_another_element() {
        mxcsr.load(Mxcsr.RESET & ~(Mxcsr.DE << Mxcsr.MASK_SHIFT));
        SseFloat.mul64(bits(Double.MIN_VALUE), bits(1), mxcsr);
        SseFloat.mul64(bits(1e300), bits(1e300), mxcsr);
        assertTrue(mxcsr.commit());
        assertEquals(Mxcsr.DE, mxcsr.value() & 0x3f);
    }

    @Test
    void unmasked_overflow_keeps_the_flags_of_every_element() {
        mxcsr.load(Mxcsr.RESET & ~(Mxcsr.OE << Mxcsr.MASK_SHIFT));
        SseFloat.mul64(bits(Double.MIN_VALUE), bits(1), mxcsr);
        SseFloat.mul64(bits(1e300), bits(1e300), mxcsr);
        assertTrue(mxcsr.commit());
        assertEquals(Mxcsr.DE | Mxcsr.OE | Mxcsr.PE, mxcsr.value() & 0x3f);
    }

    @Test
    void flags_stay_until_software_clears_them() {
        mxcsr.load(Mxcsr.RESET | Mxcsr.ZE);
        SseFloat.add64(bits(0.1), bits(0.2), mxcsr);
        assertFalse(mxcsr.commit());
        assertEquals(Mxcsr.RESET | Mxcsr.ZE | Mxcsr.PE, mxcsr.value());
    }

    @Test
    void fast_paths_agree_with_exact_arithmetic_about_value_and_precision() {
        SplittableRandom random = new SplittableRandom(42);
        Mxcsr sticky = new Mxcsr();
        for (int i = 0; i < 200_000; i++) {
            long a = random.nextLong() & -1L << random.nextInt(53);
            long b = random.nextLong() & -1L << random.nextInt(53);
            mxcsr.load(Mxcsr.RESET);
            sticky.load(Mxcsr.RESET | Mxcsr.PE);
            assertEquals(SseFloat.add64(a, b, mxcsr), SseFloat.add64(a, b, sticky));
            assertEquals(SseFloat.div64(a, b, mxcsr), SseFloat.div64(a, b, sticky));
            assertEquals(SseFloat.fma64(a, b, a, false, true, mxcsr), SseFloat.fma64(a, b, a, false, true, sticky));
            int x = (int) (a >>> 32);
            int y = (int) (b >>> 32);
            assertEquals(SseFloat.fma32(x, y, x, true, false, mxcsr), SseFloat.fma32(x, y, x, true, false, sticky));
        }
    }

    @Test
    void reciprocal_is_within_the_bound_of_the_manual() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 100_000; i++) {
            int a = random.nextInt(0x0080_0000, 0x7e00_0000);
            double exact = 1.0 / Float.intBitsToFloat(a);
            double got = Float.intBitsToFloat(SseApprox.rcp32(a));
            assertTrue(Math.abs(got / exact - 1) <= 0x1p-13, () -> Integer.toHexString(a));
        }
    }

    @Test
    void reciprocal_root_is_within_the_bound_of_the_manual() {
        SplittableRandom random = new SplittableRandom(2);
        for (int i = 0; i < 100_000; i++) {
            int a = random.nextInt(0x0080_0000, 0x7f80_0000);
            double exact = 1.0 / Math.sqrt(Float.intBitsToFloat(a));
            double got = Float.intBitsToFloat(SseApprox.rsqrt32(a));
            assertTrue(Math.abs(got / exact - 1) <= 0x1p-13, () -> Integer.toHexString(a));
        }
    }

    @Test
    void approximations_treat_denormals_as_zeros_and_flush_tiny_results() {
        assertEquals(0xff80_0000, SseApprox.rcp32(0x8000_0001));
        assertEquals(0x7f80_0000, SseApprox.rsqrt32(0x007f_ffff));
        assertEquals(0, SseApprox.rcp32(0x7f00_0000));
        assertEquals(0xffc0_0000, SseApprox.rsqrt32(0xbf80_0000));
        assertEquals(0x7fc0_0001, SseApprox.rcp32(0x7f80_0001));
    }

    private static long bits(double value) {
        return Double.doubleToRawLongBits(value);
    }
}

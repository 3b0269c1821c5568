package org.xenolith.cpu.oracle;

import java.util.function.Consumer;
import java.util.function.Predicate;

/** Makes a failing case plainer while it keeps failing: registers to zero, defaults for control words, data to zero. */
final class Shrinker {
    private final Predicate<TestCase> same;

    /**
     * Creates a shrinker.
     *
     * @param same true if both sides agree on a case
     */
    Shrinker(Predicate<TestCase> same) {
        this.same = same;
    }

    TestCase shrink(TestCase failing) {
        TestCase best = new TestCase();
        best.copy(failing);
        for (int i = 0; i < 16; i++) {
            int reg = i;
            if ((failing.fixedRegisters >> i & 1) == 0) {
                attempt(best, c -> c.input.gpr[reg] = 0);
            }
        }
        attempt(best, c -> c.input.rflags = 0x202);
        for (int i = 0; i < 64; i++) {
            int lane = i;
            if (i >> 2 != failing.fixedVector) {
                attempt(best, c -> c.input.ymm[lane] = 0);
            }
        }
        attempt(best, c -> c.input.mxcsr = 0x1f80);
        attempt(best, c -> {
            c.input.fcw = 0x37f;
            c.input.fsw &= 0x3800;
            c.input.tags = 0xff;
        });
        for (int i = 0; i < 8; i++) {
            int reg = i;
            attempt(best, c -> {
                c.input.significand[reg] = 0;
                c.input.exponent[reg] = 0;
            });
        }
        if (!failing.branch) {
            for (int i = 0; i < failing.patches; i++) {
                int patch = i;
                attempt(best, c -> java.util.Arrays.fill(c.patch[patch], (byte) 0));
            }
        }
        return best;
    }

    private void attempt(TestCase best, Consumer<TestCase> change) {
        TestCase tried = new TestCase();
        tried.copy(best);
        change.accept(tried);
        if (!same.test(tried)) {
            best.copy(tried);
        }
    }
}

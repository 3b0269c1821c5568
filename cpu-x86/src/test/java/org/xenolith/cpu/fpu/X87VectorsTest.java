package org.xenolith.cpu.fpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * x87 arithmetic against vectors measured on a CPU by {@code src/test/c/x87-vectors.c}: registers, memory operand and
 * status word, under all rounding and precision modes, with unmasked exceptions and unsupported encodings.
 *
 * <p>With {@code -Dxenolith.fpu.vectors=N} (and gcc, and an x86-64 host) N more are measured here and now.
 */
class X87VectorsTest {

    /** One measured vector. */
    private record Vector(String op, int cw, F80 a, F80 b, F80 mem, F80 st0, F80 st1, F80 memAfter, int sw, int flags) {
        /** Null if our result agrees. */
        String difference(X87Vectors ours) {
            ours.st0.set(a);
            ours.st1.set(b);
            ours.mem.set(mem);
            ours.run(op, cw);
            int top = sw >> 11 & 7;
            boolean same = ours.sw == sw && equal(ours.st0, st0) && (top == 7 || equal(ours.st1, st1))
                    && equal(ours.mem, memAfter) && (!op.endsWith("comi") || ours.eflags == flags);
            return same
                    ? null
                    : String.format("%s cw=%x a=%s b=%s mem=%s: %s %s mem=%s sw=%04x fl=%x; measured %s %s mem=%s "
                            + "sw=%04x fl=%x", op, cw, a, b, mem, ours.st0, ours.st1, ours.mem, ours.sw, ours.eflags,
                            st0, st1, memAfter, sw, flags);
        }

        private static boolean equal(F80 x, F80 y) {
            return x.se == y.se && x.sig == y.sig;
        }

        static Vector parse(String line) {
            String[] w = line.split(" ");
            return new Vector(w[0], hex(w[1]), f80(w, 2), f80(w, 4), f80(w, 6), f80(w, 8), f80(w, 10), f80(w, 12),
                    hex(w[14]), hex(w[15]));
        }

        private static int hex(String digits) {
            return Integer.parseInt(digits, 16);
        }

        private static F80 f80(String[] words, int at) {
            return new F80(hex(words[at]), Long.parseUnsignedLong(words[at + 1], 16));
        }

        static Vector parse(byte[] record) {
            String op = MeasuredVectors.name(record);
            ByteBuffer r = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
            return new Vector(op, r.getShort(70) & 0xffff, f80(r, 64, 16), f80(r, 66, 24), f80(r, 68, 32),
                    f80(r, 72, 40), f80(r, 74, 48), f80(r, 76, 56), r.getInt(80), r.getInt(84));
        }

        private static F80 f80(ByteBuffer r, int signExp, int significand) {
            return new F80(r.getShort(signExp), r.getLong(significand));
        }
    }

    private final X87Vectors ours = new X87Vectors();

    @Test
    void committed_vectors_agree() throws IOException {
        MeasuredVectors.committed("x87-vectors.txt", 1500, line -> Vector.parse(line).difference(ours));
    }

    @Test
    void freshly_measured_vectors_agree(@TempDir Path dir) throws IOException, InterruptedException {
        MeasuredVectors.fresh(dir, "x87-vectors", 112, record -> Vector.parse(record).difference(ours));
    }
}

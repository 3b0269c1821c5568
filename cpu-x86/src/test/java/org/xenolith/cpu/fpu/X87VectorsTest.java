package org.xenolith.cpu.fpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * x87 arithmetic against vectors measured on a CPU by {@code src/test/c/x87-vectors.c}: registers, memory operand and
 * status word, under all rounding and precision modes, with unmasked exceptions and unsupported encodings.
 *
 * <p>With {@code -Dxenolith.fpu.vectors=N} (and gcc, and an x86-64 host) N more are measured here and now.
 */
class X87VectorsTest {
    private static final int SHOWN = 20;

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
            int length = 0;
            while (record[length] != 0) {
                length++;
            }
            String op = new String(record, 0, length, StandardCharsets.US_ASCII);
            ByteBuffer r = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
            return new Vector(op, r.getShort(70) & 0xffff, f80(r, 64, 16), f80(r, 66, 24), f80(r, 68, 32),
                    f80(r, 72, 40), f80(r, 74, 48), f80(r, 76, 56), r.getInt(80), r.getInt(84));
        }

        private static F80 f80(ByteBuffer r, int signExp, int significand) {
            return new F80(r.getShort(signExp), r.getLong(significand));
        }
    }

    @Test
    void committed_vectors_agree() throws IOException {
        X87Vectors ours = new X87Vectors();
        List<String> wrong = new ArrayList<>();
        int count = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                X87VectorsTest.class.getResourceAsStream("x87-vectors.txt"), StandardCharsets.US_ASCII))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (!line.startsWith("#")) {
                    count++;
                    note(wrong, Vector.parse(line).difference(ours));
                }
            }
        }
        assertTrue(count >= 1500, "vectors: " + count);
        assertEquals(List.of(), wrong);
    }

    @Test
    void freshly_measured_vectors_agree(@TempDir Path dir) throws IOException, InterruptedException {
        long wanted = Long.getLong("xenolith.fpu.vectors", 0);
        assumeTrue(wanted > 0, "give -Dxenolith.fpu.vectors=N to measure N vectors on this host");
        Path source = Path.of("src/test/c/x87-vectors.c");
        assumeTrue(Files.exists(source), "needs the source tree");
        Path program = dir.resolve("x87-vectors");
        Process gcc = new ProcessBuilder("gcc", "-O1", "-o", program.toString(), source.toString()).inheritIO()
                .start();
        assertEquals(0, gcc.waitFor());
        String seed = System.getProperty("xenolith.fpu.seed", "1");
        Process measure = new ProcessBuilder(program.toString(), "-b", Long.toString(wanted), seed,
                System.getProperty("xenolith.fpu.op", "")).start();
        X87Vectors ours = new X87Vectors();
        List<String> wrong = new ArrayList<>();
        byte[] record = new byte[112];
        try (DataInputStream in = new DataInputStream(measure.getInputStream())) {
            for (long i = 0; i < wanted && wrong.size() < SHOWN; i++) {
                in.readFully(record);
                note(wrong, Vector.parse(record).difference(ours));
            }
        } finally {
            measure.destroy();
        }
        assertEquals(List.of(), wrong, "seed " + seed);
    }

    private static void note(List<String> wrong, String difference) {
        if (difference != null && wrong.size() < SHOWN) {
            wrong.add(difference);
        }
    }
}

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
 * SSE arithmetic against vectors measured on a CPU by {@code src/test/c/sse-vectors.c}: result, flags and traps, in all
 * rounding modes, with DAZ, FTZ and unmasked exceptions.
 *
 * <p>With {@code -Dxenolith.fpu.vectors=N} (and gcc, and an x86-64 host with AVX2) N more are measured here and now.
 */
class SseVectorsTest {
    private static final int SHOWN = 20;

    @Test
    void committed_vectors_agree() throws IOException {
        SseVectors vectors = new SseVectors();
        List<String> wrong = new ArrayList<>();
        int count = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                SseVectorsTest.class.getResourceAsStream("sse-vectors.txt"), StandardCharsets.US_ASCII))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("#")) {
                    continue;
                }
                String[] w = line.split(" ");
                count++;
                note(wrong, vectors.difference(w[0], (int) hex(w[1]), hex(w[2]), hex(w[3]), hex(w[4]), hex(w[5]),
                        (int) hex(w[6]), w[7].equals("1")));
            }
        }
        assertTrue(count >= 3000, "vectors: " + count);
        assertEquals(List.of(), wrong);
    }

    @Test
    void freshly_measured_vectors_agree(@TempDir Path dir) throws IOException, InterruptedException {
        long wanted = Long.getLong("xenolith.fpu.vectors", 0);
        assumeTrue(wanted > 0, "give -Dxenolith.fpu.vectors=N to measure N vectors on this host");
        Path source = Path.of("src/test/c/sse-vectors.c");
        assumeTrue(Files.exists(source), "needs the source tree");
        Path program = dir.resolve("sse-vectors");
        Process gcc = new ProcessBuilder("gcc", "-O1", "-o", program.toString(), source.toString()).inheritIO()
                .start();
        assertEquals(0, gcc.waitFor());
        String seed = System.getProperty("xenolith.fpu.seed", "1");
        Process measure = new ProcessBuilder(program.toString(), "-b", Long.toString(wanted), seed,
                System.getProperty("xenolith.fpu.op", "")).start();
        SseVectors vectors = new SseVectors();
        List<String> wrong = new ArrayList<>();
        byte[] record = new byte[64];
        try (DataInputStream in = new DataInputStream(measure.getInputStream())) {
            for (long i = 0; i < wanted && wrong.size() < SHOWN; i++) {
                in.readFully(record);
                int length = 0;
                while (record[length] != 0) { length++; }
                String op = new String(record, 0, length, StandardCharsets.US_ASCII);
                ByteBuffer b = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
                note(wrong, vectors.difference(op, b.getInt(16), b.getLong(24), b.getLong(32), b.getLong(40),
                        b.getLong(48), b.getInt(56), b.getInt(20) != 0));
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

    private static long hex(String digits) {
        return Long.parseUnsignedLong(digits, 16);
    }
}

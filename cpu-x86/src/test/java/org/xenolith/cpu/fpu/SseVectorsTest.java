package org.xenolith.cpu.fpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * SSE arithmetic against vectors measured on a CPU by {@code src/test/c/sse-vectors.c}: result, flags and traps, in all
 * rounding modes, with DAZ, FTZ and unmasked exceptions.
 *
 * <p>With {@code -Dxenolith.fpu.vectors=N} (and gcc, and an x86-64 host with AVX2) N more are measured here and now.
 */
class SseVectorsTest {
    private final SseVectors vectors = new SseVectors();

    @Test
    void committed_vectors_agree() throws IOException {
        MeasuredVectors.committed("sse-vectors.txt", 3000, line -> {
            String[] w = line.split(" ");
            return vectors.difference(w[0], (int) hex(w[1]), hex(w[2]), hex(w[3]), hex(w[4]), hex(w[5]),
                    (int) hex(w[6]), w[7].equals("1"));
        });
    }

    @Test
    void freshly_measured_vectors_agree(@TempDir Path dir) throws IOException, InterruptedException {
        MeasuredVectors.fresh(dir, "sse-vectors", 64, record -> {
            ByteBuffer b = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
            return vectors.difference(MeasuredVectors.name(record), b.getInt(16), b.getLong(24), b.getLong(32),
                    b.getLong(40), b.getLong(48), b.getInt(56), b.getInt(20) != 0);
        });
    }

    private static long hex(String digits) {
        return Long.parseUnsignedLong(digits, 16);
    }
}

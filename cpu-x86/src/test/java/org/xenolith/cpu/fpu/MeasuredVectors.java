package org.xenolith.cpu.fpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Vectors that a C program measured on a CPU: those committed as text, and fresh ones measured now. */
final class MeasuredVectors {
    private static final int SHOWN = 20;

    private MeasuredVectors() {
    }

    /**
     * Checks the committed vectors.
     *
     * @param resource a text file beside this class; lines that start with # are comments
     * @param atLeast how many vectors it must hold
     * @param difference what is wrong with a line's vector, or null
     */
    static void committed(String resource, int atLeast, Function<String, String> difference) throws IOException {
        List<String> wrong = new ArrayList<>();
        int count = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                MeasuredVectors.class.getResourceAsStream(resource), StandardCharsets.US_ASCII))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (!line.startsWith("#")) {
                    count++;
                    note(wrong, difference.apply(line));
                }
            }
        }
        assertTrue(count >= atLeast, "vectors: " + count);
        assertEquals(List.of(), wrong);
    }

    /**
     * Builds a program, lets it measure {@code -Dxenolith.fpu.vectors=N} vectors on this host and checks them; skipped without N.
     *
     * @param program name of the C source in src/test/c, without ending
     * @param recordBytes size of one binary record
     * @param difference what is wrong with a record's vector, or null
     */
    static void fresh(Path dir, String program, int recordBytes, Function<byte[], String> difference)
            throws IOException, InterruptedException {
        long wanted = Long.getLong("xenolith.fpu.vectors", 0);
        assumeTrue(wanted > 0, "give -Dxenolith.fpu.vectors=N to measure N vectors on this host");
        Path source = Path.of("src/test/c/" + program + ".c");
        assumeTrue(Files.exists(source), "needs the source tree");
        Path binary = dir.resolve(program);
        Process gcc = new ProcessBuilder("gcc", "-O1", "-o", binary.toString(), source.toString()).inheritIO().start();
        assertEquals(0, gcc.waitFor());
        String seed = System.getProperty("xenolith.fpu.seed", "1");
        Process measure = new ProcessBuilder(binary.toString(), "-b", Long.toString(wanted), seed,
                System.getProperty("xenolith.fpu.op", "")).start();
        List<String> wrong = new ArrayList<>();
        byte[] record = new byte[recordBytes];
        try (DataInputStream in = new DataInputStream(measure.getInputStream())) {
            for (long i = 0; i < wanted && wrong.size() < SHOWN; i++) {
                in.readFully(record);
                note(wrong, difference.apply(record));
            }
        } finally {
            measure.destroy();
        }
        assertEquals(List.of(), wrong, "seed " + seed);
    }

    /** The name at the start of a record, ended by a zero byte. */
    static String name(byte[] record) {
        int length = 0;
        while (record[length] != 0) {
            length++;
        }
        return new String(record, 0, length, StandardCharsets.US_ASCII);
    }

    private static void note(List<String> wrong, String difference) {
        if (difference != null && wrong.size() < SHOWN) {
            wrong.add(difference);
        }
    }
}

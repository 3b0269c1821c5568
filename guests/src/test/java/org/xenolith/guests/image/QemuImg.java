package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** The other implementation of the formats. */
public final class QemuImg {
    private QemuImg() {
    }

    /** Skips the test, saying so, where there is none. */
    public static void require() {
        boolean there;
        try {
            there = new ProcessBuilder("qemu-img", "--version").redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0;
        } catch (IOException e) {
            there = false;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Assumptions.assumeTrue(there, "SKIPPED: qemu-img is not installed (Debian's package qemu-utils)");
    }

    /** Runs qemu-img; its exit status and what it said. */
    public static Result run(Path folder, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }

    /** Runs qemu-img, which must succeed. */
    public static void ok(Path folder, String... args) throws IOException, InterruptedException {
        Result result = run(folder, args);
        assertEquals(0, result.status(), () -> "qemu-img " + String.join(" ", args) + ": " + result.output());
    }

    /** What a run ended with. */
    public record Result(int status, String output) {
    }
}

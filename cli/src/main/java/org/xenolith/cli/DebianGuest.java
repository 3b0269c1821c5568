package org.xenolith.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Debian's cloud kernel and an initial RAM disk of Debian's busybox, got and made by the scripts in {@code test-images}. */
final class DebianGuest {
    /** Their status when something cannot be had here. */
    private static final int UNAVAILABLE = 77;

    private final Path scripts;
    private final Path cache;
    private final Messages messages;

    private DebianGuest(Path home, Messages messages) {
        scripts = home.resolve("test-images");
        String chosen = System.getenv("XENOLITH_DEBIAN_CACHE");
        cache = chosen != null ? Path.of(chosen) : home.resolve(".cache").resolve("debian");
        this.messages = messages;
    }

    /** The guest, if this is a checkout with its scripts. */
    static Optional<DebianGuest> find(Messages messages) {
        String home = System.getProperty("xenolith.home");
        if (home == null || !Files.isRegularFile(Path.of(home, "test-images", "fetch-debian.sh"))) {
            return Optional.empty();
        }
        return Optional.of(new DebianGuest(Path.of(home), messages));
    }

    /** Whether kernel and busybox are on this machine already. */
    boolean cached() {
        return kernel().isPresent() && Files.isDirectory(cache.resolve("busybox-static"));
    }

    /** The kernel, if it is on this machine. */
    Optional<Path> kernel() {
        Path boot = cache.resolve("linux-cloud").resolve("boot");
        if (!Files.isDirectory(boot)) {
            return Optional.empty();
        }
        try (DirectoryStream<Path> kernels = Files.newDirectoryStream(boot, "vmlinuz-*")) {
            for (Path kernel : kernels) {
                return Optional.of(kernel);
            }
        } catch (IOException e) {
            messages.say(boot + ": cannot be read: " + e.getMessage());
        }
        return Optional.empty();
    }

    /**
     * Downloads what is missing.
     *
     * @return whether all is there now
     */
    boolean fetch(Path work) throws IOException, InterruptedException {
        Path patience = work.resolve("apt.conf"); // without it, a network that swallows packets costs many minutes
        Files.writeString(patience,
                "Acquire::Retries \"1\";\nAcquire::http::Timeout \"15\";\nAcquire::https::Timeout \"15\";\n");
        int status = script(List.of(scripts.resolve("fetch-debian.sh").toString(), "cloud", "busybox"), patience);
        return status == 0 && cached();
    }

    /**
     * Makes the initial RAM disk.
     *
     * @return the file, or nothing if it cannot be made here
     */
    Optional<Path> initrd(Path work) throws IOException, InterruptedException {
        Path init = work.resolve("init");
        try (InputStream in = DebianGuest.class.getResourceAsStream("demo-init.sh")) {
            if (in == null) {
                throw new IllegalStateException("resource demo-init.sh is missing");
            }
            Files.writeString(init, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
        Path out = work.resolve("initrd.gz");
        int status = script(List.of(scripts.resolve("make-initrd.sh").toString(), out.toString(), init.toString()),
                null);
        return status == 0 ? Optional.of(out) : Optional.empty();
    }

    private int script(List<String> command, Path aptConfig) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.from(
                Path.of("/dev/null").toFile())).redirectErrorStream(true);
        if (aptConfig != null) {
            builder.environment().put("APT_CONFIG", aptConfig.toString());
        }
        Process process = builder.start();
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            lines.lines().forEach(messages::say);
        }
        int status = process.waitFor();
        if (status != 0 && status != UNAVAILABLE) {
            messages.say(command.getFirst() + ": ended with status " + status);
        }
        return status;
    }
}

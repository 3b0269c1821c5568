package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/** What tests with Debian's kernels share: where these are, an initial RAM disk, and 'run' with its output and statistics kept. */
final class DebianRuns {
    /** How every init begins. */
    static final String HEAD = """
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
            """;

    private final Path folder;
    private final Path root;
    private final Path stats;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);

    /** @param folder for the files of one test */
    DebianRuns(Path folder) {
        this.folder = folder;
        stats = folder.resolve("stats.json");
        Path at = Path.of("").toAbsolutePath();
        while (!Files.exists(at.resolve("test-images").resolve("make-initrd.sh"))) {
            at = at.getParent();
        }
        root = at;
        System.setProperty("xenolith.home", root.toString());
    }

    /** The project's folder. */
    Path root() {
        return root;
    }

    /** What {@code test-images/fetch-debian.sh} has fetched under a name; the test is skipped where it has not. */
    Path fetched(String name) {
        String chosen = System.getenv("XENOLITH_DEBIAN_CACHE");
        Path cache = chosen != null ? Path.of(chosen) : root.resolve(".cache").resolve("debian");
        needs(Files.isDirectory(cache.resolve(name)), "needs test-images/fetch-debian.sh " + name);
        return cache.resolve(name);
    }

    /** The cloud kernel; the test is skipped where it or busybox has not been fetched. */
    Path cloudKernel() {
        DebianGuest debian = DebianGuest.find(messages).orElseThrow();
        needs(debian.cached(), "needs test-images/fetch-debian.sh cloud busybox");
        return debian.kernel().orElseThrow();
    }

    /** Skips the test, and says so, where something is missing. */
    static void needs(boolean there, String what) {
        if (!there) {
            LoggerFactory.getLogger(DebianRuns.class).warn("SKIPPED: {}", what);
        }
        assumeTrue(there, what);
    }

    /** The kernel image in a folder of /boot. */
    static Path image(Path boot) throws IOException {
        try (Stream<Path> files = Files.list(boot)) {
            return files.filter(p -> p.getFileName().toString().startsWith("vmlinuz-")).findFirst().orElseThrow();
        }
    }

    /** A module that comes with a kernel. */
    static Path module(Path kernel, String name) throws IOException {
        try (Stream<Path> files = Files.walk(kernel.getParent().resolveSibling("lib"))) {
            return files.filter(f -> f.endsWith(name)).findFirst().orElseThrow();
        }
    }

    /** An initial RAM disk, in a file of that name, with busybox, an init, and {@code FILE:PLACE} each of {@code more}. */
    Path initrd(String name, String init, String... more) throws IOException, InterruptedException {
        Path initrd = folder.resolve(name + ".gz");
        List<String> command = new ArrayList<>(List.of(root.resolve("test-images").resolve("make-initrd.sh").toString(),
                initrd.toString(), Files.writeString(folder.resolve(name), init).toString()));
        command.addAll(List.of(more));
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
        return initrd;
    }

    /** {@code xenolith run}; its exit status. */
    int run(Path kernel, Path initrd, String memory, String append, String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString(), "--initrd", initrd.toString(),
                "--memory", memory, "--append", append));
        args.addAll(List.of(options));
        return run(args);
    }

    /** {@code xenolith run} with no other options than these and where the statistics go; its exit status. */
    int runOnly(String... options) {
        List<String> args = new ArrayList<>(List.of("run"));
        args.addAll(List.of(options));
        return run(args);
    }

    /** {@code xenolith machine} with these options; its exit status. */
    int machine(String... options) {
        List<String> args = new ArrayList<>(List.of("machine"));
        args.addAll(List.of(options));
        return run(args);
    }

    /** A CD that GRUB starts Linux from, with its messages on the serial port; the test is skipped where the tools for it are missing. */
    Path iso(Path kernel, Path initrd) throws IOException, InterruptedException {
        for (String tool : List.of("grub-mkrescue", "xorriso", "mformat")) {
            needs(Stream.of(System.getenv("PATH").split(":")).anyMatch(d -> Files.isExecutable(Path.of(d, tool))),
                    "needs " + tool + " (packages grub-pc-bin, grub-common, xorriso, mtools)");
        }
        Path tree = folder.resolve("tree");
        Files.createDirectories(tree.resolve("boot").resolve("grub"));
        Files.copy(kernel, tree.resolve("vmlinuz"));
        Files.copy(initrd, tree.resolve("initrd"));
        Files.writeString(tree.resolve("boot").resolve("grub").resolve("grub.cfg"), """
                set timeout=0
                serial --unit=0
                terminal_output console serial
                menuentry debian {
                  linux /vmlinuz console=ttyS0
                  initrd /initrd
                }
                """);
        Path iso = folder.resolve("debian.iso");
        Process made = new ProcessBuilder("grub-mkrescue", "-o", iso.toString(), tree.toString())
                .redirectErrorStream(true).start();
        String said = new String(made.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, made.waitFor(), said);
        return iso;
    }

    private int run(List<String> args) {
        args.addAll(List.of("--stats", stats.toString()));
        out.reset();
        err.reset();
        return Main.execute(
                new App(InputStream.nullInputStream(), out, messages, Optional.empty(), MachineFactory.real()),
                args.toArray(String[]::new));
    }

    /** Statistics of the last run. */
    JsonNode statistics() throws IOException {
        return new ObjectMapper().readTree(stats.toFile());
    }

    /** What the last run's guest printed. */
    String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }

    /** That, and the command's own messages. */
    String all() {
        return printed() + err.toString(StandardCharsets.UTF_8);
    }
}

package org.xenolith.guests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds Debian's kernels where the project's scripts unpack them: anywhere below {@code .cache/debian} of the checkout,
 * or below the directory that the system property {@code xenolith.debian} names.
 */
public final class DebianKernels {
    private static final Logger LOG = LoggerFactory.getLogger(DebianKernels.class);

    private DebianKernels() {}

    /** Debian's cloud kernel; the calling test is skipped, with a message, where it is absent. */
    public static ImageFile cloud() throws Exception {
        return find("vmlinuz-[0-9.]+-[0-9]+-cloud-amd64", "linux-image-cloud-amd64");
    }

    /** Debian's generic kernel; the calling test is skipped, with a message, where it is absent. */
    public static ImageFile generic() throws Exception {
        return find("vmlinuz-[0-9.]+-[0-9]+-amd64", "linux-image-amd64");
    }

    private static ImageFile find(String namePattern, String packageName) throws Exception {
        Optional<Path> found = root().flatMap(root -> newest(root, namePattern));
        if (found.isEmpty()) {
            LOG.warn("SKIPPED: the kernel of Debian's package {} is not below .cache/debian", packageName);
        }
        assumeTrue(found.isPresent(), "needs the kernel of Debian's package " + packageName + " below .cache/debian");
        return ImageFile.open(found.get());
    }

    private static Optional<Path> root() {
        String property = System.getProperty("xenolith.debian");
        if (property != null) {
            return Optional.of(Path.of(property)).filter(Files::isDirectory);
        }
        for (Path dir = Path.of("").toAbsolutePath(); dir != null; dir = dir.getParent()) {
            Path cache = dir.resolve(".cache").resolve("debian");
            if (Files.isDirectory(cache)) {
                return Optional.of(cache);
            }
        }
        return Optional.empty();
    }

    private static Optional<Path> newest(Path root, String namePattern) {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(f -> f.getFileName().toString().matches(namePattern)).max(Path::compareTo);
        } catch (IOException e) {
            LOG.warn("cannot search {}", root, e);
            return Optional.empty();
        }
    }
}

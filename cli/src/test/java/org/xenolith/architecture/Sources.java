package org.xenolith.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Finds the main sources of all modules in the checkout that the tests run in. */
final class Sources {
    private Sources() {
    }

    /** The folder of the checkout: the nearest one upwards that holds the launcher and the modules. */
    static Path root() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.exists(folder.resolve("cpu-x86/pom.xml"))) {
            folder = folder.getParent();
            if (folder == null) {
                throw new IllegalStateException("not inside a checkout: " + Path.of("").toAbsolutePath());
            }
        }
        return folder;
    }

    /** The folders {@code MODULE/src/main/java} that exist. */
    static List<Path> roots() {
        try (Stream<Path> modules = Files.list(root())) {
            return modules.map(module -> module.resolve("src/main/java")).filter(Files::isDirectory).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All Java files, keyed by their path within their source root, such as {@code org/xenolith/cli/Main.java}. */
    static SortedMap<String, Path> files() {
        SortedMap<String, Path> files = new TreeMap<>();
        for (Path root : roots()) {
            try (Stream<Path> paths = Files.walk(root)) {
                paths.filter(path -> path.toString().endsWith(".java")).forEach(path -> {
                    Path other = files.put(root.relativize(path).toString(), path);
                    if (other != null) {
                        throw new IllegalStateException("the same file in two modules: " + path + " and " + other);
                    }
                });
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return files;
    }
}

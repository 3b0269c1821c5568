package org.xenolith.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where guests' consoles go: into one file, a file each, or to standard output.
 *
 * @param file the one file
 * @param directory where each guest gets a file
 */
record ConsoleTarget(Optional<Path> file, Optional<Path> directory) {
    /** Standard output, and standard input for a guest that is alone. */
    static final ConsoleTarget STANDARD = new ConsoleTarget(Optional.empty(), Optional.empty());

    /**
     * As the options say, each null when not given.
     *
     * @throws UserError if that cannot be written
     */
    static ConsoleTarget of(Path console, Path directory) throws UserError {
        boolean toFile = console != null && !console.toString().equals("-");
        if (directory != null) {
            if (console != null) {
                throw UserError.usage("--console-dir: --console is given, too; one of them");
            }
            makeDirectory(directory);
            return new ConsoleTarget(Optional.empty(), Optional.of(directory));
        }
        if (!toFile) {
            return STANDARD;
        }
        OutputFiles.check(console);
        return new ConsoleTarget(Optional.of(console), Optional.empty());
    }

    private static void makeDirectory(Path directory) throws UserError {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UserError("--console-dir: " + directory + ": cannot be made: " + e.getMessage(), e);
        }
        if (!Files.isWritable(directory)) {
            throw UserError.usage("--console-dir: " + directory + ": may not be written: permission denied");
        }
    }

    boolean standard() {
        return file.isEmpty() && directory.isEmpty();
    }
}

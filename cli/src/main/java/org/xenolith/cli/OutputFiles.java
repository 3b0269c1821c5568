package org.xenolith.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** Files that the user asks us to write. */
final class OutputFiles {
    private OutputFiles() {
    }

    /**
     * Checks, before anything is run, that a file can be written.
     *
     * @throws UserError if it is a folder, its folder is missing, or permission is denied
     */
    static void check(Path path) throws UserError {
        Path folder = path.toAbsolutePath().getParent();
        if (Files.isDirectory(path)) {
            throw UserError.usage(path + ": is a directory; name a file in it");
        }
        if (folder != null && !Files.isDirectory(folder)) {
            throw UserError.noFile(folder.toString(), "make that folder first to write " + path);
        }
        if (Files.exists(path) ? !Files.isWritable(path) : folder != null && !Files.isWritable(folder)) {
            throw UserError.usage(path + ": may not be written: permission denied");
        }
    }
}

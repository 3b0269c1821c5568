package org.xenolith.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.xenolith.emulator.Tier;

/** Where translations are kept from run to run: the user's cache, by the XDG Base Directory Specification. */
final class TranslationCache {
    private static final String OFF = "off";

    private TranslationCache() {
    }

    /**
     * The folder.
     *
     * @param option what the user asked for, or null
     * @return empty for none
     * @throws UserError if that is no name of a folder
     */
    static Optional<Path> of(String option, Tier tier) throws UserError {
        if (option != null) {
            if (option.isBlank() || option.indexOf('\0') >= 0) {
                throw UserError.usage("--translation-cache: must be a folder, or off");
            }
            return option.equals(OFF) ? Optional.empty() : Optional.of(Path.of(option));
        }
        return tier == Tier.AUTO || tier == Tier.NATIVE
                ? standard(System.getenv("XDG_CACHE_HOME"), System.getenv("HOME"))
                : Optional.empty();
    }

    /** The folder in the user's cache; a relative path in the environment does not count. */
    static Optional<Path> standard(String cacheHome, String home) {
        if (cacheHome != null && cacheHome.startsWith("/")) {
            return Optional.of(Path.of(cacheHome, "xenolith"));
        }
        return home != null && home.startsWith("/")
                ? Optional.of(Path.of(home, ".cache", "xenolith"))
                : Optional.empty();
    }
}

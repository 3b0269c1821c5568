package org.xenolith.guests.config;

/** A configuration file that cannot be used. The message is one line, worded and placed as xl does: {@code F:2: …}. */
public final class ConfigException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Describes what is wrong.
     *
     * @param message the whole line, with file and line number
     */
    public ConfigException(String message) {
        super(message);
    }
}

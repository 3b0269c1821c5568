package org.xenolith.guests;

/**
 * A guest image (kernel, initrd, disk, firmware) that cannot be used: it is there, but what is in it is wrong.
 *
 * <p>The message is one line that a user can act on: {@code file: reason}. A file that does not exist is not an
 * {@code ImageException} but a {@link java.nio.file.NoSuchFileException}.
 */
public final class ImageException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final String reason;

    /**
     * Describes what is wrong with an image.
     *
     * @param file the file as the user named it
     * @param reason what is wrong and, where it is known, what to do about it; one line
     */
    public ImageException(String file, String reason) {
        this(file, reason, null);
    }

    /**
     * Describes what is wrong with an image, keeping the cause for the log.
     *
     * @param file the file as the user named it
     * @param reason what is wrong; one line
     * @param cause what was caught, or null
     */
    public ImageException(String file, String reason, Throwable cause) {
        super(file + ": " + reason, cause);
        this.file = file;
        this.reason = reason;
    }

    /** {@return the file as the user named it} */
    public String file() {
        return file;
    }

    /** {@return what is wrong, without the file's name} */
    public String reason() {
        return reason;
    }

    /**
     * Puts text from an image into a message.
     *
     * @param text anything
     * @return it in quotation marks, without control characters, 64 characters of it at most
     */
    public static String quoted(String text) {
        String shown = text.length() > 64 ? text.substring(0, 64) + "..." : text;
        return '"' + shown.replaceAll("[^\\x20-\\x7e]", "?") + '"';
    }
}

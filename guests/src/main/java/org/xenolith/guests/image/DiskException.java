package org.xenolith.guests.image;

import java.io.IOException;

/** A disk image, or the file below it, that failed or is damaged. The message is one line: {@code file: reason}. */
public final class DiskException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String file;
    private final String reason;

    /**
     * Says what is wrong.
     *
     * @param file the file as the user named it
     * @param reason what is wrong, naming the field or operation; one line
     */
    public DiskException(String file, String reason) {
        this(file, reason, null);
    }

    /**
     * Says what is wrong, keeping the cause for the log.
     *
     * @param file the file as the user named it
     * @param reason what is wrong; one line
     * @param cause what was caught, or null
     */
    public DiskException(String file, String reason, Throwable cause) {
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
}

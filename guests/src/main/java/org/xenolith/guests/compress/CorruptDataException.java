package org.xenolith.guests.compress;

/** Compressed data that breaks its format, or that becomes larger than it may. The message says what is wrong. */
public final class CorruptDataException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Says what is wrong.
     *
     * @param message one line, without a file name
     */
    public CorruptDataException(String message) {
        super(message);
    }

    /**
     * Says what is wrong, keeping the cause for the log.
     *
     * @param message one line, without a file name
     * @param cause what a library threw
     */
    public CorruptDataException(String message, Throwable cause) {
        super(message, cause);
    }
}

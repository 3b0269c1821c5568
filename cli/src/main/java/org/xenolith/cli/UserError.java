package org.xenolith.cli;

/** Something that the user can put right: one line that says what, and an exit status. */
final class UserError extends Exception {
    private static final long serialVersionUID = 1L;

    private final int status;

    private UserError(int status, String message) {
        this(status, message, null);
    }

    /** As the static methods make it, found by something that threw {@code cause}. */
    UserError(int status, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    /** A bad option, configuration or image, found by something that threw {@code cause}. */
    UserError(String message, Throwable cause) {
        this(ExitStatus.USAGE, message, cause);
    }

    /** A bad option, configuration or image. */
    static UserError usage(String message) {
        return new UserError(ExitStatus.USAGE, message);
    }

    /** A file that is not there. */
    static UserError noFile(String file, String advice) {
        return new UserError(ExitStatus.NO_FILE, file + ": no such file" + (advice.isEmpty() ? "" : "; " + advice));
    }

    /** The exit status to end with. */
    int status() {
        return status;
    }
}

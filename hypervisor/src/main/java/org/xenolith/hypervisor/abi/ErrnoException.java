package org.xenolith.hypervisor.abi;

/**
 * Ends a hypercall or toolstack call with an error number ({@link Errno}). Carries no stack trace: it is an ordinary
 * result.
 */
public final class ErrnoException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * Creates a failure.
     *
     * @param errno positive error number
     */
    public ErrnoException(int errno, String message) {
        super(message, null, false, false);
        this.errno = errno;
    }

    public ErrnoException(int errno) {
        this(errno, "errno " + errno);
    }

    public int errno() {
        return errno;
    }
}

package org.xenolith.cpu.jit.host;

/** The host refused something that running code in process needs (a mapping, a signal handler, an entry). */
public final class HostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates the exception.
     *
     * @param message what was refused and, for a libc call, its errno
     */
    public HostException(String message) {
        super(message);
    }
}

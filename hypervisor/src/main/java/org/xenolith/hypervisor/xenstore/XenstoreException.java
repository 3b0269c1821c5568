package org.xenolith.hypervisor.xenstore;

/** An error reply to a request of an in-process client. */
public final class XenstoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final XsError error;

    XenstoreException(XsError error, String request) {
        super(request + ": " + error.name());
        this.error = error;
    }

    /** The error that the daemon answered. */
    public XsError error() {
        return error;
    }
}

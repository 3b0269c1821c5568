package org.xenolith.hypervisor.gnttab;

/** Ends one grant operation with a {@link GrantStatus}. Carries no stack trace: it is an ordinary result. */
public final class GrantException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int status;

    public GrantException(int status) {
        super("grant status " + status, null, false, false);
        this.status = status;
    }

    public int status() {
        return status;
    }
}

package org.xenolith.hypervisor.xenbus;

/** A front end's part of the handshake cannot be used; the message goes into the back end's {@code error} node. */
public final class XenbusException extends Exception {
    private static final long serialVersionUID = 1L;

    public XenbusException(String message) {
        super(message, null, false, false);
    }
}

package org.xenolith.hypervisor.xenstore;

/** A request that ends with an error reply. Carries no stack trace: a guest can cause any number of them. */
final class XsFailure extends Exception {
    private static final long serialVersionUID = 1L;

    private final XsError error;

    XsFailure(XsError error) {
        super(error.name(), null, false, false);
        this.error = error;
    }

    XsError error() {
        return error;
    }
}

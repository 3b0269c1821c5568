package org.xenolith.hypervisor.xenstore;

/** A domain that the daemon talks to. */
final class IntroducedDomain {
    private final XenstoreRing ring;
    private boolean shutdown;

    IntroducedDomain(XenstoreRing ring) {
        this.ring = ring;
    }

    XenstoreRing ring() {
        return ring;
    }

    /** Whether the domain's shutdown was reported already. */
    boolean isShutdown() {
        return shutdown;
    }

    void shutdown(boolean value) {
        shutdown = value;
    }
}

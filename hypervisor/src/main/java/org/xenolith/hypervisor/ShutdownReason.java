package org.xenolith.hypervisor;

/** Why a domain shut down (public/sched.h, SHUTDOWN_*). A guest may give any other byte. */
public final class ShutdownReason {
    public static final int POWEROFF = 0;
    public static final int REBOOT = 1;
    public static final int SUSPEND = 2;
    public static final int CRASH = 3;
    public static final int WATCHDOG = 4;
    public static final int SOFT_RESET = 5;

    private ShutdownReason() {
    }
}

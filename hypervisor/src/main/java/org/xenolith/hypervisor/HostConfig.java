package org.xenolith.hypervisor;

/**
 * What the hypervisor says of itself and where its clock starts.
 *
 * @param epochSeconds wall-clock time at power-on, in seconds since 1970-01-01 UTC
 * @param major and {@code minor}: the Xen version whose interface is offered
 * @param extraVersion the rest of the version, such as {@code .7}; at most 15 ASCII characters
 */
public record HostConfig(long epochSeconds, int major, int minor, String extraVersion) {
    /** Midnight of 1 January 2026, so that runs are alike. */
    public static final long DEFAULT_EPOCH = 1_767_225_600L;

    /** Xen 4.17.7 as Debian 12 ships it. */
    public static HostConfig defaults() {
        return new HostConfig(DEFAULT_EPOCH, 4, 17, ".7");
    }

    public HostConfig withEpoch(long seconds) {
        return new HostConfig(seconds, major, minor, extraVersion);
    }

    /** {@code XENVER_capabilities}: the guest types that the interface allows, each followed by a blank. */
    public String capabilities() {
        return "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";
    }
}

package org.xenolith.emulator;

/**
 * After which ends a guest is built and started again; any other end is its last.
 *
 * @param poweroff after a power-off
 * @param reboot after a reboot, or a triple fault
 * @param crash after a crash
 */
public record Restarts(boolean poweroff, boolean reboot, boolean crash) {
    /** Only reboots start the guest again, and these only if {@code reboot}. */
    public static Restarts onReboot(boolean reboot) {
        return new Restarts(false, reboot, false);
    }
}

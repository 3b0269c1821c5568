package org.xenolith.emulator;

/**
 * What went through a guest's network interface. Directions are the guest's; a frame that is to be segmented counts once.
 *
 * @param id number of the interface, from 0
 * @param mac its address
 * @param network {@code nat}, {@code bridge=NAME} or {@code none}
 * @param rxDropped frames for the guest that it had no room for, or no driver
 * @param txErrors frames of the guest that were refused
 * @param rxErrors frames lost because the guest's buffers could not be written
 */
public record NicCounts(int id, String mac, String network, long rxFrames, long rxBytes, long rxDropped, long rxErrors,
        long txFrames, long txBytes, long txErrors) {
}

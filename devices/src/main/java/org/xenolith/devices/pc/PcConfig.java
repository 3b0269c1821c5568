package org.xenolith.devices.pc;

import org.xenolith.devices.CharBackend;

/**
 * How a PC is made.
 *
 * @param cpus 1 to 255
 * @param lowMemory bytes of RAM from 0, at most 3.5 GiB; the hole below 1 MiB is counted in
 * @param highMemory bytes of RAM from 4 GiB
 * @param epochSeconds what the real-time clock shows at power-on, in seconds since 1970-01-01
 * @param bootOrder what firmware tries, in this order: up to three of {@code a} floppy, {@code c} disk, {@code d} CD, {@code n} network
 * @param com1 other end of the serial port at 3F8h, IRQ 4
 * @param com2 other end of the serial port at 2F8h, IRQ 3, or null for none
 * @param debug gets what is written to ports 402h and E9h
 * @param debugExit whether there is an isa-debug-exit port, F4h
 */
public record PcConfig(int cpus, long lowMemory, long highMemory, long epochSeconds, String bootOrder, CharBackend com1,
        CharBackend com2, CharBackend debug, boolean debugExit) {
    public PcConfig {
        if (cpus < 1 || cpus > 255) {
            throw new IllegalArgumentException("a PC has 1 to 255 CPUs, not " + cpus);
        }
        if (!bootOrder.matches("[acdn]{0,3}")) {
            throw new IllegalArgumentException("boot order '" + bootOrder + "' is not up to three of a, c, d and n");
        }
    }
}

package org.xenolith.devices;

import java.util.function.Consumer;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * What a device is plugged into: a bare machine, or one HVM domain.
 *
 * @param memory guest-physical memory for DMA
 * @param windows RAM that devices show to the guest
 * @param clock virtual nanoseconds since power-on, exact in the middle of an access
 * @param unimplemented hears the name of something that a guest asked of a device and that is not built; counted in the statistics
 */
public record Board(PortBus ports, MmioBus mmio, GuestMemory memory, RamWindows windows, Timers timers,
        VirtualClock clock,
        Consumer<String> unimplemented) {
}

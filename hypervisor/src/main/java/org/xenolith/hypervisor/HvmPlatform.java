package org.xenolith.hypervisor;

import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.CpuEnvironment;

/**
 * The PC around the vCPUs of an HVM domain: its ports, its memory-mapped devices and its interrupt controllers, which the domain's containers
 * ask on behalf of the guest.
 */
public interface HvmPlatform {
    /** No PC: PVH guests, and HVM guests before they have got theirs. */
    HvmPlatform NONE = new HvmPlatform() {
        private final CpuEnvironment nothing = new CpuEnvironment() {
        };

        @Override
        public CpuEnvironment devices() {
            return nothing;
        }

        @Override
        public IrqLine gsi(int number) {
            return null;
        }

        @Override
        public IrqLine intx(int devfn, int pin) {
            return null;
        }
    };

    /** Ports, device memory, the 8259A pair and FERR#. */
    CpuEnvironment devices();

    /** A source on an interrupt line, the same at each call; null for one that the PC does not have. */
    IrqLine gsi(int number);

    /** The pin, 0 (INTA#) to 3, of a PCI function; null for one that has no such pin, or none that others may drive. */
    IrqLine intx(int devfn, int pin);
}

/** The chipset of a PC: host bridge, ISA bridge with its DMA controllers and control ports, power management. */
package org.xenolith.devices.chipset;

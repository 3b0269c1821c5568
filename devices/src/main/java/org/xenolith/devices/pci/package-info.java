/** The PCI bus: configuration space, base address registers and interrupt pins, on which PCI devices are built. */
package org.xenolith.devices.pci;

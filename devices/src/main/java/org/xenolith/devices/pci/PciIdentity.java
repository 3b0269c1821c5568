package org.xenolith.devices.pci;

/**
 * What a PCI function says that it is (PCI Local Bus 3.0, 6.2.1).
 *
 * @param classCode 24 bits: base class, subclass, programming interface
 * @param subsystemVendor 0 for none
 */
public record PciIdentity(int vendor, int device, int revision, int classCode, int subsystemVendor, int subsystem) {
}

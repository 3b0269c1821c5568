/** The PCI device by which an HVM guest knows Xen and asks for emulated devices to be unplugged. */
package org.xenolith.devices.xen;

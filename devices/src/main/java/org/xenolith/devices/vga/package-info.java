/** The display adapter: a VGA with Bochs's VBE extensions on the PCI bus, and what its screen shows. */
package org.xenolith.devices.vga;

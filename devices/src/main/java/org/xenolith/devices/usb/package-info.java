/** USB 1.1: the host controller of the PIIX3, and a keyboard and a tablet for it. */
package org.xenolith.devices.usb;

/** Virtual hard disks (VHD) after Microsoft's "Virtual Hard Disk Image Format Specification" 1.0: fixed, dynamic, differencing. */
package org.xenolith.guests.image.vhd;

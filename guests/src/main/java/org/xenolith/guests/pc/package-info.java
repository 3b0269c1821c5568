/** Kernels that a bare PC starts without firmware: Linux bzImages, PVH ELF kernels and kernels of Multiboot 1 and 2. */
package org.xenolith.guests.pc;

/** Linux kernel images: the bzImage container and the kallsyms tables inside the kernel. */
package org.xenolith.guests.linux;

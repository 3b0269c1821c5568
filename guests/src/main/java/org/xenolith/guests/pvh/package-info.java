/** The PVH domain builder: where the kernel, its modules, the start info and the tables go, as libxl places them. */
package org.xenolith.guests.pvh;

/** Port and memory-mapped I/O dispatch, and interrupt lines, between the processor and the devices. */
package org.xenolith.bus;

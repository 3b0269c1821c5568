/** The PC as a whole: its address map, and the board with its devices. */
package org.xenolith.devices.pc;

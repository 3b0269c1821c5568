/** Virtual time: the machine clock and the timers that wait on it. */
package org.xenolith.time;

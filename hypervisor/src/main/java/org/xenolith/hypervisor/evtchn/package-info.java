/** Event channels: ports, their states, and the 2-level and FIFO ways of telling a guest. */
package org.xenolith.hypervisor.evtchn;

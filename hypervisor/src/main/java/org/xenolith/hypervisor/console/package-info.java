/** The back end of the PV console: moves bytes between a guest's console page and a terminal. */
package org.xenolith.hypervisor.console;

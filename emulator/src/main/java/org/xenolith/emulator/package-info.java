/** The machine: processors, memory, devices and hypervisor wired together under one virtual clock. */
package org.xenolith.emulator;

/** Interrupt controllers of a PC: two 8259A, one 82093AA I/O APIC, and the lines that lead to them. */
package org.xenolith.devices.irq;

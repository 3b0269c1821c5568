/** Timers of a PC, all computed from the same virtual nanoseconds: 82C54, MC146818, HPET, ACPI timer. */
package org.xenolith.devices.timer;

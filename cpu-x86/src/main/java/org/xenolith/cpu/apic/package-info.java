/** The local APIC: xAPIC and x2APIC registers, timer, interrupt priority and IPIs. */
package org.xenolith.cpu.apic;

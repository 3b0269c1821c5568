/** The ACPI tables that a PVH guest is given, with a small AML assembler for the DSDT. */
package org.xenolith.guests.acpi;

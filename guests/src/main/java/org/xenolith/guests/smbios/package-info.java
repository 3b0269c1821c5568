/** SMBIOS structures and their entry point, of which bare PCs and HVM guests have different ones. */
package org.xenolith.guests.smbios;

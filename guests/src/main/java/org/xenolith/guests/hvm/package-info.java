/** What hvmloader does for an HVM guest on Xen, done before its first instruction: firmware, tables and PCI devices in their places. */
package org.xenolith.guests.hvm;

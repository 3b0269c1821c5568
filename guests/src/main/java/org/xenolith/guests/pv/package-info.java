/** From a kernel file to a paravirtualized domain's first state: memory layout, page tables, start info. */
package org.xenolith.guests.pv;

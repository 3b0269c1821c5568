/** Direct paging of PV guests: typed and counted frames, validated page tables, descriptor tables and the M2P. */
package org.xenolith.hypervisor.pv.mm;

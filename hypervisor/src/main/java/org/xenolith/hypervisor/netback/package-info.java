/** The back end of PV network interfaces (public/io/netif.h): frames between a guest's rings and a port of a network. */
package org.xenolith.hypervisor.netback;

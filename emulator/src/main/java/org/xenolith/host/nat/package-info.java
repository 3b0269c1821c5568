/** A network of one guest behind a router that is made of the host's sockets: ARP, DHCP, ICMP, UDP and TCP in user space. */
package org.xenolith.host.nat;

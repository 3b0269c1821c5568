/** How back ends in domain 0 and front ends in guests find each other and agree, by nodes of the xenstore. */
package org.xenolith.hypervisor.xenbus;

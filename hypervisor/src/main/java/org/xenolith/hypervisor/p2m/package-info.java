/** Machine frames and their owners, and the guest-physical address space of each domain. */
package org.xenolith.hypervisor.p2m;

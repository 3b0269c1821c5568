/** The hypervisor core: the host with its machine memory, domains, and virtual CPUs. */
package org.xenolith.hypervisor;

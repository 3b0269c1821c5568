/** The hypervisor core: the host's memory and domains, their virtual CPUs, and the containers that run guests. */
package org.xenolith.hypervisor;

/** The CPU side of PV guests: kernels that run deprivileged, with the hypervisor in the place of IDT, SYSCALL and ring 0. */
package org.xenolith.hypervisor.pv;

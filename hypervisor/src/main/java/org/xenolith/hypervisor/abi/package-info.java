/** The binary interface of Xen's public headers: error numbers, structure layouts and the two guest word sizes. */
package org.xenolith.hypervisor.abi;

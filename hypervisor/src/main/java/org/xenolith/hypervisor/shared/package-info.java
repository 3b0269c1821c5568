/** Structures that hypervisor and guest share: shared_info, vcpu_info and their page. */
package org.xenolith.hypervisor.shared;

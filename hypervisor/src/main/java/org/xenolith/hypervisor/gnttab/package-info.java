/** Grant tables: pages that a domain lets another one map or copy. */
package org.xenolith.hypervisor.gnttab;

/** The hypercalls: one class each, in a table by number, with their sub-operations in tables of their own. */
package org.xenolith.hypervisor.hypercall;

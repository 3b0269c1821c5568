/** What VT-x and AMD-V have in common: where a CPU in guest mode asks before it goes on, and the hypervisors that govern it. */
package org.xenolith.cpu.virt;

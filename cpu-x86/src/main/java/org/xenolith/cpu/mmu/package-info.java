/** Address translation: page walks, access rights and the software TLB. */
package org.xenolith.cpu.mmu;

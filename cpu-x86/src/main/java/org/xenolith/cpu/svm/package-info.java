/** AMD-V: the VMCB, VMRUN with its checks, #VMEXIT, intercepts, nested paging and virtual interrupts (APM vol. 2, chapter 15). */
package org.xenolith.cpu.svm;

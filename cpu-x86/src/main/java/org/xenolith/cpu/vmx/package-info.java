/** VT-x: VMX operation, the VMCS, entries with their checks, exits, EPT and APIC virtualization (SDM vol. 3, chapters 24 to 31). */
package org.xenolith.cpu.vmx;

/** The CPU: architectural state, model (CPUID, MSRs), exceptions and what it asks of its surroundings. */
package org.xenolith.cpu;

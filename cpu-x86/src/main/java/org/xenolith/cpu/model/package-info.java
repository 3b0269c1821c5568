/** The CPU models that {@code --cpu} offers: feature sets, CPUID leaves and their parsing. */
package org.xenolith.cpu.model;

/**
 * Runs machine code bytes on the host CPU in this process, through {@code java.lang.foreign} alone: code cache, entry,
 * CPUID, signal guard and the executor of single instructions that the oracle compares with.
 */
package org.xenolith.cpu.jit.host;

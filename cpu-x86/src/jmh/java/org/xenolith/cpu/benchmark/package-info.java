/** JMH benchmarks of the CPU's pieces: nanoseconds for one instruction, access or entry ({@code -Pjmh}). */
package org.xenolith.cpu.benchmark;

/**
 * Programs that no operating system would run: random bytes and mutated code in every mode and ring, with random tables; nothing that they do
 * may end the JVM, and every tier must come to the same state.
 */
package org.xenolith.cpu.hostile;

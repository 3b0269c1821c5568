/**
 * The instruction table's rows and the meaning of every instruction, one class per mnemonic family.
 *
 * <p>A family has {@code static void define(InstructionTable t)}, named in {@link org.xenolith.cpu.insn.InstructionSet}, which adds its rows in the
 * notation of {@link org.xenolith.cpu.decode.InsnDef} with a method reference to the semantics, {@code static void name(Cpu c, Insn i)}.
 *
 * <p>Rules for semantics: RIP is already the next instruction; operands come from {@code i.read0(c)}, {@code i.read1(c)},
 * {@code i.readForWrite0(c)}, {@code i.write0(c, v)} and friends; flags go through {@link org.xenolith.cpu.Alu} or
 * {@code c.setArithmeticFlags}; everything that can fault comes before the first change of state; no allocation; a fault is
 * {@code throw c.fault(…)}. Privilege, mode and x87/SSE/AVX enablement are row attributes that the interpreter checks.
 * A flag that the manual leaves undefined is 0: one rule, so that every tier and host agrees.
 */
package org.xenolith.cpu.insn;

/**
 * Floating-point arithmetic of x87 and SSE in integers: exact results and exact flags, the same bits on every host.
 *
 * <p>Nothing here knows the CPU core. SSE operations are static functions on raw bits that take an {@link
 * org.xenolith.cpu.fpu.Mxcsr}; x87 operations write an {@link org.xenolith.cpu.fpu.F80} and take an {@link
 * org.xenolith.cpu.fpu.FpuContext}. Both contexts collect the exceptions of one instruction, which its semantics then
 * commit.
 */
package org.xenolith.cpu.fpu;

package org.xenolith.cpu.insn;

import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.fpu.Mxcsr;

/**
 * Access to vector operands by host address: registers where they are, memory where it is when it lies in one page of
 * RAM, else a copy.
 *
 * <p>An instruction first takes the address of every source (which raises what memory can raise), then writes its
 * destination. Addresses are good until the next access to guest memory.
 */
final class VectorOperands {
    private VectorOperands() {
    }

    /** Index of the first source: operand 0 of a two-operand form, 1 of a VEX one with a separate destination. */
    static int first(Insn i) {
        return i.def().vex() ? 1 : 0;
    }

    /** Host address of source operand {@code k}, all of which can be read. */
    static long source(Cpu c, Insn i, int k) {
        Operand o = i.operand(k);
        return switch (o.kind()) {
            case XMM -> c.ymmAddress(o.reg());
            case MMX -> c.stateAddress() + CpuState.FPR + 16 * o.reg();
            default -> memory(c, i, o.bits() >>> 3);
        };
    }

    /** Host address of the memory operand, or of a copy of it. */
    static long memory(Cpu c, Insn i, int bytes) {
        long va = i.address(c, bytes, false);
        if (i.def().align() && (va & bytes - 1) != 0) {
            throw c.gp0();
        }
        // callers read whole lanes, so less than one is always copied
        long host = bytes < 8 ? 0 : c.mmu().hostIfHit(va, bytes, false);
        return host != 0 ? host : copy(c, i.seg(), va, bytes);
    }

    private static long copy(Cpu c, int seg, long va, int bytes) {
        long to = c.stateAddress() + CpuState.VECTOR_SOURCE;
        if (bytes > 8) {
            c.mmu().probeVector(va, seg, bytes, false);
            for (int k = 0; k < bytes; k += 8) {
                put64(to + k, c.mmu().read64(va + k, seg));
            }
        } else {
            put64(to, c.mmu().read(va, seg, bytes << 3));
        }
        return to;
    }

    /** Writes {@code bytes} (2 to 32) from a host address to the memory operand, all or nothing. */
    static void store(Cpu c, Insn i, long from, int bytes) {
        long va = i.address(c, bytes, true);
        if (i.def().align() && (va & bytes - 1) != 0) {
            throw c.gp0();
        }
        if (bytes <= 8) {
            c.mmu().write(va, i.seg(), bytes << 3, get64(from));
            return;
        }
        long host = c.mmu().hostIfHit(va, bytes, true);
        if (host != 0) {
            copyLanes(from, host, bytes);
            return;
        }
        c.mmu().probeVector(va, i.seg(), bytes, true);
        for (int k = 0; k < bytes; k += 8) {
            c.mmu().write64(va + k, i.seg(), get64(from + k));
        }
    }

    static void copyLanes(long from, long to, int bytes) {
        if (bytes == 16) {
            long low = get64(from);
            long high = get64(from + 8);
            put64(to, low);
            put64(to + 8, high);
            return;
        }
        for (int k = 0; k < bytes; k += 8) {
            put64(to + k, get64(from + k));
        }
    }

    /** Host address of destination register operand 0. */
    static long destination(Cpu c, Insn i) {
        return c.ymmAddress(i.op0().reg());
    }

    /** VEX forms of 128 bits or less zero the rest of the register; others leave it alone. */
    static void clearUpper(Insn i, long register) {
        if (i.def().vex() && i.op0().bits() <= 128) {
            put64(register + 16, 0);
            put64(register + 24, 0);
        }
    }

    /** Writes the low 128 bits of destination register operand 0. */
    static void write128(Cpu c, Insn i, long low, long high) {
        long d = destination(c, i);
        put64(d, low);
        put64(d + 8, high);
        clearUpper(i, d);
    }

    /** Where a result is put together before it is known whether the instruction faults. */
    static long result(Cpu c) {
        return c.stateAddress() + CpuState.VECTOR_RESULT;
    }

    /** Moves the result to destination register operand 0. */
    static void writeResult(Cpu c, Insn i) {
        long d = destination(c, i);
        copyLanes(result(c), d, i.op0().bits() >>> 3);
        clearUpper(i, d);
    }

    /** Starts a floating-point operation under the guest's MXCSR. */
    static Mxcsr begin(Cpu c) {
        Mxcsr m = c.sse();
        m.load(c.field32(CpuState.MXCSR));
        return m;
    }

    /** Takes over the exceptions raised since {@link #begin}; faults if one is unmasked. */
    static void end(Cpu c, Mxcsr m) {
        if (m.raised() != 0) {
            boolean fault = m.commit();
            c.setField32(CpuState.MXCSR, m.value());
            if (fault) {
                throw (c.cr4() & ControlRegisters.CR4_OSXMMEXCPT) != 0 ? c.fault(Vector.XM) : c.ud();
            }
        }
    }
}

package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;

/** The VM-exit instruction-information field and what goes with it (SDM vol. 3, 28.2.5). */
final class InstructionInfo {
    private static final int REGISTER = 1 << 10;
    private static final int NO_INDEX = 1 << 22;
    private static final int NO_BASE = 1 << 27;

    private InstructionInfo() {
    }

    private static int addressSize(Insn i) {
        return (i.addressBits() == 16 ? 0 : i.addressBits() == 32 ? 1 : 2) << 7;
    }

    /** Scale, address size, segment, index and base of the memory operand. */
    static int memory(Insn i) {
        int v = addressSize(i) | i.seg() << 15;
        v |= i.indexRegister() == CpuState.NONE ? NO_INDEX : i.scale() | i.indexRegister() << 18;
        return v | (i.base() > 15 ? NO_BASE : i.base() << 23);
    }

    /** Descriptor-table registers: operand size in bit 11, {@code which} in bits 29:28. */
    static int table(Insn i, int which) {
        boolean wide = i.codeBits() == 64 || i.operandBits() != 16;
        return memory(i) | (wide ? 1 << 11 : 0) | which << 28;
    }

    /** SLDT, STR, LLDT, LTR: a register or memory. */
    static int selector(Insn i, int which) {
        return (i.isMem(0) ? memory(i) : REGISTER | i.r0() << 3) | which << 28;
    }

    /** A memory operand with a register beside it, in bits 31:28: INVEPT, INVPCID, VMPTRLD. */
    static int withRegister(Insn i, int register) {
        return memory(i) | register << 28;
    }

    /** VMREAD and VMWRITE: operand {@code k} is a register or memory, {@code encoding} the register that holds the field's encoding. */
    static int field(Insn i, int k, int encoding) {
        return (i.isMem(k) ? memory(i) : REGISTER | i.operand(k).reg() << 3) | encoding << 28;
    }

    /** RDRAND and RDSEED. */
    static int random(Insn i) {
        int size = i.operandBits() == 16 ? 0 : i.operandBits() == 32 ? 1 : 2;
        return i.r0() << 3 | size << 11;
    }

    /** INS and OUTS. */
    static int string(Insn i, boolean in) {
        return addressSize(i) | (in ? CpuState.ES : i.seg()) << 15;
    }

    /** The exit qualification of an instruction with a memory operand: its displacement, from RIP where it is relative to that. */
    static long displacement(Cpu c, Insn i) {
        return i.base() == CpuState.IP ? i.disp() + c.rip() : i.disp();
    }
}

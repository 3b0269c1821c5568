package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B (SDM vol. 2). One emulation thread makes every instruction atomic. */
final class Atomic {
    private Atomic() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("XADD", "0F C0 /r", "Eb,Gb:rw", "lock w:OSZAPC", Atomic::xadd);
        t.add("XADD", "0F C1 /r", "Ev,Gv:rw", "lock w:OSZAPC", Atomic::xadd);
        t.add("CMPXCHG", "0F B0 /r", "Eb,Gb", "lock w:OSZAPC", Atomic::cmpxchg);
        t.add("CMPXCHG", "0F B1 /r", "Ev,Gv", "lock w:OSZAPC", Atomic::cmpxchg);
        t.add("CMPXCHG16B", "REX.W 0F C7 /1", "Mdq", "o64 lock cx16 w:Z", Atomic::cmpxchg16b);
        t.add("CMPXCHG8B", "REX.0 0F C7 /1", "Mq", "lock cx8 w:Z", Atomic::cmpxchg8b);
        // @formatter:on
    }

    static void xadd(Cpu c, Insn i) {
        long b = i.read1(c);
        long a = i.readForWrite0(c);
        long sum = Alu.add(c, a, b, i.bits());
        if (i.isMem(0)) {
            // the source register may be part of the address
            i.write0(c, sum);
            i.write(c, 1, a);
        } else {
            // the source register first: when both operands are the same register it holds the sum
            i.write(c, 1, a);
            i.write0(c, sum);
        }
    }

    static void cmpxchg(Cpu c, Insn i) {
        int bits = i.bits();
        long b = i.read1(c);
        long a = i.readForWrite0(c);
        Alu.sub(c, c.reg(CpuState.RAX, bits), a, bits);
        if (c.zf()) {
            i.write0(c, b);
        } else {
            // the destination is written back even then; a 32-bit register destination is not zero-extended by hardware's rule for EAX
            if (i.isMem(0)) {
                i.write0(c, a);
            }
            c.setReg(CpuState.RAX, a, bits);
        }
    }

    static void cmpxchg8b(Cpu c, Insn i) {
        long at = i.address(c, 8, true);
        long a = c.mmu().readForWrite(at, i.seg(), 64);
        long expected = c.reg(CpuState.RDX) << 32 | c.reg(CpuState.RAX, 32);
        boolean equal = a == expected;
        c.mmu().write64(at, i.seg(), equal ? c.reg(CpuState.RCX) << 32 | c.reg(CpuState.RBX, 32) : a);
        if (!equal) {
            c.setReg32(CpuState.RAX, a);
            c.setReg32(CpuState.RDX, a >>> 32);
        }
        c.setZf(equal);
    }

    static void cmpxchg16b(Cpu c, Insn i) {
        long at = i.address(c, 16, true);
        if ((at & 15) != 0) {
            throw c.gp0();
        }
        long low = c.mmu().readForWrite(at, i.seg(), 64);
        long high = c.mmu().readForWrite(at + 8, i.seg(), 64);
        boolean equal = low == c.reg(CpuState.RAX) && high == c.reg(CpuState.RDX);
        c.mmu().write64(at, i.seg(), equal ? c.reg(CpuState.RBX) : low);
        c.mmu().write64(at + 8, i.seg(), equal ? c.reg(CpuState.RCX) : high);
        if (!equal) {
            c.setReg(CpuState.RAX, low);
            c.setReg(CpuState.RDX, high);
        }
        c.setZf(equal);
    }
}

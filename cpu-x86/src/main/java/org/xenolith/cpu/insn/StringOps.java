package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.memory.RawMemory;

/** MOVS, CMPS, STOS, LODS, SCAS (SDM vol. 2). */
final class StringOps {
    private StringOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("MOVS", "A4", "Yb:w,Xb", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::movs, StringOps::movsBulk));
        t.add("MOVS", "A5", "Yv:w,Xv", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::movs, StringOps::movsBulk));
        t.add("CMPS", "A6", "Xb:r,Yb", "alone rep r:D w:OSZAPC", (c, i) -> Rep.compared(c, i, StringOps::cmps));
        t.add("CMPS", "A7", "Xv:r,Yv", "alone rep r:D w:OSZAPC", (c, i) -> Rep.compared(c, i, StringOps::cmps));
        t.add("STOS", "AA", "Yb:w,AL", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::stos, StringOps::stosBulk));
        t.add("STOS", "AB", "Yv:w,rAX", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::stos, StringOps::stosBulk));
        t.add("LODS", "AC", "AL:w,Xb", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::lods, Rep.NO_BULK));
        t.add("LODS", "AD", "rAX:w,Xv", "alone rep r:D", (c, i) -> Rep.counted(c, i, StringOps::lods, Rep.NO_BULK));
        t.add("SCAS", "AE", "AL:r,Yb", "alone rep r:D w:OSZAPC", (c, i) -> Rep.compared(c, i, StringOps::scas));
        t.add("SCAS", "AF", "rAX:r,Yv", "alone rep r:D w:OSZAPC", (c, i) -> Rep.compared(c, i, StringOps::scas));
        // @formatter:on
    }

    private static long source(Cpu c, Insn i, int bytes) {
        return Segmentation.linear(c, i.seg(), Rep.offset(c, i, CpuState.RSI), bytes, false);
    }

    private static long destination(Cpu c, Insn i, int bytes, boolean write) {
        return Segmentation.linear(c, CpuState.ES, Rep.offset(c, i, CpuState.RDI), bytes, write);
    }

    static void movs(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        long v = c.mmu().read(source(c, i, bytes), i.seg(), bits);
        c.mmu().write(destination(c, i, bytes, true), CpuState.ES, bits, v);
        Rep.advance(c, i, CpuState.RSI, bytes);
        Rep.advance(c, i, CpuState.RDI, bytes);
    }

    /** Elements that fit between an address and the end of its page. */
    private static long fits(long va, int bytes) {
        return (4096 - (va & 0xfff)) / bytes;
    }

    private static boolean bulkPossible(Cpu c, Insn i) {
        return i.codeBits() == 64 && i.addressBits() == 64 && !c.systemFlag(Flags.DF);
    }

    static long movsBulk(Cpu c, Insn i, long most) {
        if (!bulkPossible(c, i)) {
            return 0;
        }
        int bytes = i.bits() >>> 3;
        long from = source(c, i, bytes);
        long to = destination(c, i, bytes, true);
        long n = Math.min(Math.min(fits(from, bytes), fits(to, bytes)), most);
        // a destination inside the source range repeats a pattern, which only one element at a time gives
        long distance = to - from;
        if (n <= 1 || distance > 0 && distance < n * bytes) {
            return 0;
        }
        long hostFrom = c.mmu().hostIfHit(from, (int) n * bytes, false);
        long hostTo = c.mmu().hostIfHit(to, (int) n * bytes, true);
        if (hostFrom == 0 || hostTo == 0) {
            return 0;
        }
        long hostDistance = hostTo - hostFrom;
        if (hostDistance > 0 && hostDistance < n * bytes) {
            return 0;
        }
        RawMemory.copy(hostFrom, hostTo, n * bytes);
        c.setReg(CpuState.RSI, c.reg(CpuState.RSI) + n * bytes);
        c.setReg(CpuState.RDI, c.reg(CpuState.RDI) + n * bytes);
        return n;
    }

    static void stos(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        c.mmu().write(destination(c, i, bytes, true), CpuState.ES, bits, c.reg(CpuState.RAX, bits));
        Rep.advance(c, i, CpuState.RDI, bytes);
    }

    static long stosBulk(Cpu c, Insn i, long most) {
        if (!bulkPossible(c, i)) {
            return 0;
        }
        int bits = i.bits();
        int bytes = bits >>> 3;
        long to = destination(c, i, bytes, true);
        long n = Math.min(fits(to, bytes), most);
        if (n <= 1) {
            return 0;
        }
        long host = c.mmu().hostIfHit(to, (int) n * bytes, true);
        if (host == 0) {
            return 0;
        }
        long v = c.reg(CpuState.RAX, bits);
        if (v == 0 || bits == 8) {
            RawMemory.fill(host, n * bytes, (int) v);
        } else {
            for (long k = 0; k < n; k++) {
                switch (bits) {
                    case 16 -> RawMemory.put16(host + 2 * k, (int) v);
                    case 32 -> RawMemory.put32(host + 4 * k, (int) v);
                    default -> RawMemory.put64(host + 8 * k, v);
                }
            }
        }
        c.setReg(CpuState.RDI, c.reg(CpuState.RDI) + n * bytes);
        return n;
    }

    static void lods(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        c.setReg(CpuState.RAX, c.mmu().read(source(c, i, bytes), i.seg(), bits), bits);
        Rep.advance(c, i, CpuState.RSI, bytes);
    }

    static void cmps(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        long a = c.mmu().read(source(c, i, bytes), i.seg(), bits);
        long b = c.mmu().read(destination(c, i, bytes, false), CpuState.ES, bits);
        Alu.sub(c, a, b, bits);
        Rep.advance(c, i, CpuState.RSI, bytes);
        Rep.advance(c, i, CpuState.RDI, bytes);
    }

    static void scas(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        long b = c.mmu().read(destination(c, i, bytes, false), CpuState.ES, bits);
        Alu.sub(c, c.reg(CpuState.RAX, bits), b, bits);
        Rep.advance(c, i, CpuState.RDI, bytes);
    }
}

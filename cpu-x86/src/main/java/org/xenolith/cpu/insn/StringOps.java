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

    /**
     * How many elements from an index register on, in the direction of DF, lie in one page and do not wrap at the address size; at least 1.
     */
    private static long fits(Cpu c, Insn i, int reg, long va, int bytes) {
        long offset = Rep.offset(c, i, reg);
        boolean wraps = i.addressBits() != 64;
        if (c.systemFlag(Flags.DF)) {
            long before = (va & 0xfff) + bytes > 4096 ? 0 : (va & 0xfff) / bytes;
            return 1 + (wraps ? Math.min(before, offset / bytes) : before);
        }
        long n = (4096 - (va & 0xfff)) / bytes;
        return Math.max(1, wraps ? Math.min(n, ((1L << i.addressBits()) - offset) / bytes) : n);
    }

    /** True when n elements from an index register on are inside the segment. */
    private static boolean inside(Cpu c, Insn i, int seg, int reg, long n, int bytes) {
        long first = Rep.offset(c, i, reg);
        return Segmentation.holds(c, seg, first - below(c, n, bytes), (int) n * bytes);
    }

    /** How far the last of n elements is below the first. */
    private static long below(Cpu c, long n, int bytes) {
        return c.systemFlag(Flags.DF) ? (n - 1) * bytes : 0;
    }

    private static void move(Cpu c, Insn i, int reg, long n, int bytes) {
        long by = c.systemFlag(Flags.DF) ? -n * bytes : n * bytes;
        c.setReg(reg, c.reg(reg) + by, i.addressBits());
    }

    static long movsBulk(Cpu c, Insn i, long most) {
        int bytes = i.bits() >>> 3;
        long from = source(c, i, bytes);
        long to = destination(c, i, bytes, true);
        long n = Math.min(Math.min(fits(c, i, CpuState.RSI, from, bytes), fits(c, i, CpuState.RDI, to, bytes)), most);
        if (n <= 1 || repeats(c, to - from, n * bytes) || !inside(c, i, i.seg(), CpuState.RSI, n, bytes)
                || !inside(c, i, CpuState.ES, CpuState.RDI, n, bytes)) {
            return 0;
        }
        long below = below(c, n, bytes);
        long hostFrom = c.mmu().hostIfHit(from - below, (int) n * bytes, false);
        long hostTo = c.mmu().hostIfHit(to - below, (int) n * bytes, true);
        if (hostFrom == 0 || hostTo == 0 || repeats(c, hostTo - hostFrom, n * bytes)) {
            return 0;
        }
        RawMemory.copy(hostFrom, hostTo, n * bytes);
        move(c, i, CpuState.RSI, n, bytes);
        move(c, i, CpuState.RDI, n, bytes);
        return n;
    }

    /** True when a destination at this distance inside the source range repeats a pattern, which only one element at a time gives. */
    private static boolean repeats(Cpu c, long distance, long length) {
        return c.systemFlag(Flags.DF) ? distance < 0 && distance > -length : distance > 0 && distance < length;
    }

    static void stos(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        c.mmu().write(destination(c, i, bytes, true), CpuState.ES, bits, c.reg(CpuState.RAX, bits));
        Rep.advance(c, i, CpuState.RDI, bytes);
    }

    static long stosBulk(Cpu c, Insn i, long most) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        long to = destination(c, i, bytes, true);
        long n = Math.min(fits(c, i, CpuState.RDI, to, bytes), most);
        if (n <= 1 || !inside(c, i, CpuState.ES, CpuState.RDI, n, bytes)) {
            return 0;
        }
        long host = c.mmu().hostIfHit(to - below(c, n, bytes), (int) n * bytes, true);
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
        move(c, i, CpuState.RDI, n, bytes);
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

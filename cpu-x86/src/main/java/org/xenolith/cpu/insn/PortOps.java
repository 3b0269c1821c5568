package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** IN, OUT, INS, OUTS with the I/O privilege level and the I/O permission bitmap (SDM vol. 1, 19.5; vol. 2). */
final class PortOps {
    private PortOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("IN",  "E4", "AL:w,Ib",   "", (c, i) -> in(c, i, 8, (int) i.imm() & 0xff));
        t.add("IN",  "E5", "eAX:w,Ib",  "", (c, i) -> in(c, i, i.bits(), (int) i.imm() & 0xff));
        t.add("IN",  "EC", "AL:w,DX",   "", (c, i) -> in(c, i, 8, dx(c)));
        t.add("IN",  "ED", "eAX:w,DX",  "", (c, i) -> in(c, i, i.bits(), dx(c)));
        t.add("OUT", "E6", "Ib,AL",     "", (c, i) -> out(c, i, 8, (int) i.imm() & 0xff));
        t.add("OUT", "E7", "Ib,eAX",    "", (c, i) -> out(c, i, i.op1().bits(), (int) i.imm() & 0xff));
        t.add("OUT", "EE", "DX:r,AL",   "", (c, i) -> out(c, i, 8, dx(c)));
        t.add("OUT", "EF", "DX:r,eAX",  "", (c, i) -> out(c, i, i.op1().bits(), dx(c)));
        t.add("INS",  "6C", "Yb:w,DX",  "alone rep r:D", (c, i) -> Rep.counted(c, i, PortOps::ins, Rep.NO_BULK));
        t.add("INS",  "6D", "Yz:w,DX",  "alone rep r:D", (c, i) -> Rep.counted(c, i, PortOps::ins, Rep.NO_BULK));
        t.add("OUTS", "6E", "DX:r,Xb",  "alone rep r:D", (c, i) -> Rep.counted(c, i, PortOps::outs, Rep.NO_BULK));
        t.add("OUTS", "6F", "DX:r,Xz",  "alone rep r:D", (c, i) -> Rep.counted(c, i, PortOps::outs, Rep.NO_BULK));
        // @formatter:on
    }

    private static int dx(Cpu c) {
        return c.reg32(CpuState.RDX) & 0xffff;
    }

    /** Faults unless the program may touch these ports; false when the CPU's hypervisor has the access instead. */
    private static boolean admit(Cpu c, Insn i, int port, int bytes, boolean in) {
        check(c, port, bytes);
        return c.guestMode() == null || c.guestMode().port(c, i, port, bytes, in);
    }

    /** Raises #GP(0) unless the program may touch {@code bytes} ports from {@code port}. */
    static void check(Cpu c, int port, int bytes) {
        if (!c.protectedMode() || !c.vm86() && c.cpl() <= c.iopl()) {
            return;
        }
        int attributes = c.segmentAttributes(CpuState.TR);
        long limit = c.segmentLimit(CpuState.TR);
        // the TSS must be a present 32- or 64-bit one that reaches to the bitmap's address
        if ((attributes & 0x80) == 0 || (attributes & 0xd) != 9 || limit < 103) {
            throw c.gp0();
        }
        long tss = c.segmentBase(CpuState.TR);
        long at = c.mmu().readSystem(tss + 102, 16) + (port >>> 3);
        // two bytes are read always, so the last byte of a bitmap must be followed by one more
        if (at + 1 > limit) {
            throw c.gp0();
        }
        long bits = c.mmu().readSystem(tss + at, 16) >>> (port & 7);
        if ((bits & (1 << bytes) - 1) != 0) {
            throw c.gp0();
        }
    }

    /** A device may have changed what the CPU has to look at, and an I/O breakpoint may be met. */
    private static void accessed(Cpu c, int port, int bytes) {
        c.requestAttention();
        c.debug().port(port, bytes);
    }

    private static void in(Cpu c, Insn i, int bits, int port) {
        if (!admit(c, i, port, bits >>> 3, true)) {
            return;
        }
        c.setReg(CpuState.RAX, Alu.zx(c.environment().in(c, port, bits >>> 3), bits), bits);
        accessed(c, port, bits >>> 3);
    }

    private static void out(Cpu c, Insn i, int bits, int port) {
        if (!admit(c, i, port, bits >>> 3, false)) {
            return;
        }
        accessed(c, port, bits >>> 3);
        c.environment().out(c, port, bits >>> 3, c.reg(CpuState.RAX, bits));
    }

    /** The destination is checked before the port is read, which cannot be undone. */
    private static void ins(Cpu c, Insn i) {
        int bits = i.bits();
        int bytes = bits >>> 3;
        admit(c, i, dx(c), bytes, true);
        long va = Segmentation.linear(c, CpuState.ES, Rep.offset(c, i, CpuState.RDI), bytes, true);
        c.mmu().probe(va, CpuState.ES, bytes, true);
        long v = Alu.zx(c.environment().in(c, dx(c), bytes), bits);
        c.mmu().write(va, CpuState.ES, bits, v);
        Rep.advance(c, i, CpuState.RDI, bytes);
        accessed(c, dx(c), bytes);
    }

    private static void outs(Cpu c, Insn i) {
        int bits = i.op1().bits();
        int bytes = bits >>> 3;
        admit(c, i, dx(c), bytes, false);
        long va = Segmentation.linear(c, i.seg(), Rep.offset(c, i, CpuState.RSI), bytes, false);
        long v = c.mmu().read(va, i.seg(), bits);
        accessed(c, dx(c), bytes);
        c.environment().out(c, dx(c), bytes, v);
        Rep.advance(c, i, CpuState.RSI, bytes);
    }
}

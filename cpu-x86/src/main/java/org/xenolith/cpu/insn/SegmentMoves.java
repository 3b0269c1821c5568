package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.StackAccess;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** MOV, PUSH and POP of segment registers, LDS, LES, LFS, LGS and LSS (SDM vol. 2). */
final class SegmentMoves {
    private SegmentMoves() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("MOV",  "8C /r", "Ev:w,Sw", "",       SegmentMoves::store);
        t.add("MOV",  "8E /r", "Sw:w,Ew", "", SegmentMoves::load);
        t.add("PUSH", "06",    "ES:r", "i64", SegmentMoves::push);
        t.add("PUSH", "0E",    "CS:r", "i64", SegmentMoves::push);
        t.add("PUSH", "16",    "SS:r", "i64", SegmentMoves::push);
        t.add("PUSH", "1E",    "DS:r", "i64", SegmentMoves::push);
        t.add("PUSH", "0F A0", "FS:r", "d64", SegmentMoves::push);
        t.add("PUSH", "0F A8", "GS:r", "d64", SegmentMoves::push);
        t.add("POP",  "07",    "ES:w", "i64", SegmentMoves::pop);
        t.add("POP",  "17",    "SS:w", "i64", SegmentMoves::pop);
        t.add("POP",  "1F",    "DS:w", "i64", SegmentMoves::pop);
        t.add("POP",  "0F A1", "FS:w", "d64", SegmentMoves::pop);
        t.add("POP",  "0F A9", "GS:w", "d64", SegmentMoves::pop);
        t.add("LES",  "C4 /r", "Gv:w,Mp", "i64", far(CpuState.ES));
        t.add("LDS",  "C5 /r", "Gv:w,Mp", "i64", far(CpuState.DS));
        t.add("LSS",  "0F B2 /r", "Gv:w,Mp", "", far(CpuState.SS));
        t.add("LFS",  "0F B4 /r", "Gv:w,Mp", "", far(CpuState.FS));
        t.add("LGS",  "0F B5 /r", "Gv:w,Mp", "", far(CpuState.GS));
        // @formatter:on
    }

    static void store(Cpu c, Insn i) {
        int seg = i.r1();
        if (seg > CpuState.GS) {
            throw c.ud();
        }
        if (i.isMem(0)) {
            c.mmu().write16(i.address(c, 2, true), i.seg(), c.selector(seg));
        } else {
            i.write0(c, c.selector(seg));
        }
    }

    static void load(Cpu c, Insn i) {
        int seg = i.r0();
        if (seg == CpuState.CS || seg > CpuState.GS) {
            throw c.ud();
        }
        Segmentation.load(c, seg, (int) i.read1(c));
        if (seg == CpuState.SS) {
            c.setStackShadow();
        }
    }

    static void push(Cpu c, Insn i) {
        StackAccess.push(c, i.operandBits(), c.selector(i.r0()));
    }

    static void pop(Cpu c, Insn i) {
        int seg = i.r0();
        int stackBits = c.stackBits();
        long sp = c.reg(CpuState.RSP) + (i.operandBits() >>> 3);
        Segmentation.load(c, seg, (int) StackAccess.peek(c, 0, i.operandBits()) & 0xffff);
        c.setReg(CpuState.RSP, sp, stackBits);
        if (seg == CpuState.SS) {
            c.setStackShadow();
        }
    }

    private static Exec far(int seg) {
        return (c, i) -> {
            int bits = i.operandBits();
            long va = i.address(c, (bits >>> 3) + 2, false);
            long offset = c.mmu().read(va, i.seg(), bits);
            int selector = (int) c.mmu().read(i.address(c, bits >>> 3, 2, false), i.seg(), 16);
            Segmentation.load(c, seg, selector);
            i.write0(c, offset);
        };
    }
}

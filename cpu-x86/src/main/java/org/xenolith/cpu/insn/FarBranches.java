package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.FarTransfer;
import org.xenolith.cpu.InterruptReturn;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** Far JMP, CALL and RET, the INT instructions and IRET (SDM vol. 2). */
final class FarBranches {
    private FarBranches() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("JMP FAR",  "EA",    "Ap:r", "end i64", FarBranches::jumpDirect);
        t.add("CALL FAR", "9A",    "Ap:r", "end i64", FarBranches::callDirect);
        t.add("JMP FAR",  "FF /5", "Mp:r", "end", FarBranches::jumpIndirect);
        t.add("CALL FAR", "FF /3", "Mp:r", "end", FarBranches::callIndirect);
        t.add("RETF", "CB", "",     "end", (c, i) -> FarTransfer.ret(c, i.operandBits(), 0));
        t.add("RETF", "CA", "Iw:r", "end", (c, i) -> FarTransfer.ret(c, i.operandBits(), (int) i.imm() & 0xffff));
        t.add("INT3", "CC", "",     "end", (c, i) -> Exceptions.software(c, Vector.BP, Exceptions.Source.SOFTWARE_EXCEPTION));
        t.add("INT",  "CD", "Ib:r", "end vmoften", FarBranches::interrupt);
        t.add("INTO", "CE", "",     "end i64 r:O", FarBranches::into);
        t.add("INT1", "F1", "",     "end vmoften", (c, i) -> Exceptions.software(c, Vector.DB, Exceptions.Source.PRIVILEGED_SOFTWARE));
        t.add("IRET", "CF", "",     "end vmoften w:OSZAPCDI", (c, i) -> InterruptReturn.iret(c, i.operandBits()));
        // @formatter:on
    }

    static void jumpDirect(Cpu c, Insn i) {
        FarTransfer.jump(c, (int) i.imm2(), i.imm(), i.operandBits());
    }

    static void callDirect(Cpu c, Insn i) {
        FarTransfer.call(c, (int) i.imm2(), i.imm(), i.operandBits());
    }

    static void jumpIndirect(Cpu c, Insn i) {
        long offset = offset(c, i);
        FarTransfer.jump(c, selector(c, i), offset, i.operandBits());
    }

    static void callIndirect(Cpu c, Insn i) {
        long offset = offset(c, i);
        FarTransfer.call(c, selector(c, i), offset, i.operandBits());
    }

    private static long offset(Cpu c, Insn i) {
        int bits = i.operandBits();
        return c.mmu().read(i.address(c, (bits >>> 3) + 2, false), i.seg(), bits);
    }

    private static int selector(Cpu c, Insn i) {
        return (int) c.mmu().read(i.address(c, i.operandBits() >>> 3, 2, false), i.seg(), 16);
    }

    static void interrupt(Cpu c, Insn i) {
        int vector = (int) i.imm() & 0xff;
        if (c.vm86()) {
            if ((c.cr4() & ControlRegisters.CR4_VME) != 0 && Exceptions.redirect(c, vector)) {
                return;
            }
            if (c.iopl() < 3) {
                throw c.gp0();
            }
        }
        Exceptions.software(c, vector, Exceptions.Source.SOFTWARE);
    }

    static void into(Cpu c, Insn i) {
        if (c.of()) {
            Exceptions.software(c, Vector.OF, Exceptions.Source.SOFTWARE_EXCEPTION);
        }
    }
}

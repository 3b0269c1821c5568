package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** CLC, STC, CMC, CLD, STD, LAHF, SAHF, SALC and the no-operations that carry operands (SDM vol. 2). */
final class FlagOps {
    private FlagOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("CLC", "F8", "", "w:C", (c, i) -> c.setCf(false));
        t.add("STC", "F9", "", "w:C", (c, i) -> c.setCf(true));
        t.add("CMC", "F5", "", "w:C r:C", (c, i) -> c.setCf(!c.cf()));
        t.add("CLD", "FC", "", "w:D", (c, i) -> c.setSystemFlags(c.systemFlags() & ~Flags.DF));
        t.add("STD", "FD", "", "w:D", (c, i) -> c.setSystemFlags(c.systemFlags() | Flags.DF));
        t.add("LAHF", "9F", "", "r:SZAPC", FlagOps::lahf);
        t.add("SAHF", "9E", "", "w:SZAPC", FlagOps::sahf);
        t.add("SALC", "D6", "", "i64 r:C", (c, i) -> c.setReg8(CpuState.RAX, c.cf() ? 0xff : 0));
        t.add("ENDBR64", "F3 0F 1E FA", "", "", FlagOps::nop);
        t.add("ENDBR32", "F3 0F 1E FB", "", "", FlagOps::nop);
        t.add("NOP", "0F 1F /0", "Ev:r", "", FlagOps::nop);
        for (int op = 0x19; op <= 0x1e; op++) {
            t.add("NOP", String.format("0F %02X /r", op), "Ev:r", "", FlagOps::nop);
        }
        for (int digit = 1; digit < 8; digit++) {
            t.add("NOP", "0F 1F /" + digit, "Ev:r", "", FlagOps::nop);
        }
        t.add("UD2", "0F 0B", "", "end", (c, i) -> {
            throw c.ud();
        });
        t.add("UD1", "0F B9 /r", "Gv:r,Ev", "end", (c, i) -> {
            throw c.ud();
        });
        t.add("UD0", "0F FF /r", "Gv:r,Ev", "end", (c, i) -> {
            throw c.ud();
        });
        // @formatter:on
    }

    static void nop(Cpu c, Insn i) {
    }

    static void lahf(Cpu c, Insn i) {
        c.setRegHigh8(CpuState.RAX, c.arithmeticFlags() & 0xd5 | Flags.FIXED);
    }

    static void sahf(Cpu c, Insn i) {
        c.setArithmeticFlags(c.arithmeticFlags() & Flags.OF | c.regHigh8(CpuState.RAX) & 0xd5);
    }
}

package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.StackAccess;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** CLI, STI, PUSHF, POPF and CLTS, with the virtual interrupt flag of VME and PVI (SDM vol. 2; vol. 3, 21.3 and 21.4). */
final class FlagControl {
    private static final int POPPED = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;

    private FlagControl() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("CLI",   "FA",    "", "w:I", FlagControl::cli);
        t.add("STI",   "FB",    "", "w:I", FlagControl::sti);
        t.add("PUSHF", "9C",    "", "d64 r:OSZAPCD vmoften", FlagControl::pushf);
        t.add("POPF",  "9D",    "", "end d64 w:OSZAPCDI vmoften", FlagControl::popf);
        t.add("CLTS",  "0F 06", "", "end priv vm", FlagControl::clts);
        // @formatter:on
    }

    /** True when CLI and STI act on IF itself. */
    private static boolean ownsInterruptFlag(Cpu c) {
        return c.cpl() <= c.iopl();
    }

    /** True when CLI and STI act on VIF instead; #GP(0) when they may not act at all. */
    private static boolean virtualInterruptFlag(Cpu c) {
        if (ownsInterruptFlag(c)) {
            return false;
        }
        long enabled = c.vm86() ? ControlRegisters.CR4_VME : ControlRegisters.CR4_PVI;
        if (c.cpl() != 3 || (c.cr4() & enabled) == 0) {
            throw c.gp0();
        }
        return true;
    }

    static void cli(Cpu c, Insn i) {
        int flag = virtualInterruptFlag(c) ? Flags.VIF : Flags.IF;
        c.setSystemFlags(c.systemFlags() & ~flag);
    }

    static void sti(Cpu c, Insn i) {
        if (virtualInterruptFlag(c)) {
            if (c.systemFlag(Flags.VIP)) {
                throw c.gp0();
            }
            c.setSystemFlags(c.systemFlags() | Flags.VIF);
        } else if (!c.systemFlag(Flags.IF)) {
            c.setSystemFlags(c.systemFlags() | Flags.IF);
            c.setInterruptShadow(true);
        }
    }

    static void pushf(Cpu c, Insn i) {
        long flags = c.rflags() & ~(Flags.VM | Flags.RF);
        if (c.vm86() && c.iopl() < 3) {
            if ((c.cr4() & ControlRegisters.CR4_VME) == 0 || i.operandBits() != 16) {
                throw c.gp0();
            }
            flags = flags & ~Flags.IF | Flags.IOPL | ((flags & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        StackAccess.push(c, i.operandBits(), flags);
    }

    static void popf(Cpu c, Insn i) {
        int bits = i.operandBits();
        int mask = POPPED | (bits == 16 ? 0 : Flags.AC | Flags.ID);
        if (c.vm86() && c.iopl() < 3) {
            if ((c.cr4() & ControlRegisters.CR4_VME) == 0 || bits != 16) {
                throw c.gp0();
            }
            long flags = StackAccess.peek(c, 0, 16);
            if ((flags & Flags.TF) != 0 || (flags & Flags.IF) != 0 && c.systemFlag(Flags.VIP)) {
                throw c.gp0();
            }
            StackAccess.adjust(c, 2);
            flags = (flags & Flags.IF) != 0 ? flags | Flags.VIF : flags & ~Flags.VIF;
            load(c, flags, mask | Flags.VIF);
            return;
        }
        if (c.cpl() == 0) {
            mask |= Flags.IOPL | Flags.IF;
        } else if (ownsInterruptFlag(c)) {
            mask |= Flags.IF;
        }
        long flags = StackAccess.pop(c, bits);
        load(c, flags, mask);
    }

    private static void load(Cpu c, long flags, int mask) {
        c.setRflags(c.rflags() & ~mask & ~Flags.RF | flags & mask);
    }

    static void clts(Cpu c, Insn i) {
        long v = c.cr0() & ~ControlRegisters.CR0_TS;
        c.setField(CpuState.CR0, c.guestMode() == null ? v : c.guestMode().writeCr(c, 0, v));
        c.updateMode();
    }
}

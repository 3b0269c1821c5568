package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.mmu.Mmu;

/** MOV to and from control and debug registers, LMSW, SMSW, and the descriptor-table registers (SDM vol. 2). */
final class ControlOps {
    /** Bits of DR6 and DR7 that always read as one (SDM vol. 3, 18.2.3 and 18.2.4). */
    private static final long DR6_FIXED = 0xffff_0ff0L;
    private static final long DR7_FIXED = 1 << 10;
    private static final long DR6_WRITABLE = 0xe00f;
    private static final long DR7_WRITABLE = 0xffff_23ffL;

    private ControlOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("MOV", "0F 20 /r", "Ry:w,Cy", "f64 priv nouser vm", ControlOps::fromCr);
        t.add("MOV", "0F 22 /r", "Cy:w,Ry", "f64 priv nouser alone vm", ControlOps::toCr);
        t.add("MOV", "0F 21 /r", "Ry:w,Dy", "f64 priv nouser vm", ControlOps::fromDr);
        t.add("MOV", "0F 23 /r", "Dy:w,Ry", "f64 priv nouser alone vm", ControlOps::toDr);
        t.add("SMSW", "0F 01 /4", "Rv:w", "nouser vm", ControlOps::smsw);
        t.add("SMSW", "0F 01 /4", "Mw:w", "nouser vm", ControlOps::smsw);
        t.add("LMSW", "0F 01 /6", "Ew:r", "priv nouser alone vm", ControlOps::lmsw);
        t.add("SGDT", "0F 01 /0", "Ms:w", "nouser vm", (c, i) -> store(c, i, CpuState.GDTR_BASE, CpuState.GDTR_LIMIT));
        t.add("SIDT", "0F 01 /1", "Ms:w", "nouser vm", (c, i) -> store(c, i, CpuState.IDTR_BASE, CpuState.IDTR_LIMIT));
        t.add("LGDT", "0F 01 /2", "Ms:r", "priv nouser vm", (c, i) -> load(c, i, CpuState.GDTR_BASE, CpuState.GDTR_LIMIT));
        t.add("LIDT", "0F 01 /3", "Ms:r", "priv nouser vm", (c, i) -> load(c, i, CpuState.IDTR_BASE, CpuState.IDTR_LIMIT));
        // @formatter:on
    }

    private static void fromCr(Cpu c, Insn i) {
        int number = i.op1().reg();
        long v = switch (number) {
            case 0 -> c.cr0();
            case 2 -> c.field(CpuState.CR2);
            case 3 -> c.field(CpuState.CR3);
            case 4 -> c.cr4();
            case 8 -> c.apic().tpr() >>> 4;
            default -> throw c.ud();
        };
        i.write0(c, seen(c, number, v));
    }

    private static long loaded(Cpu c, int number, long v) {
        return c.guestMode() == null ? v : c.guestMode().writeCr(c, number, v);
    }

    private static long seen(Cpu c, int number, long v) {
        return c.guestMode() == null ? v : c.guestMode().readCr(c, number, v);
    }

    private static void toCr(Cpu c, Insn i) {
        long v = i.read1(c);
        switch (i.op0().reg()) {
            case 0 -> ControlWrites.setCr0(c, loaded(c, 0, v));
            case 2 -> c.setField(CpuState.CR2, v);
            case 3 -> ControlWrites.setCr3(c, v);
            case 4 -> ControlWrites.setCr4(c, loaded(c, 4, v));
            case 8 -> {
                if (c.guestMode() == null || !c.guestMode().writeTpr(c, v)) {
                    ControlWrites.setCr8(c, v);
                }
            }
            default -> throw c.ud();
        }
    }

    /**
     * The offset of the register that a number names: #UD for DR8 and up, and for DR4 and DR5 when CR4.DE is set; otherwise they are
     * DR6 and DR7. Then general detect.
     */
    private static int debugField(Cpu c, int number) {
        boolean alias = number == 4 || number == 5;
        if (number > 7 || alias && (c.cr4() & ControlRegisters.CR4_DE) != 0) {
            throw c.ud();
        }
        c.debug().checkGeneralDetect();
        return CpuState.DR + 8 * (alias ? number + 2 : number);
    }

    private static void fromDr(Cpu c, Insn i) {
        i.write0(c, c.field(debugField(c, i.op1().reg())));
    }

    private static void toDr(Cpu c, Insn i) {
        int field = debugField(c, i.op0().reg());
        long v = i.read1(c);
        if (field >= CpuState.DR + 8 * 6 && v >>> 32 != 0) {
            throw c.gp0();
        }
        c.setField(field, switch (field) {
            case CpuState.DR + 8 * 6 -> v & DR6_WRITABLE | DR6_FIXED;
            case CpuState.DR + 8 * 7 -> v & DR7_WRITABLE | DR7_FIXED;
            default -> v;
        });
        c.debug().armed();
    }

    /** UMIP: user mode may not see where the system tables are. */
    private static void checkUmip(Cpu c) {
        if (c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_UMIP) != 0) {
            throw c.gp0();
        }
    }

    /** A register gets as much of CR0 as the operand size holds. */
    static void smsw(Cpu c, Insn i) {
        checkUmip(c);
        i.write0(c, seen(c, 0, c.cr0()));
    }

    /** Loads PE, MP, EM and TS, but cannot clear PE. */
    static void lmsw(Cpu c, Insn i) {
        long v = i.read0(c) & 15;
        ControlWrites.setCr0(c, loaded(c, 0, c.cr0() & ~14L | v));
    }

    private static void store(Cpu c, Insn i, int base, int limit) {
        checkUmip(c);
        int baseBits = i.codeBits() == 64 ? 64 : 32;
        int bytes = 2 + baseBits / 8;
        long va = i.address(c, bytes, true);
        c.mmu().probe(va, i.seg(), bytes, true);
        c.mmu().write16(va, i.seg(), (int) c.field(limit));
        c.mmu().write(i.address(c, 2, baseBits / 8, true), i.seg(), baseBits, c.field(base));
    }

    /** A 16-bit operand size loads 24 bits of base. */
    private static void load(Cpu c, Insn i, int base, int limit) {
        int baseBits = i.codeBits() == 64 ? 64 : 32;
        long va = i.address(c, 2 + baseBits / 8, false);
        int l = c.mmu().read16(va, i.seg());
        long b = c.mmu().read(i.address(c, 2, baseBits / 8, false), i.seg(), baseBits);
        if (baseBits == 64) {
            if (!Mmu.isCanonical(b)) {
                throw c.gp0();
            }
        } else if (i.operandBits() == 16) {
            b &= 0xff_ffffL;
        }
        c.setField(base, b);
        c.setField(limit, l);
    }
}

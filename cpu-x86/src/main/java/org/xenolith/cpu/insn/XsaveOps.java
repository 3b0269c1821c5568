package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.XsaveLayout;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.Mxcsr;

/** FXSAVE, FXRSTOR and the XSAVE family (SDM vol. 1, chapter 13; vol. 2). */
final class XsaveOps {
    private static final int[] EXTENDED = {XsaveLayout.AVX, XsaveLayout.PKRU};
    private static final long X87 = ControlRegisters.XCR0_X87;
    private static final long SSE = ControlRegisters.XCR0_SSE;
    private static final long AVX = ControlRegisters.XCR0_AVX;
    private static final long COMPACT = 1L << 63;
    private static final int FXSAVE_SIZE = 512;
    private static final int XSTATE_BV = 512;
    private static final int XCOMP_BV = 520;

    /** Which of the saving instructions. */
    private enum Save {
        XSAVE, XSAVEOPT, XSAVEC, XSAVES
    }

    private XsaveOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        both(t, "FXSAVE",   "NP", "0F AE /0", "x87 fxsr",            XsaveOps::fxsave);
        both(t, "FXRSTOR",  "NP", "0F AE /1", "x87 fxsr",            XsaveOps::fxrstor);
        both(t, "XSAVE",    "NP", "0F AE /4", "xsave",               (c, i) -> save(c, i, Save.XSAVE));
        both(t, "XRSTOR",   "NP", "0F AE /5", "xsave end",           (c, i) -> restore(c, i, false));
        both(t, "XSAVEOPT", "NP", "0F AE /6", "xsave xsaveopt",      (c, i) -> save(c, i, Save.XSAVEOPT));
        both(t, "XSAVEC",   "NP", "0F C7 /4", "xsave xsavec",        (c, i) -> save(c, i, Save.XSAVEC));
        both(t, "XSAVES",   "NP", "0F C7 /5", "xsave xsaves priv nouser vm",   (c, i) -> save(c, i, Save.XSAVES));
        both(t, "XRSTORS",  "NP", "0F C7 /3", "xsave xsaves priv nouser end vm", (c, i) -> restore(c, i, true));
        // @formatter:on
    }

    /** The form with 32-bit pointers and the one with REX.W. */
    private static void both(InstructionTable t, String mnemonic, String prefix, String opcode, String attributes,
            Exec exec) {
        t.add(mnemonic, prefix + " REX.0 " + opcode, "M", attributes, exec);
        t.add(mnemonic + "64", prefix + " REX.W " + opcode, "M", attributes + " o64", exec);
    }

    // ---- FXSAVE ----

    /** Checks alignment and access of the whole area. */
    private static void probe(Cpu c, Insn i, int bytes, int alignment, boolean write) {
        long va = i.address(c, bytes, write);
        if ((va & alignment - 1) != 0) {
            throw c.gp0();
        }
        c.mmu().probe(va, i.seg(), bytes, write);
    }

    private static void fxsave(Cpu c, Insn i) {
        probe(c, i, FXSAVE_SIZE, 16, true);
        XsaveArea.saveX87(c, i, i.rexW());
        XsaveArea.saveMxcsr(c, i);
        XsaveArea.saveXmm(c, i);
    }

    private static void fxrstor(Cpu c, Insn i) {
        probe(c, i, FXSAVE_SIZE, 16, false);
        int mxcsr = XsaveArea.checkedMxcsr(c, i);
        XsaveArea.restoreX87(c, i, i.rexW());
        c.setField32(CpuState.MXCSR, mxcsr);
        XsaveArea.restoreXmm(c, i);
    }

    // ---- XSAVE ----

    private static void checkEnabled(Cpu c) {
        if ((c.cr4() & ControlRegisters.CR4_OSXSAVE) == 0) {
            throw c.ud();
        }
        if ((c.cr0() & ControlRegisters.CR0_TS) != 0) {
            throw c.fault(Vector.NM);
        }
    }

    private static long requested(Cpu c, boolean supervisor) {
        long mask = c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32;
        long enabled = c.field(CpuState.XCR0) | (supervisor ? c.field(CpuState.XSS) : 0);
        return mask & enabled;
    }

    private static void save(Cpu c, Insn i, Save kind) {
        checkEnabled(c);
        boolean compact = kind == Save.XSAVEC || kind == Save.XSAVES;
        long rfbm = requested(c, kind == Save.XSAVES);
        long inUse = XsaveArea.inUse(c);
        // XSAVE writes all that is asked for, the others leave initial state out
        long written = kind == Save.XSAVE ? rfbm : rfbm & inUse;
        probe(c, i, compact ? XsaveLayout.compactSize(rfbm) : XsaveLayout.standardSize(rfbm), 64, true);
        long oldBv = compact ? 0 : XsaveArea.get(c, i, XSTATE_BV, 64);
        if ((written & X87) != 0) {
            XsaveArea.saveX87(c, i, i.rexW());
        }
        if (compact ? (written & SSE) != 0 : (rfbm & (SSE | AVX)) != 0) {
            XsaveArea.saveMxcsr(c, i);
        }
        if ((written & SSE) != 0) {
            XsaveArea.saveXmm(c, i);
        }
        for (int component : EXTENDED) {
            if ((written >>> component & 1) != 0) {
                XsaveArea.save(c, i, component, compact
                        ? XsaveLayout.compactOffset(rfbm, component)
                        : XsaveLayout.standardOffset(component));
            }
        }
        XsaveArea.put(c, i, XSTATE_BV, 64, compact ? rfbm & inUse : oldBv & ~rfbm | rfbm & inUse);
        if (compact) {
            XsaveArea.put(c, i, XCOMP_BV, 64, rfbm | COMPACT);
        }
    }

    private static void restore(Cpu c, Insn i, boolean supervisor) {
        checkEnabled(c);
        probe(c, i, XsaveLayout.BASE_SIZE, 64, false);
        long rfbm = requested(c, supervisor);
        long enabled = c.field(CpuState.XCR0) | (supervisor ? c.field(CpuState.XSS) : 0);
        long bv = XsaveArea.get(c, i, XSTATE_BV, 64);
        long comp = XsaveArea.get(c, i, XCOMP_BV, 64);
        boolean compact = checkHeader(c, i, supervisor, enabled, bv, comp);
        long load = rfbm & bv;
        int size = XsaveLayout.BASE_SIZE;
        for (int component : EXTENDED) {
            if ((load >>> component & 1) != 0) {
                size = offset(compact, comp, component) + XsaveLayout.componentSize(component);
            }
        }
        probe(c, i, size, 64, false);
        int mxcsr = c.field32(CpuState.MXCSR);
        if (compact) {
            if ((rfbm & SSE) != 0) {
                mxcsr = (load & SSE) != 0 ? XsaveArea.checkedMxcsr(c, i) : Mxcsr.RESET;
            }
        } else if ((rfbm & (SSE | AVX)) != 0) {
            mxcsr = XsaveArea.checkedMxcsr(c, i);
        }
        c.setField32(CpuState.MXCSR, mxcsr);
        if ((load & X87) != 0) {
            XsaveArea.restoreX87(c, i, i.rexW());
        } else if ((rfbm & X87) != 0) {
            XsaveArea.initX87(c);
        }
        if ((load & SSE) != 0) {
            XsaveArea.restoreXmm(c, i);
        } else if ((rfbm & SSE) != 0) {
            XsaveArea.initXmm(c, i);
        }
        for (int component : EXTENDED) {
            if ((load >>> component & 1) != 0) {
                XsaveArea.restore(c, i, component, offset(compact, comp, component));
            } else if ((rfbm >>> component & 1) != 0) {
                XsaveArea.init(c, i, component);
            }
        }
    }

    private static int offset(boolean compact, long comp, int component) {
        return compact ? XsaveLayout.compactOffset(comp, component) : XsaveLayout.standardOffset(component);
    }

    /** Checks the XSAVE header and tells whether the area is compacted. */
    private static boolean checkHeader(Cpu c, Insn i, boolean supervisor, long enabled, long bv, long comp) {
        boolean compact = (comp & COMPACT) != 0;
        boolean ok;
        int from;
        if (compact) {
            ok = (comp & ~COMPACT & ~enabled) == 0 && (bv & ~comp) == 0 && bv >= 0
                    && (supervisor || c.model().has(org.xenolith.cpu.Feature.XSAVEC));
            from = XCOMP_BV + 8;
        } else {
            ok = !supervisor && (bv & ~enabled) == 0 && comp == 0;
            from = XCOMP_BV + 8;
        }
        int to = compact ? XsaveLayout.BASE_SIZE : XCOMP_BV + 16;
        for (int at = from; at < to && ok; at += 8) {
            ok = XsaveArea.get(c, i, at, 64) == 0;
        }
        if (!ok) {
            throw c.gp0();
        }
        return compact;
    }
}

package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.XsaveLayout;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.fpu.Mxcsr;

/**
 * The parts of an FXSAVE or XSAVE area: each method moves one state component between the CPU and memory, or puts it in its initial
 * state (SDM vol. 1, 10.5.1 and 13.4). Callers have probed the memory.
 */
final class XsaveArea {
    /** MXCSR bits that may be set; stored as MXCSR_MASK. */
    static final int MXCSR_MASK = 0xffff;
    private static final int ST_AT = 32;
    private static final int XMM_AT = 160;
    private static final long SSE = ControlRegisters.XCR0_SSE;
    private static final long AVX = ControlRegisters.XCR0_AVX;

    private XsaveArea() {
    }

    static void put(Cpu c, Insn i, long at, int bits, long v) {
        c.mmu().write(i.address(c, at, bits >>> 3, true), i.seg(), bits, v);
    }

    static long get(Cpu c, Insn i, long at, int bits) {
        return c.mmu().read(i.address(c, at, bits >>> 3, false), i.seg(), bits);
    }

    /** XMM registers that the mode reaches. */
    private static int vectors(Insn i) {
        return i.codeBits() == 64 ? 16 : 8;
    }

    /** XINUSE: the components that are not in their initial state (SDM vol. 1, 13.6). */
    static long inUse(Cpu c) {
        boolean x87 = (c.field32(CpuState.FCW) & 0xffff) != X87Unit.INITIAL_CONTROL || c.field32(CpuState.FSW) != 0
                || c.field32(CpuState.FTOP) != 0 || c.field32(CpuState.FTW) != 0 || c.field32(CpuState.FOP) != 0
                || c.field(CpuState.FIP) != 0 || c.field(CpuState.FDP) != 0;
        for (int r = 0; r < 8 && !x87; r++) {
            x87 = c.field(CpuState.FPR + 16 * r) != 0 || (c.field32(CpuState.FPR + 16 * r + 8) & 0xffff) != 0;
        }
        boolean sse = c.field32(CpuState.MXCSR) != Mxcsr.RESET;
        boolean avx = false;
        for (int r = 0; r < 16; r++) {
            sse |= (c.ymm(r, 0) | c.ymm(r, 1)) != 0;
            avx |= (c.ymm(r, 2) | c.ymm(r, 3)) != 0;
        }
        return (x87 ? ControlRegisters.XCR0_X87 : 0) | (sse ? SSE : 0) | (avx ? AVX : 0)
                | (c.field32(CpuState.PKRU) != 0 ? ControlRegisters.XCR0_PKRU : 0);
    }

    // ---- x87 ----

    /** @param wide REX.W: 64-bit instruction and data pointers instead of 32-bit ones with selectors */
    static void saveX87(Cpu c, Insn i, boolean wide) {
        int top = c.x87().top();
        put(c, i, 0, 16, c.x87().control());
        put(c, i, 2, 16, c.x87().status());
        put(c, i, 4, 8, c.x87().abridgedTags());
        put(c, i, 5, 8, 0);
        put(c, i, 6, 16, c.field32(CpuState.FOP) & 0x7ff);
        if (wide) {
            put(c, i, 8, 64, c.field(CpuState.FIP));
            put(c, i, 16, 64, c.field(CpuState.FDP));
        } else {
            put(c, i, 8, 64, c.field(CpuState.FIP) & 0xffff_ffffL | (c.field32(CpuState.FCS) & 0xffffL) << 32);
            put(c, i, 16, 64, c.field(CpuState.FDP) & 0xffff_ffffL | (c.field32(CpuState.FDS) & 0xffffL) << 32);
        }
        for (int k = 0; k < 8; k++) {
            int r = CpuState.FPR + 16 * (top + k & 7);
            put(c, i, ST_AT + 16L * k, 64, c.field(r));
            put(c, i, ST_AT + 16L * k + 8, 64, c.field(r + 8) & 0xffff);
        }
    }

    static void restoreX87(Cpu c, Insn i, boolean wide) {
        // ES and B follow from flags and masks, whatever the image says
        c.x87().setControl((int) get(c, i, 0, 16));
        c.x87().setStatus((int) get(c, i, 2, 16));
        c.x87().setAbridgedTags((int) get(c, i, 4, 8));
        int top = c.x87().top();
        c.setField32(CpuState.FOP, (int) get(c, i, 6, 16) & 0x7ff);
        long ip = get(c, i, 8, 64);
        long dp = get(c, i, 16, 64);
        c.setField(CpuState.FIP, wide ? ip : ip & 0xffff_ffffL);
        c.setField(CpuState.FDP, wide ? dp : dp & 0xffff_ffffL);
        c.setField32(CpuState.FCS, wide ? 0 : (int) (ip >>> 32) & 0xffff);
        c.setField32(CpuState.FDS, wide ? 0 : (int) (dp >>> 32) & 0xffff);
        for (int k = 0; k < 8; k++) {
            int r = CpuState.FPR + 16 * (top + k & 7);
            c.setField(r, get(c, i, ST_AT + 16L * k, 64));
            c.setField(r + 8, get(c, i, ST_AT + 16L * k + 8, 16));
        }
    }

    static void initX87(Cpu c) {
        c.x87().init();
        for (int r = 0; r < 8; r++) {
            c.setField(CpuState.FPR + 16 * r, 0);
            c.setField(CpuState.FPR + 16 * r + 8, 0);
        }
    }

    // ---- SSE ----

    static void saveMxcsr(Cpu c, Insn i) {
        put(c, i, 24, 32, c.field32(CpuState.MXCSR));
        put(c, i, 28, 32, MXCSR_MASK);
    }

    static void saveXmm(Cpu c, Insn i) {
        for (int r = 0; r < vectors(i); r++) {
            put(c, i, XMM_AT + 16L * r, 64, c.ymm(r, 0));
            put(c, i, XMM_AT + 16L * r + 8, 64, c.ymm(r, 1));
        }
    }

    static void restoreXmm(Cpu c, Insn i) {
        for (int r = 0; r < vectors(i); r++) {
            c.setYmm(r, 0, get(c, i, XMM_AT + 16L * r, 64));
            c.setYmm(r, 1, get(c, i, XMM_AT + 16L * r + 8, 64));
        }
    }

    static void initXmm(Cpu c, Insn i) {
        for (int r = 0; r < vectors(i); r++) {
            c.setYmm(r, 0, 0);
            c.setYmm(r, 1, 0);
        }
    }

    /** MXCSR of the image; raises #GP(0) for reserved bits. */
    static int checkedMxcsr(Cpu c, Insn i) {
        int v = (int) get(c, i, 24, 32);
        if ((v & ~MXCSR_MASK) != 0) {
            throw c.gp0();
        }
        return v;
    }

    // ---- extended components ----

    static void save(Cpu c, Insn i, int component, int at) {
        if (component == XsaveLayout.AVX) {
            for (int r = 0; r < vectors(i); r++) {
                put(c, i, at + 16L * r, 64, c.ymm(r, 2));
                put(c, i, at + 16L * r + 8, 64, c.ymm(r, 3));
            }
        } else {
            put(c, i, at, 64, c.field32(CpuState.PKRU) & 0xffff_ffffL);
        }
    }

    static void restore(Cpu c, Insn i, int component, int at) {
        if (component == XsaveLayout.AVX) {
            for (int r = 0; r < vectors(i); r++) {
                c.setYmm(r, 2, get(c, i, at + 16L * r, 64));
                c.setYmm(r, 3, get(c, i, at + 16L * r + 8, 64));
            }
        } else {
            setPkru(c, get(c, i, at, 32));
        }
    }

    static void init(Cpu c, Insn i, int component) {
        if (component == XsaveLayout.AVX) {
            for (int r = 0; r < vectors(i); r++) {
                c.setYmm(r, 2, 0);
                c.setYmm(r, 3, 0);
            }
        } else {
            setPkru(c, 0);
        }
    }

    private static void setPkru(Cpu c, long v) {
        if (c.field(CpuState.PKRU) != v) {
            c.setField(CpuState.PKRU, v);
            c.mmu().flushAll();
        }
    }
}

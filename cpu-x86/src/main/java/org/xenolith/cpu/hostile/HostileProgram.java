package org.xenolith.cpu.hostile;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;

/**
 * Everything that one program starts from: memory, registers of every kind, and what happens outside. Filled anew for each program by
 * {@link HostileGenerator}.
 */
final class HostileProgram {
    /** Frames of RAM; every other guest frame is a device. */
    static final int FRAMES = 32;
    static final int RAM = FRAMES << 12;
    /** Machine addresses of what the generator lays out. */
    static final int GDT = 0x1000;
    static final int IDT = 0x2000;
    static final int TSS = 0x3000;
    static final int LDT = 0x3800;
    static final int HANDLERS = 0x4000;
    static final int PML4 = 0x5000;
    static final int PDPT = 0x6000;
    static final int PD = 0x7000;
    static final int PT = 0x8000;
    static final int PAE_PDPT = 0x9000;
    static final int PD32 = 0xa000;
    static final int PT32 = 0xb000;
    static final int CODE = 0xc000;
    static final int DATA = 0x1_0000;
    static final int STACK = 0x1_c000;

    /** Modes that programs run in. */
    enum Mode {
        REAL, UNREAL, VIRTUAL_8086, PROTECTED_16, PROTECTED_32, PAGED_32, PAE, COMPATIBILITY, LONG
    }

    final byte[] ram = new byte[RAM];
    Mode mode = Mode.LONG;
    int ring;
    final long[] gpr = new long[16];
    final long[] ymm = new long[64];
    final long[] fpr = new long[16];
    long rip;
    long rflags;
    long cr0;
    long cr3;
    long cr4;
    long efer;
    long xcr0;
    int mxcsr;
    int fcw;
    int fsw;
    int ftw;
    int ftop;
    int gdtLimit;
    int idtLimit;
    long idtBase;
    final long[] dr = new long[8];
    final int[] selector = new int[8];
    final long[] base = new long[8];
    final long[] limit = new long[8];
    final int[] attributes = new int[8];
    long star;
    long lstar;
    long sysenterEip;
    long random;
    boolean nmi;
    /** External interrupt that waits for IF, or -1. */
    int interrupt;
    /** Instruction counts between stops. */
    int[] stops = {};
    int budget;

    /** Code size at the start: 16, 32 or 64. */
    int codeBits() {
        return switch (mode) {
            case REAL, UNREAL, VIRTUAL_8086, PROTECTED_16 -> 16;
            case PROTECTED_32, PAGED_32, PAE, COMPATIBILITY -> 32;
            case LONG -> 64;
        };
    }

    /** Linear address of the first instruction, which is also its machine address unless the tables say otherwise. */
    long start() {
        return rip + (mode == Mode.LONG ? 0 : base[CpuState.CS]);
    }

    /** Loads registers; memory is the caller's. */
    void load(Cpu cpu) {
        cpu.reset();
        for (int i = 0; i < 16; i++) {
            cpu.setReg(i, gpr[i]);
            cpu.setField(CpuState.FPR + 8 * i, (i & 1) == 0 ? fpr[i] : fpr[i] & 0xffff);
            for (int part = 0; part < 4; part++) {
                cpu.setYmm(i, part, ymm[4 * i + part]);
            }
        }
        for (int s = 0; s < 8; s++) {
            cpu.setSegment(s, selector[s], base[s], limit[s], attributes[s]);
            if (s != 4 && s != 5) {
                cpu.setField(CpuState.DR + 8 * s, dr[s]);
            }
        }
        cpu.setField(CpuState.CR0, cr0);
        cpu.setField(CpuState.CR3, cr3);
        cpu.setField(CpuState.CR4, cr4);
        cpu.setField(CpuState.EFER, efer);
        cpu.setField(CpuState.XCR0, xcr0);
        cpu.setField(CpuState.GDTR_BASE, GDT);
        cpu.setField(CpuState.GDTR_LIMIT, gdtLimit);
        cpu.setField(CpuState.IDTR_BASE, idtBase);
        cpu.setField(CpuState.IDTR_LIMIT, idtLimit);
        cpu.setField(CpuState.STAR, star);
        cpu.setField(CpuState.LSTAR, lstar);
        cpu.setField(CpuState.CSTAR, lstar);
        cpu.setField(CpuState.SYSENTER_CS, 8);
        cpu.setField(CpuState.SYSENTER_EIP, sysenterEip);
        cpu.setField(CpuState.SYSENTER_ESP, STACK + 0x800);
        cpu.setField(CpuState.RANDOM, random);
        cpu.setField32(CpuState.MXCSR, mxcsr);
        cpu.setField32(CpuState.FCW, fcw);
        cpu.setField32(CpuState.FSW, fsw);
        cpu.setField32(CpuState.FTW, ftw);
        cpu.setField32(CpuState.FTOP, ftop);
        cpu.setRflags(rflags);
        cpu.setRip(rip);
        cpu.updateMode();
        cpu.mmu().flushAll();
        if (nmi) {
            cpu.setNmiPending(true);
        }
    }
}

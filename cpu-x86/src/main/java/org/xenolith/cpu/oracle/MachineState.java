package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.jit.host.HostRegisters;

/**
 * User-mode registers as plain Java values, to be loaded into either side before a run and read back after it, with
 * how the run ended. Mutable and reused: a run of a million cases allocates none.
 */
final class MachineState {
    /** {@link #vector} when no exception ended the run. */
    static final int NO_FAULT = -1;
    /** ES, DS, FS, GS. */
    static final int[] SELECTORS = {CpuState.ES, CpuState.DS, CpuState.FS, CpuState.GS};

    final long[] gpr = new long[16];
    final long[] ymm = new long[64];
    final long[] significand = new long[8];
    final int[] exponent = new int[8];
    final int[] selector = new int[4];
    long rflags;
    long rip;
    long fsBase;
    long gsBase;
    int mxcsr;
    int fcw;
    int fsw;
    int tags;
    int vector;
    long errorCode;
    long faultAddress;

    void copy(MachineState from) {
        System.arraycopy(from.gpr, 0, gpr, 0, gpr.length);
        System.arraycopy(from.ymm, 0, ymm, 0, ymm.length);
        System.arraycopy(from.significand, 0, significand, 0, significand.length);
        System.arraycopy(from.exponent, 0, exponent, 0, exponent.length);
        System.arraycopy(from.selector, 0, selector, 0, selector.length);
        rflags = from.rflags;
        rip = from.rip;
        fsBase = from.fsBase;
        gsBase = from.gsBase;
        mxcsr = from.mxcsr;
        fcw = from.fcw;
        fsw = from.fsw;
        tags = from.tags;
        vector = from.vector;
        errorCode = from.errorCode;
        faultAddress = from.faultAddress;
    }

    int top() {
        return fsw >>> 11 & 7;
    }

    void storeTo(HostRegisters host) {
        for (int i = 0; i < 16; i++) {
            host.gpr(i, gpr[i]);
            for (int part = 0; part < 4; part++) {
                host.ymm(i, part, ymm[4 * i + part]);
            }
        }
        for (int i = 0; i < 8; i++) {
            host.st(i, exponent[i], significand[i]);
        }
        host.rflags(rflags);
        host.fsBase(fsBase);
        host.gsBase(gsBase);
        host.mxcsr(mxcsr);
        host.fcw(fcw);
        host.fsw(fsw);
        host.tags(tags);
    }

    void loadFrom(HostRegisters host) {
        for (int i = 0; i < 16; i++) {
            gpr[i] = host.gpr(i);
            for (int part = 0; part < 4; part++) {
                ymm[4 * i + part] = host.ymm(i, part);
            }
        }
        for (int i = 0; i < 8; i++) {
            significand[i] = host.stSignificand(i);
            exponent[i] = host.stExponent(i);
        }
        for (int i = 0; i < SELECTORS.length; i++) {
            selector[i] = host.selector(SELECTORS[i]);
        }
        rflags = host.rflags();
        rip = host.rip();
        fsBase = host.fsBase();
        gsBase = host.gsBase();
        mxcsr = host.mxcsr();
        fcw = host.fcw();
        fsw = host.fsw();
        tags = host.tags();
    }

    void storeTo(Cpu cpu) {
        for (int i = 0; i < 16; i++) {
            cpu.setReg(i, gpr[i]);
            for (int part = 0; part < 4; part++) {
                cpu.setYmm(i, part, ymm[4 * i + part]);
            }
        }
        int top = top();
        for (int i = 0; i < 8; i++) {
            int at = CpuState.FPR + 16 * (i + top & 7);
            cpu.setField(at, significand[i]);
            cpu.setField32(at + 8, exponent[i]);
        }
        cpu.setRflags(rflags);
        cpu.setSegmentBase(CpuState.FS, fsBase);
        cpu.setSegmentBase(CpuState.GS, gsBase);
        cpu.setField32(CpuState.MXCSR, mxcsr);
        cpu.setField32(CpuState.FCW, fcw);
        cpu.setField32(CpuState.FSW, fsw & ~0x3800);
        cpu.setField32(CpuState.FTW, tags);
        cpu.setField32(CpuState.FTOP, top);
        cpu.setField32(CpuState.FOP, 0);
        cpu.setField(CpuState.FIP, 0);
        cpu.setField(CpuState.FDP, 0);
        cpu.setField32(CpuState.FCS, 0);
        cpu.setField32(CpuState.FDS, 0);
        cpu.setRip(rip);
    }

    void loadFrom(Cpu cpu) {
        for (int i = 0; i < 16; i++) {
            gpr[i] = cpu.reg(i);
            for (int part = 0; part < 4; part++) {
                ymm[4 * i + part] = cpu.ymm(i, part);
            }
        }
        int top = cpu.field32(CpuState.FTOP) & 7;
        for (int i = 0; i < 8; i++) {
            int at = CpuState.FPR + 16 * (i + top & 7);
            significand[i] = cpu.field(at);
            exponent[i] = cpu.field32(at + 8) & 0xffff;
        }
        for (int i = 0; i < SELECTORS.length; i++) {
            selector[i] = cpu.selector(SELECTORS[i]);
        }
        rflags = cpu.rflags();
        rip = cpu.rip();
        fsBase = cpu.segmentBase(CpuState.FS);
        gsBase = cpu.segmentBase(CpuState.GS);
        mxcsr = cpu.field32(CpuState.MXCSR);
        fcw = cpu.field32(CpuState.FCW) & 0xffff;
        fsw = cpu.field32(CpuState.FSW) & 0xc7ff | top << 11;
        tags = cpu.field32(CpuState.FTW) & 0xff;
    }
}

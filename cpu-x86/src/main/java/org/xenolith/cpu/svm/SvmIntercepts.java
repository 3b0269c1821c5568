package org.xenolith.cpu.svm;

import static org.xenolith.memory.RawMemory.get8;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Msr;
import org.xenolith.cpu.decode.Insn;

/** Which instructions of a guest exit, and with what information (APM vol. 2, 15.7 to 15.13 and 15.33). */
final class SvmIntercepts {
    /** EXITINFO1 of MOV to and from a control register. */
    private static final long MOV_CR = 1L << 63;
    private static final int IOPM_PAGES = 3;
    private static final int MSRPM_PAGES = 2;
    private static final int MAP_BITS = 4096 * 8;

    private final Cpu c;
    private final Svm svm;
    private final SvmGuest guest;
    private final Vmcb v;
    private final int[] words = new int[Vmcb.INTERCEPT_WORDS];
    /** Host addresses of the pages of the permission maps; 0 where there is no memory. */
    private final long[] maps = new long[IOPM_PAGES + MSRPM_PAGES];
    private long[] ownMaps = {};
    private boolean often;
    private int pauseCount;
    private long pauseLast;

    SvmIntercepts(Cpu cpu, Svm svm, SvmGuest guest, Vmcb vmcb) {
        this.c = cpu;
        this.svm = svm;
        this.guest = guest;
        this.v = vmcb;
    }

    /** Takes up what the VMCB says. */
    void configure() {
        for (int n = 0; n < words.length; n++) {
            words[n] = v.intAt(Vmcb.INTERCEPTS + 4 * n);
        }
        for (int n = 0; n < maps.length; n++) {
            boolean ports = n < IOPM_PAGES;
            long at = (v.get(ports ? Vmcb.IOPM : Vmcb.MSRPM) & -4096L) + 4096L * (ports ? n : n - IOPM_PAGES);
            maps[n] = ownMaps.length != 0
                    ? ownMaps[n]
                    : on(ports ? ExitCode.IOIO : ExitCode.MSR) ? c.mmu().physicalPage(at) : 0;
        }
        often = on(ExitCode.RDTSC) || on(ExitCode.RDTSCP) || on(ExitCode.PAUSE) || on(ExitCode.SWINT)
                || on(ExitCode.ICEBP)
                || on(ExitCode.IRET) || on(ExitCode.PUSHF) || on(ExitCode.POPF);
        pauseCount = v.shortAt(Vmcb.PAUSE_COUNT);
        pauseLast = c.model().ticks(c.clock().now());
    }

    /** The maps of a hypervisor that is no guest code: host addresses of three pages for ports and two for MSRs. */
    void setMaps(long[] pages) {
        ownMaps = pages;
    }

    boolean on(int code) {
        return (words[code >>> 5] >>> (code & 31) & 1) != 0;
    }

    boolean often() {
        return often;
    }

    private boolean exit(Insn i, int code) {
        return exit(i, code, 0, 0);
    }

    private boolean exit(Insn i, int code, long first, long second) {
        if (!on(code)) {
            return true;
        }
        guest.leaveAt(i, code, first, second);
        return false;
    }

    /** As {@code GuestMode.instruction}. */
    boolean instruction(Insn i) {
        switch (i.def().intercept()) {
            case CPUID:
                return exit(i, ExitCode.CPUID);
            case HLT:
                return exit(i, ExitCode.HLT);
            case RDMSR:
                return !msrExits(c.reg32(CpuState.RCX), 0) || exit(i, ExitCode.MSR, 0, 0);
            case WRMSR:
                return wrmsr(i);
            case MOV_TO_CR:
                return toCr(i);
            case MOV_FROM_CR:
                int from = i.op1().reg();
                return !exists(from) || exit(i, ExitCode.READ_CR0 + from, MOV_CR | i.r0(), 0);
            case MOV_TO_DR:
                return debugRegister(i, ExitCode.WRITE_DR0, i.op0().reg(), i.r1());
            case MOV_FROM_DR:
                return debugRegister(i, ExitCode.READ_DR0, i.op1().reg(), i.r0());
            case SMSW:
                return refused() || exit(i, ExitCode.READ_CR0);
            case LMSW:
                return lmsw(i);
            case CLTS:
                return exit(i, ExitCode.WRITE_CR0) && trap(0);
            case INVLPG:
                return invlpg(i);
            case INVPCID:
                return !on(ExitCode.INVPCID) || exit(i, ExitCode.INVPCID, i.address(c, 16, false), i.read0(c));
            case SGDT:
                return refused() || exit(i, ExitCode.GDTR_READ);
            case SIDT:
                return refused() || exit(i, ExitCode.IDTR_READ);
            case SLDT:
                return refused() || exit(i, ExitCode.LDTR_READ);
            case STR:
                return refused() || exit(i, ExitCode.TR_READ);
            case LGDT:
                return exit(i, ExitCode.GDTR_WRITE);
            case LIDT:
                return exit(i, ExitCode.IDTR_WRITE);
            case LLDT:
                return exit(i, ExitCode.LDTR_WRITE);
            case LTR:
                return exit(i, ExitCode.TR_WRITE);
            case RDTSC:
                return timeStampDisabled() || exit(i, ExitCode.RDTSC);
            case RDTSCP:
                return timeStampDisabled() || exit(i, ExitCode.RDTSCP);
            case RDPMC:
                boolean denied = c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_PCE) == 0;
                return denied || exit(i, ExitCode.RDPMC);
            case PAUSE:
                return pause(i);
            case MONITOR:
                return c.cpl() != 0 || exit(i, ExitCode.MONITOR);
            case MWAIT:
                return c.cpl() != 0 || exit(i, on(ExitCode.MWAIT) ? ExitCode.MWAIT : ExitCode.MWAIT_CONDITIONAL);
            case INVD:
                return exit(i, ExitCode.INVD);
            case WBINVD:
                return exit(i, ExitCode.WBINVD);
            case XSETBV:
                return (c.cr4() & ControlRegisters.CR4_OSXSAVE) == 0 || c.cpl() != 0 || exit(i, ExitCode.XSETBV);
            case PUSHF:
                return exit(i, ExitCode.PUSHF);
            case POPF:
                return exit(i, ExitCode.POPF);
            case IRET:
                return exit(i, ExitCode.IRET);
            case INT:
                return exit(i, ExitCode.SWINT, i.imm() & 0xff, 0);
            case INT1:
                return exit(i, ExitCode.ICEBP);
            case RSM:
                return exit(i, ExitCode.RSM);
            case VMCALL:
                throw c.ud();
            case VMMCALL:
                if (exit(i, ExitCode.VMMCALL)) {
                    throw c.ud();
                }
                return false;
            default:
                return svmInstruction(i);
        }
    }

    private boolean svmInstruction(Insn i) {
        int code = switch (i.def().intercept()) {
            case VMRUN -> ExitCode.VMRUN;
            case VMLOAD -> ExitCode.VMLOAD;
            case VMSAVE -> ExitCode.VMSAVE;
            case STGI -> ExitCode.STGI;
            case CLGI -> ExitCode.CLGI;
            case INVLPGA -> ExitCode.INVLPGA;
            default -> 0;
        };
        if (code == 0) {
            return true;
        }
        svm.require();
        return exit(i, code, code == ExitCode.INVLPGA ? c.reg(CpuState.RAX) : 0, 0);
    }

    /** UMIP: the instruction faults. */
    private boolean refused() {
        return c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_UMIP) != 0;
    }

    private boolean timeStampDisabled() {
        return c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_TSD) != 0;
    }

    // ---- control and debug registers ----

    private static boolean exists(int cr) {
        return cr == 0 || cr == 2 || cr == 3 || cr == 4 || cr == 8;
    }

    /** CR0 changes in more than TS and MP. */
    private boolean selective(long cr0) {
        return on(ExitCode.CR0_SEL_WRITE)
                && ((cr0 ^ c.cr0()) & ~(ControlRegisters.CR0_TS | ControlRegisters.CR0_MP)) != 0;
    }

    private boolean toCr(Insn i) {
        int cr = i.op0().reg();
        if (!exists(cr)) {
            return true;
        }
        long info = MOV_CR | i.r1();
        if (!exit(i, ExitCode.WRITE_CR0 + cr, info, 0)) {
            return false;
        }
        if (cr == 0 && selective(i.read1(c) | ControlRegisters.CR0_ET)) {
            return exit(i, ExitCode.CR0_SEL_WRITE, info, 0);
        }
        return trap(cr);
    }

    private boolean lmsw(Insn i) {
        if (!exit(i, ExitCode.WRITE_CR0)) {
            return false;
        }
        // the selective intercept does not look at what LMSW writes (15.9)
        return exit(i, ExitCode.CR0_SEL_WRITE) && trap(0);
    }

    /** Has the write of a control register be followed by an exit, where that is asked for. */
    private boolean trap(int cr) {
        if (on(ExitCode.CR0_WRITE_TRAP + cr)) {
            guest.trapAfter(ExitCode.CR0_WRITE_TRAP + cr);
        }
        return true;
    }

    /** EXITINFO1 of a write trap: what has been written. */
    long written(int trap) {
        return switch (trap) {
            case ExitCode.EFER_WRITE_TRAP -> c.efer();
            case ExitCode.CR0_WRITE_TRAP -> c.cr0();
            case ExitCode.CR0_WRITE_TRAP + 3 -> c.field(CpuState.CR3);
            case ExitCode.CR0_WRITE_TRAP + 4 -> c.cr4();
            case ExitCode.CR0_WRITE_TRAP + 8 -> guest.readCr(c, 8, c.apic().tpr() >>> 4);
            default -> c.field(CpuState.CR2);
        };
    }

    private boolean debugRegister(Insn i, int first, int dr, int gpr) {
        boolean undefined = dr > 7 || (dr == 4 || dr == 5) && (c.cr4() & ControlRegisters.CR4_DE) != 0;
        return undefined || exit(i, first + dr, gpr, 0);
    }

    // ---- MSRs and ports ----

    /** @param write 0 for RDMSR, 1 for WRMSR */
    private boolean msrExits(int msr, int write) {
        if (!on(ExitCode.MSR)) {
            return false;
        }
        int range = switch (msr >>> 13) {
            case 0 -> 0;
            case 0xc000_0000 >>> 13 -> 1;
            case 0xc001_0000 >>> 13 -> 2;
            default -> -1;
        };
        return range < 0 || bit(IOPM_PAGES, range * 0x4000 + (msr & 0x1fff) * 2 + write);
    }

    private boolean bit(int map, int n) {
        long page = maps[map + n / MAP_BITS];
        return page == 0 || (get8(page + (n % MAP_BITS >>> 3)) >>> (n & 7) & 1) != 0;
    }

    private boolean wrmsr(Insn i) {
        int msr = c.reg32(CpuState.RCX);
        if (msrExits(msr, 1)) {
            return exit(i, ExitCode.MSR, 1, 0);
        }
        if (msr == Msr.EFER && on(ExitCode.EFER_WRITE_TRAP)) {
            guest.trapAfter(ExitCode.EFER_WRITE_TRAP);
        }
        return true;
    }

    /** As {@code GuestMode.port}. */
    boolean port(Insn i, int port, int bytes, boolean in) {
        if (!on(ExitCode.IOIO) || !portExits(port, bytes)) {
            return true;
        }
        boolean string = i.def().opcode() >>> 4 == 6;
        long info = (in ? 1 : 0) | (string ? 4 : 0) | (string && i.rep() != 0 ? 8 : 0) | (long) bytes << 4
                | (i.addressBits() == 16 ? 1 << 7 : i.addressBits() == 32 ? 1 << 8 : 1 << 9) | (long) port << 16;
        if (!string) {
            guest.leaveAt(i, ExitCode.IOIO, info, c.rip());
            return false;
        }
        int seg = in ? CpuState.ES : i.seg();
        throw guest.leaveAmid(ExitCode.IOIO, info | seg << 10, c.rip());
    }

    private boolean portExits(int port, int bytes) {
        for (int p = port; p < port + bytes; p++) {
            if (bit(0, p)) {
                return true;
            }
        }
        return false;
    }

    // ---- others ----

    private boolean invlpg(Insn i) {
        if (!on(ExitCode.INVLPG)) {
            return true;
        }
        long va = i.ea(c);
        if (i.codeBits() != 64) {
            va = va + c.segmentBase(i.seg()) & 0xffff_ffffL;
        } else if (i.seg() >= CpuState.FS) {
            va += c.segmentBase(i.seg());
        }
        return exit(i, ExitCode.INVLPG, va, 0);
    }

    /** The pause filter (15.14.4): exits when its counter runs out; a long time between two of them sets it anew. */
    private boolean pause(Insn i) {
        if (!on(ExitCode.PAUSE)) {
            return true;
        }
        int threshold = v.shortAt(Vmcb.PAUSE_THRESHOLD);
        long now = c.model().ticks(c.clock().now());
        if (threshold != 0 && now - pauseLast > threshold) {
            pauseCount = v.shortAt(Vmcb.PAUSE_COUNT);
        }
        pauseLast = now;
        if (pauseCount > 0) {
            pauseCount--;
            return true;
        }
        return exit(i, ExitCode.PAUSE);
    }
}

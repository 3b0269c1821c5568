package org.xenolith.cpu.vmx;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Msr;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;

/** Which instructions of a guest exit, and with what qualification (SDM vol. 3, 26.1 and 28.2.1). */
final class Intercepts {
    private static final long LMSW_BITS = 0xe;
    private static final int CR_FROM = 1 << 4;
    private static final int CR_CLTS = 2 << 4;
    private static final int CR_LMSW = 3 << 4;

    private final Cpu c;
    private final VmxGuest guest;
    private final EntryState s;
    private final VirtualApic apic;
    private final HostMemory memory;
    private boolean often;
    private long pauseFirst;
    private long pauseLast;

    Intercepts(Cpu cpu, VmxGuest guest, EntryState state, VirtualApic apic, HostMemory memory) {
        this.c = cpu;
        this.guest = guest;
        this.s = state;
        this.apic = apic;
        this.memory = memory;
    }

    void configure() {
        often = s.proc(Controls.RDTSC | Controls.PAUSE)
                || s.proc2(Controls.PAUSE_LOOP | Controls.RDRAND | Controls.RDSEED) || !s.proc2(Controls.RDTSCP);
    }

    boolean often() {
        return often;
    }

    private boolean exit(Insn i, ExitReason reason) {
        guest.leaveAt(i, reason, 0, 0);
        return false;
    }

    private boolean exitIf(boolean condition, Insn i, ExitReason reason) {
        return !condition || exit(i, reason);
    }

    private boolean memoryExit(Insn i, ExitReason reason, int info) {
        guest.leaveAt(i, reason, InstructionInfo.displacement(c, i), info);
        return false;
    }

    /** As {@code GuestMode.instruction}. */
    boolean instruction(Insn i) {
        switch (i.def().intercept()) {
            case CPUID:
                return exit(i, ExitReason.CPUID);
            case HLT:
                return exitIf(s.proc(Controls.HLT), i, ExitReason.HLT);
            case RDMSR:
                return rdmsr(i);
            case WRMSR:
                return wrmsr(i);
            case MOV_TO_CR:
                return toCr(i);
            case MOV_FROM_CR:
                return fromCr(i);
            case MOV_TO_DR, MOV_FROM_DR:
                return debugRegister(i);
            case CLTS:
                return clts(i);
            case LMSW:
                return lmsw(i);
            case INVLPG:
                return invlpg(i);
            case INVPCID:
                return invpcid(i);
            case RDTSC:
                checkTsd();
                return exitIf(s.proc(Controls.RDTSC), i, ExitReason.RDTSC);
            case RDTSCP:
                needs(Controls.RDTSCP);
                checkTsd();
                return exitIf(s.proc(Controls.RDTSC), i, ExitReason.RDTSCP);
            case RDPMC:
                if (c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_PCE) == 0) {
                    throw c.gp0();
                }
                return exitIf(s.proc(Controls.RDPMC), i, ExitReason.RDPMC);
            case PAUSE:
                return pause(i);
            case MONITOR, MWAIT:
                return monitor(i);
            case INVD:
                return exit(i, ExitReason.INVD);
            case WBINVD:
                return exitIf(s.proc2(Controls.WBINVD), i, ExitReason.WBINVD);
            case XSETBV:
                if ((c.cr4() & ControlRegisters.CR4_OSXSAVE) == 0) {
                    throw c.ud();
                }
                if (c.cpl() != 0) {
                    throw c.gp0();
                }
                return exit(i, ExitReason.XSETBV);
            case RDRAND, RDSEED:
                return random(i);
            case XSAVES, XRSTORS:
                return xsaves(i);
            case SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT, LTR:
                return descriptors(i);
            default:
                return vmxInstruction(i);
        }
    }

    private void needs(int control) {
        if (!s.proc2(control)) {
            throw c.ud();
        }
    }

    private void checkTsd() {
        if (c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_TSD) != 0) {
            throw c.gp0();
        }
    }

    // ---- control registers ----

    long readCr(int number, long value) {
        return switch (number) {
            case 0 -> shown(value, Field.CR0_MASK, Field.CR0_SHADOW);
            case 4 -> shown(value, Field.CR4_MASK, Field.CR4_SHADOW);
            case 8 -> s.proc(Controls.TPR_SHADOW) ? apic.tpr() >>> 4 : value;
            default -> value;
        };
    }

    private long shown(long value, int maskField, int shadowField) {
        long mask = s.v.get(maskField);
        return value & ~mask | s.v.get(shadowField) & mask;
    }

    long writeCr(int number, long value) {
        long mask = s.v.get(number == 0 ? Field.CR0_MASK : Field.CR4_MASK);
        return value & ~mask | (number == 0 ? c.cr0() : c.cr4()) & mask;
    }

    private boolean crExit(Insn i, long qualification) {
        guest.leaveAt(i, ExitReason.CR_ACCESS, qualification, 0);
        return false;
    }

    private boolean toCr(Insn i) {
        int cr = i.op0().reg();
        long v = i.read1(c);
        if (c.root() != null && (cr == 0 || cr == 4)) {
            keepOwned(cr, v);
            return true;
        }
        boolean exits = switch (cr) {
            case 0 -> ((v ^ s.v.get(Field.CR0_SHADOW)) & s.v.get(Field.CR0_MASK)) != 0;
            case 3 -> s.proc(Controls.CR3_LOAD) && !target(v);
            case 4 -> ((v ^ s.v.get(Field.CR4_SHADOW)) & s.v.get(Field.CR4_MASK)) != 0;
            case 8 -> s.proc(Controls.CR8_LOAD);
            default -> false;
        };
        return !exits || crExit(i, cr | (long) i.r1() << 8);
    }

    /** A hypervisor that is no guest code lets the guest see its own value of the bits that it owns. */
    private void keepOwned(int cr, long v) {
        if (cr == 4 && (v & ControlRegisters.CR4_VMXE) != 0) {
            throw c.gp0();
        }
        long mask = s.v.get(cr == 0 ? Field.CR0_MASK : Field.CR4_MASK);
        int shadow = cr == 0 ? Field.CR0_SHADOW : Field.CR4_SHADOW;
        s.v.put(shadow, s.v.get(shadow) & ~mask | v & mask);
    }

    private boolean target(long v) {
        long count = s.v.get(Field.CR3_TARGETS);
        for (int n = 0; n < count; n++) {
            if (s.v.get(Field.CR3_TARGET + 2 * n) == v) {
                return true;
            }
        }
        return false;
    }

    private boolean fromCr(Insn i) {
        int cr = i.op1().reg();
        boolean exits = cr == 3 && s.proc(Controls.CR3_STORE) || cr == 8 && s.proc(Controls.CR8_STORE);
        return !exits || crExit(i, cr | CR_FROM | (long) i.r0() << 8);
    }

    private boolean clts(Insn i) {
        long ts = ControlRegisters.CR0_TS;
        boolean masked = (s.v.get(Field.CR0_MASK) & ts) != 0;
        if (masked && (s.v.get(Field.CR0_SHADOW) & ts) == 0) {
            return false;
        }
        return !masked || crExit(i, CR_CLTS);
    }

    private boolean lmsw(Insn i) {
        long v = i.read0(c);
        long mask = s.v.get(Field.CR0_MASK);
        long shadow = s.v.get(Field.CR0_SHADOW);
        boolean exits = ((v ^ shadow) & mask & LMSW_BITS) != 0 || (mask & v & ~shadow & 1) != 0;
        if (!exits) {
            return true;
        }
        boolean mem = i.isMem(0);
        long va = mem ? i.address(c, 2, false) : 0;
        guest.leaveAt(i, ExitReason.CR_ACCESS, CR_LMSW | (mem ? 1 << 6 : 0) | (v & 0xffff) << 16, 0);
        if (mem && c.root() == null) {
            s.v.put(Field.GUEST_LINEAR, va);
        }
        return false;
    }

    private boolean debugRegister(Insn i) {
        if (!s.proc(Controls.MOV_DR)) {
            return true;
        }
        boolean from = i.op1().kind() == Operand.Kind.DR;
        int dr = from ? i.op1().reg() : i.op0().reg();
        if (dr > 7 || (dr == 4 || dr == 5) && (c.cr4() & ControlRegisters.CR4_DE) != 0) {
            throw c.ud();
        }
        int register = from ? i.r0() : i.r1();
        guest.leaveAt(i, ExitReason.DR_ACCESS, dr | (from ? 1 << 4 : 0) | (long) register << 8, 0);
        return false;
    }

    // ---- MSRs and ports ----

    private boolean msrExits(int msr, boolean write) {
        if (!s.proc(Controls.MSR_BITMAPS)) {
            return true;
        }
        boolean high = msr >>> 13 == 0xc000_0000 >>> 13;
        if (!high && msr >>> 13 != 0) {
            return true;
        }
        long at = s.v.get(Field.MSR_BITMAP) + (write ? 2048 : 0) + (high ? 1024 : 0) + ((msr & 0x1fff) >>> 3);
        return (memory.read8(at) >>> (msr & 7) & 1) != 0;
    }

    private boolean rdmsr(Insn i) {
        int msr = c.reg32(CpuState.RCX);
        if (msrExits(msr, false)) {
            return exit(i, ExitReason.MSR_READ);
        }
        if (msr >>> 8 == Msr.X2APIC >>> 8 && apic.msrRead(msr)) {
            c.setReg(CpuState.RAX, apic.msrValue() & 0xffff_ffffL);
            c.setReg(CpuState.RDX, apic.msrValue() >>> 32);
            return false;
        }
        return true;
    }

    private boolean wrmsr(Insn i) {
        int msr = c.reg32(CpuState.RCX);
        if (msrExits(msr, true)) {
            return exit(i, ExitReason.MSR_WRITE);
        }
        return msr >>> 8 != Msr.X2APIC >>> 8
                || !apic.msrWrite(msr, c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32);
    }

    /** As {@code GuestMode.port}. */
    boolean port(Insn i, int port, int bytes, boolean in) {
        if (!portExits(port, bytes)) {
            return true;
        }
        int opcode = i.def().opcode();
        boolean string = opcode >>> 4 == 6;
        long q = bytes - 1 | (in ? 8 : 0) | (string ? 16 : 0) | (i.rep() != 0 && string ? 32 : 0)
                | (opcode >>> 3 == 0xe4 >>> 3 && !string ? 64 : 0) | (long) port << 16;
        if (!string) {
            guest.leaveAt(i, ExitReason.IO, q, 0);
            return false;
        }
        int seg = in ? CpuState.ES : i.seg();
        long offset = c.reg(in ? CpuState.RDI : CpuState.RSI)
                & (i.addressBits() == 64 ? -1L : (1L << i.addressBits()) - 1);
        long linear = Segmentation.linear(c, seg, offset, bytes, in);
        throw guest.leaveAmid(i, ExitReason.IO, q, InstructionInfo.string(i, in), linear);
    }

    private boolean portExits(int port, int bytes) {
        if (!s.proc(Controls.IO_BITMAPS)) {
            return s.proc(Controls.UNCONDITIONAL_IO);
        }
        if (port + bytes > 0x1_0000) {
            return true;
        }
        for (int p = port; p < port + bytes; p++) {
            long map = s.v.get(p < 0x8000 ? Field.IO_BITMAP_A : Field.IO_BITMAP_B);
            if ((memory.read8(map + ((p & 0x7fff) >>> 3)) >>> (p & 7) & 1) != 0) {
                return true;
            }
        }
        return false;
    }

    // ---- others ----

    private boolean invlpg(Insn i) {
        if (!s.proc(Controls.INVLPG)) {
            return true;
        }
        long va = i.ea(c);
        if (i.codeBits() != 64) {
            va = va + c.segmentBase(i.seg()) & 0xffff_ffffL;
        } else if (i.seg() >= CpuState.FS) {
            va += c.segmentBase(i.seg());
        }
        guest.leaveAt(i, ExitReason.INVLPG, va, 0);
        return false;
    }

    private boolean invpcid(Insn i) {
        needs(Controls.INVPCID);
        return !s.proc(Controls.INVLPG)
                || memoryExit(i, ExitReason.INVPCID, InstructionInfo.withRegister(i, i.r0()));
    }

    private boolean pause(Insn i) {
        if (s.proc(Controls.PAUSE)) {
            return exit(i, ExitReason.PAUSE);
        }
        if (!s.proc2(Controls.PAUSE_LOOP) || c.cpl() != 0) {
            return true;
        }
        long now = c.model().ticks(c.clock().now());
        boolean apart = now - pauseLast > (s.v.get(Field.PLE_GAP) & 0xffff_ffffL);
        if (apart) {
            pauseFirst = now;
        }
        pauseLast = now;
        return exitIf(!apart && now - pauseFirst > (s.v.get(Field.PLE_WINDOW) & 0xffff_ffffL), i, ExitReason.PAUSE);
    }

    private boolean monitor(Insn i) {
        if (c.cpl() != 0) {
            throw c.ud();
        }
        boolean wait = i.def().mnemonic().equals("MWAIT");
        return exitIf(s.proc(wait ? Controls.MWAIT : Controls.MONITOR), i,
                wait ? ExitReason.MWAIT : ExitReason.MONITOR);
    }

    private boolean random(Insn i) {
        boolean seed = i.def().mnemonic().equals("RDSEED");
        if (!s.proc2(seed ? Controls.RDSEED : Controls.RDRAND)) {
            return true;
        }
        guest.leaveAt(i, seed ? ExitReason.RDSEED : ExitReason.RDRAND, 0, InstructionInfo.random(i));
        return false;
    }

    private boolean xsaves(Insn i) {
        needs(Controls.XSAVES);
        long asked = c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32;
        if ((asked & c.field(CpuState.XSS) & s.v.get(Field.XSS_EXITING)) == 0) {
            return true;
        }
        boolean save = i.def().mnemonic().startsWith("XSAVES");
        return memoryExit(i, save ? ExitReason.XSAVES : ExitReason.XRSTORS, InstructionInfo.memory(i));
    }

    private boolean descriptors(Insn i) {
        if (!s.proc2(Controls.DESCRIPTOR_TABLES)) {
            return true;
        }
        int which = switch (i.def().intercept()) {
            case SGDT, SLDT -> 0;
            case SIDT, STR -> 1;
            case LGDT, LLDT -> 2;
            default -> 3;
        };
        boolean stores = which < 2;
        if (stores && c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_UMIP) != 0) {
            throw c.gp0();
        }
        boolean tables = switch (i.def().intercept()) {
            case SGDT, SIDT, LGDT, LIDT -> true;
            default -> false;
        };
        long q = i.isMem(0) ? InstructionInfo.displacement(c, i) : 0;
        guest.leaveAt(i, tables ? ExitReason.GDTR_IDTR : ExitReason.LDTR_TR, q,
                tables ? InstructionInfo.table(i, which) : InstructionInfo.selector(i, which));
        return false;
    }

    /** The VMX instructions exit at every privilege level, after the faults of the mode; VMFUNC does its work. */
    private boolean vmxInstruction(Insn i) {
        switch (i.def().intercept()) {
            case VMCALL:
                return exit(i, ExitReason.VMCALL);
            case VMFUNC:
                return vmfunc(i);
            case VMCLEAR, VMPTRLD, VMPTRST, VMXON, VMREAD, VMWRITE, INVEPT, INVVPID, VMLAUNCH, VMRESUME, VMXOFF:
                break;
            default:
                return true;
        }
        if (!c.protectedMode() || c.vm86() || c.longMode() && !c.code64()) {
            throw c.ud();
        }
        return switch (i.def().intercept()) {
            case VMLAUNCH -> exit(i, ExitReason.VMLAUNCH);
            case VMRESUME -> exit(i, ExitReason.VMRESUME);
            case VMXOFF -> exit(i, ExitReason.VMXOFF);
            case VMCLEAR -> memoryExit(i, ExitReason.VMCLEAR, InstructionInfo.memory(i));
            case VMPTRLD -> memoryExit(i, ExitReason.VMPTRLD, InstructionInfo.memory(i));
            case VMPTRST -> memoryExit(i, ExitReason.VMPTRST, InstructionInfo.memory(i));
            case VMXON -> memoryExit(i, ExitReason.VMXON, InstructionInfo.memory(i));
            case INVEPT -> memoryExit(i, ExitReason.INVEPT, InstructionInfo.withRegister(i, i.r0()));
            case INVVPID -> memoryExit(i, ExitReason.INVVPID, InstructionInfo.withRegister(i, i.r0()));
            case VMREAD -> fieldExit(i, ExitReason.VMREAD, 0, i.r1());
            default -> fieldExit(i, ExitReason.VMWRITE, 1, i.r0());
        };
    }

    private boolean fieldExit(Insn i, ExitReason reason, int k, int encoding) {
        long q = i.isMem(k) ? InstructionInfo.displacement(c, i) : 0;
        guest.leaveAt(i, reason, q, InstructionInfo.field(i, k, encoding));
        return false;
    }

    /** Function 0 is EPTP switching (26.5.6.3); any other exits. */
    private boolean vmfunc(Insn i) {
        needs(Controls.VMFUNC);
        int function = c.reg32(CpuState.RAX);
        long index = c.reg32(CpuState.RCX) & 0xffff_ffffL;
        if (function != 0 || (s.v.get(Field.VM_FUNCTIONS) & 1) == 0 || index >= 512) {
            return exit(i, ExitReason.VMFUNC);
        }
        long eptp = memory.read64(s.v.get(Field.EPTP_LIST) + 8 * index);
        if (!Ept.validPointer(c, eptp)) {
            return exit(i, ExitReason.VMFUNC);
        }
        guest.switchEptp(eptp);
        return false;
    }
}

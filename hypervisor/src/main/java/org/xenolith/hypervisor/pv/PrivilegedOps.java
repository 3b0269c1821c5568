package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.shared.VcpuInfo;

/**
 * Instructions that fault in a deprivileged guest and mean something all the same: control and debug registers, MSRs, ports, HLT, and CPUID
 * behind the forced-emulation prefix (UD2 and "xen").
 */
final class PrivilegedOps {
    /** What CR0 always is, apart from TS. */
    static final long CR0_FIXED = ControlRegisters.CR0_PE | ControlRegisters.CR0_MP | ControlRegisters.CR0_ET
            | ControlRegisters.CR0_NE | ControlRegisters.CR0_WP | ControlRegisters.CR0_AM | ControlRegisters.CR0_PG;
    /** CR4 bits that the guest has a say in. */
    private static final long CR4_GUEST = ControlRegisters.CR4_TSD | ControlRegisters.CR4_DE
            | ControlRegisters.CR4_FSGSBASE;
    private static final byte[] FORCED = {0x0f, 0x0b, 'x', 'e', 'n'};
    private static final byte[] FORCED_CPUID = {0x0f, (byte) 0xa2};

    private final PvContainer container;
    private final GuestMode mode;
    private final PvRegisters registers;
    private final PvMsrs msrs;
    private final Vcpu vcpu;
    private final byte[] bytes = new byte[Decoder.MAX_LENGTH];
    private Decoder decoder;

    PrivilegedOps(PvContainer container, GuestMode mode, PvRegisters registers, PvMsrs msrs) {
        this.container = container;
        this.mode = mode;
        this.registers = registers;
        this.msrs = msrs;
        this.vcpu = container.vcpu();
    }

    /** Bytes at RIP that can be read, at most 15. */
    private int fetch(Cpu c) {
        long rip = c.code64() ? c.rip() : c.segmentBase(CpuState.CS) + c.rip() & 0xffff_ffffL;
        int room = (int) Math.min(bytes.length, 4096 - (rip & 0xfff));
        if (!container.memory().copy(vcpu, rip, bytes, 0, room, false)) {
            return 0;
        }
        return container.memory().copy(vcpu, rip + room, bytes, room, bytes.length - room, false)
                ? bytes.length
                : room;
    }

    private static boolean matches(byte[] code, int at, byte[] what) {
        for (int i = 0; i < what.length; i++) {
            if (code[at + i] != what[i]) {
                return false;
            }
        }
        return true;
    }

    /** After #UD: executes CPUID behind its prefix; false when there is none. */
    boolean emulateForced(Cpu c) {
        int length = FORCED.length + FORCED_CPUID.length;
        if (fetch(c) < length || !matches(bytes, 0, FORCED) || !matches(bytes, FORCED.length, FORCED_CPUID)) {
            return false;
        }
        int[] r = c.cpuid(c.reg32(CpuState.RAX), c.reg32(CpuState.RCX));
        c.setReg32(CpuState.RAX, r[0]);
        c.setReg32(CpuState.RBX, r[1]);
        c.setReg32(CpuState.RCX, r[2]);
        c.setReg32(CpuState.RDX, r[3]);
        c.setRip(c.rip() + length);
        return true;
    }

    /** After #GP(0): does what the instruction asks for, as far as the guest may; false when the fault is the guest's. */
    boolean emulate(Cpu c) {
        if (c.codeBits() == 16) {
            return false;
        }
        int have = fetch(c);
        if (decoder == null) {
            decoder = new Decoder(vcpu.domain().host().instructions(), c.model());
        }
        Insn i = have == 0 ? null : decoder.decode(bytes, 0, have, c.codeBits(), c);
        if (i == null || !execute(c, i)) {
            return false;
        }
        long next = c.rip() + i.length();
        c.setRip(c.code64() ? next : next & 0xffff_ffffL);
        return true;
    }

    private boolean execute(Cpu c, Insn i) {
        switch (i.def().mnemonic()) {
            case "IN" -> {
                return in(c, i);
            }
            case "OUT" -> {
                return out(c, i);
            }
            case "CLI", "STI" -> {
                // a guest whose IOPL says that it may must not do it: it has the event mask
                return ioplAllows();
            }
            default -> {
                return mode.kernel() && executeInKernel(c, i);
            }
        }
    }

    private boolean executeInKernel(Cpu c, Insn i) {
        switch (i.def().mnemonic()) {
            case "HLT" -> vcpu.block();
            case "CLTS" -> taskSwitched(c, false);
            case "WBINVD", "INVD" -> {
                // caches are not modelled
            }
            case "INVLPG" -> c.mmu().flushPage(i.address(c, 1, false));
            case "RDMSR" -> {
                long v = msrs.read(c, c.reg32(CpuState.RCX));
                c.setReg(CpuState.RAX, v & 0xffff_ffffL);
                c.setReg(CpuState.RDX, v >>> 32);
            }
            case "WRMSR" -> msrs.write(c, c.reg32(CpuState.RCX),
                    c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32);
            case "XSETBV" -> {
                if (c.reg32(CpuState.RCX) != 0) {
                    return false;
                }
                ControlWrites.setXcr0(c, c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32);
            }
            case "RDTSC", "RDTSCP" -> {
                // the guest has turned it off for its programs only
                long v = c.tsc();
                c.setReg(CpuState.RAX, v & 0xffff_ffffL);
                c.setReg(CpuState.RDX, v >>> 32);
                if (i.def().mnemonic().equals("RDTSCP")) {
                    c.setReg(CpuState.RCX, c.field(CpuState.TSC_AUX));
                }
            }
            case "LMSW" -> {
                return writeCr(c, 0, readCr(c, 0) & ~0xfL | i.read0(c) & 0xf | ControlRegisters.CR0_PE);
            }
            case "MOV" -> {
                return move(c, i);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean move(Cpu c, Insn i) {
        if (i.op0().kind() == Operand.Kind.CR) {
            return writeCr(c, i.op0().reg(), i.read1(c));
        }
        if (i.op0().kind() == Operand.Kind.DR) {
            return setDebug(c, i.op0().reg(), i.read1(c));
        }
        Operand from = i.op1();
        if (from.kind() == Operand.Kind.CR && from.reg() != 1 && from.reg() <= 4) {
            i.write0(c, readCr(c, from.reg()));
            return true;
        }
        if (from.kind() == Operand.Kind.DR && from.reg() < 8) {
            i.write0(c, debug(c, from.reg()));
            return true;
        }
        return false;
    }

    // ---- control registers ----

    /** Sets or clears CR0.TS. */
    void taskSwitched(Cpu c, boolean set) {
        long cr0 = c.cr0() & ~ControlRegisters.CR0_TS | (set ? ControlRegisters.CR0_TS : 0);
        if (cr0 != c.cr0()) {
            c.setField(CpuState.CR0, cr0);
            c.updateMode();
        }
    }

    private long readCr(Cpu c, int number) {
        return switch (number) {
            case 0 -> c.cr0();
            case 2 -> info() == null ? c.field(CpuState.CR2) : info().cr2();
            case 3 -> tableRegister(container.memory().kernelTable(vcpu));
            default -> c.cr4() & ~ControlRegisters.CR4_OSXSAVE | registers.cr4() & guestCr4();
        };
    }

    /** xen_pfn_to_cr3: 32-bit guests have the top bits of the frame number at the bottom. */
    private long tableRegister(long mfn) {
        return mode.wide() ? mfn << 12 : (mfn << 12 | mfn >>> 20) & 0xffff_ffffL;
    }

    private VcpuInfo info() {
        return vcpu.info();
    }

    private boolean writeCr(Cpu c, int number, long v) {
        switch (number) {
            case 0 -> {
                if (((v ^ c.cr0()) & ~ControlRegisters.CR0_TS) != 0) {
                    return false;
                }
                taskSwitched(c, (v & ControlRegisters.CR0_TS) != 0);
            }
            case 2 -> {
                c.setField(CpuState.CR2, v);
                if (info() != null) {
                    info().setCr2(v);
                }
            }
            case 3 -> {
                long mfn = mode.wide() ? v >>> 12 : (v & 0xffff_ffffL) >>> 12 | (v & 0xfff) << 20;
                return container.memory().newBaseptr(vcpu, mfn) == 0;
            }
            case 4 -> {
                registers.setCr4(v & guestCr4());
                c.setField(CpuState.CR4, realCr4());
                c.updateMode();
                c.debug().armed();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private long guestCr4() {
        return (CR4_GUEST | ControlRegisters.CR4_OSXSAVE) & ControlWrites.cr4Mask(vcpu.cpu().model());
    }

    /** The processor's CR4 while the vCPU runs. The guest's TSD is for its programs; its kernel's RDTSC is emulated then. */
    long realCr4() {
        long cr4 = ControlRegisters.CR4_PAE | ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXMMEXCPT
                | ControlRegisters.CR4_MCE;
        if (vcpu.cpu().model().has(Feature.XSAVE)) {
            cr4 |= ControlRegisters.CR4_OSXSAVE;
        }
        return cr4 | registers.cr4() & CR4_GUEST;
    }

    // ---- debug registers ----

    private static final long DR6_FIXED = 0xffff_0ff0L;
    private static final long DR6_WRITABLE = 0xe00f;
    private static final long DR7_FIXED = 1 << 10;
    private static final long DR7_WRITABLE = 0xffff_00ffL;

    /** HYPERVISOR_set_debugreg and MOV to a debug register; false for a register or value that the guest may not have. */
    boolean setDebug(Cpu c, int number, long v) {
        int reg = number == 4 || number == 5 ? number + 2 : number;
        if (reg < 0 || reg > 7) {
            return false;
        }
        if (reg < 4) {
            if (!container.memory().guestAddress(v)) {
                return false;
            }
            c.setField(CpuState.DR + 8 * reg, v);
        } else if (reg == 6) {
            c.setField(CpuState.DR + 8 * 6, v & DR6_WRITABLE | DR6_FIXED);
        } else {
            c.setField(CpuState.DR + 8 * 7, v & DR7_WRITABLE | DR7_FIXED);
        }
        c.debug().armed();
        return true;
    }

    /** HYPERVISOR_get_debugreg and MOV from one, 0 to 7. */
    long debug(Cpu c, int number) {
        return c.field(CpuState.DR + 8 * (number == 4 || number == 5 ? number + 2 : number));
    }

    // ---- ports ----

    private boolean ioplAllows() {
        return registers.iopl() >= (mode.kernel() ? 1 : 3);
    }

    private boolean portAllowed(int port, int size) {
        if (ioplAllows()) {
            return true;
        }
        if (registers.ioBitmap() == 0 || port + size > registers.ioPorts()) {
            return false;
        }
        byte[] two = new byte[2];
        if (!container.memory().copy(vcpu, registers.ioBitmap() + (port >>> 3), two, 0, 2, false)) {
            return false;
        }
        int bits = (two[0] & 0xff | (two[1] & 0xff) << 8) >>> (port & 7);
        return (bits & (1 << size) - 1) == 0;
    }

    /** No port of the machine is given to a guest: they read as ones. */
    private boolean in(Cpu c, Insn i) {
        int size = i.bits() / 8;
        int port = port(c, i, 1);
        if (!portAllowed(port, size)) {
            return false;
        }
        vcpu.domain().count("in:" + Integer.toHexString(port));
        c.setReg(CpuState.RAX, (1L << i.bits()) - 1, i.bits());
        return true;
    }

    private boolean out(Cpu c, Insn i) {
        int size = i.op1().bits() / 8;
        int port = port(c, i, 0);
        if (!portAllowed(port, size)) {
            return false;
        }
        vcpu.domain().count("out:" + Integer.toHexString(port));
        return true;
    }

    private static int port(Cpu c, Insn i, int operand) {
        return i.operand(operand).kind() == Operand.Kind.IMM
                ? (int) i.imm() & 0xff
                : c.reg32(CpuState.RDX) & 0xffff;
    }
}

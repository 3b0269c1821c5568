package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.cpu.Msr;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.pc.BootModule;
import org.xenolith.guests.pc.PcBoot;
import org.xenolith.guests.pc.PcKernel;
import org.xenolith.guests.pc.PcMap;

/** Starts a kernel on a bare PC without firmware. */
final class KernelStart {
    private static final int CODE = 0x10;
    private static final int DATA = 0x18;
    private static final int TSS_LIMIT = 0x67;
    private static final int BUSY_TSS = 0x8b;

    private static final int SPURIOUS = 0xf0;
    private static final int LINT0 = 0x350;
    private static final int LINT1 = 0x360;
    private static final long SOFTWARE_ENABLED = 0x1ff;
    private static final long EXT_INT = 0x700;
    private static final long NMI = 0x400;

    private static final long MTRR_ON_WRITE_BACK = 0x806;
    private static final long MTRR_VALID = 0x800;
    private static final long PHYSICAL_BITS = (1L << 36) - 1;
    private static final long FOUR_GIB = 1L << 32;

    private KernelStart() {
    }

    /** Reads the kernel that a configuration names, and its modules, and lays them out. */
    static PcBoot read(DomainConfig config, PcMap map) throws ImageException, NoSuchFileException {
        List<BootModule> modules = new ArrayList<>();
        if (config.initrd().isPresent()) {
            modules.add(new BootModule(ImageFile.open(config.initrd().get()), ""));
        }
        for (PcHardware.Module m : config.pc().orElseThrow().modules()) {
            modules.add(new BootModule(ImageFile.open(m.file()), m.arguments()));
        }
        return PcKernel.build(ImageFile.open(config.kernel().orElseThrow()), modules, config.commandLine(), map);
    }

    /**
     * Gives a CPU that was reset what firmware sets up on every CPU: the virtual wire through its local APIC, and its memory types.
     *
     * @param pciStart from where to 4 GiB memory is not cached
     */
    static void setUp(Cpu cpu, long pciStart) {
        cpu.apic().mmioWrite(SPURIOUS, 4, SOFTWARE_ENABLED);
        cpu.apic().mmioWrite(LINT0, 4, EXT_INT);
        cpu.apic().mmioWrite(LINT1, 4, NMI);
        cpu.msrs().write(Msr.MTRR_PHYS_BASE0, pciStart);
        cpu.msrs().write(Msr.MTRR_PHYS_BASE0 + 1, PHYSICAL_BITS & -(FOUR_GIB - pciStart) | MTRR_VALID);
        cpu.msrs().write(Msr.MTRR_DEF_TYPE, MTRR_ON_WRITE_BACK);
    }

    /** Puts the first CPU to the kernel's entry. */
    static void enter(Cpu cpu, PcBoot boot) {
        for (int r = 0; r < 16; r++) {
            cpu.setReg(r, 0);
        }
        cpu.setReg(CpuState.RAX, boot.eax());
        cpu.setReg(CpuState.RBX, boot.ebx());
        cpu.setReg(CpuState.RSI, boot.esi());
        cpu.setRip(boot.eip());
        cpu.setField(CpuState.CR0, ControlRegisters.CR0_PE | ControlRegisters.CR0_ET);
        cpu.setField(CpuState.GDTR_BASE, boot.gdt());
        cpu.setField(CpuState.GDTR_LIMIT, PcBoot.GDT_BYTES - 1);
        cpu.setSegment(CpuState.CS, CODE, 0, FlatSegments.LIMIT, FlatSegments.CODE32);
        for (int seg : new int[]{CpuState.DS, CpuState.ES, CpuState.SS, CpuState.FS, CpuState.GS}) {
            cpu.setSegment(seg, DATA, 0, FlatSegments.LIMIT, FlatSegments.DATA);
        }
        cpu.setSegment(CpuState.TR, 0, 0, TSS_LIMIT, BUSY_TSS);
        cpu.setRflags(Flags.FIXED);
        cpu.updateMode();
    }
}

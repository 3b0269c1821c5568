package org.xenolith.cpu.svm;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.mmu.Mmu;

/** The state that VMRUN, #VMEXIT, VMLOAD and VMSAVE move between the CPU and a VMCB or the host save area (APM vol. 2, 15.5.1, 15.6). */
final class StateSave {
    private static final int PRESENT = 0x80;
    private static final long DR7_FIXED = 0x400;
    private static final long DR7_WRITABLE = 0xffff_2fffL;
    private static final long DR6_FIXED = 0xffff_0ff0L;
    private static final long DR6_WRITABLE = 0xe00f;

    private StateSave() {
    }

    private static long canonical(long va) {
        return Mmu.isCanonical(va) ? va : va << 16 >> 16;
    }

    private static int at(int seg) {
        return seg == CpuState.LDTR ? Vmcb.LDTR : seg == CpuState.TR ? Vmcb.TR : Vmcb.SEGMENTS + 16 * seg;
    }

    static void saveSegment(Cpu c, Vmcb v, int seg) {
        int at = at(seg);
        int a = c.segmentAttributes(seg);
        int packed = a & 0xff | a >>> 4 & 0xf00;
        v.putShort(at, c.selector(seg));
        v.putShort(at + 2, (a & Segmentation.UNUSABLE) != 0 ? packed & ~PRESENT : packed);
        v.putInt(at + 4, (int) c.segmentLimit(seg));
        v.put(at + 8, c.segmentBase(seg));
    }

    private static void loadSegment(Cpu c, Vmcb v, int seg, long baseMask) {
        int at = at(seg);
        int packed = v.shortAt(at + 2);
        int a = packed & 0xff | (packed & 0xf00) << 4;
        if ((a & PRESENT) == 0 && seg != CpuState.CS) {
            a |= Segmentation.UNUSABLE;
        }
        c.setSegment(seg, v.shortAt(at), canonical(v.get(at + 8)) & baseMask, v.intAt(at + 4) & 0xffff_ffffL, a);
    }

    private static void saveTables(Cpu c, Vmcb v) {
        v.put(Vmcb.GDTR + 8, c.field(CpuState.GDTR_BASE));
        v.putInt(Vmcb.GDTR + 4, (int) c.field(CpuState.GDTR_LIMIT) & 0xffff);
        v.put(Vmcb.IDTR + 8, c.field(CpuState.IDTR_BASE));
        v.putInt(Vmcb.IDTR + 4, (int) c.field(CpuState.IDTR_LIMIT) & 0xffff);
    }

    private static void loadTables(Cpu c, Vmcb v) {
        c.setField(CpuState.GDTR_BASE, canonical(v.get(Vmcb.GDTR + 8)));
        c.setField(CpuState.GDTR_LIMIT, v.intAt(Vmcb.GDTR + 4) & 0xffff);
        c.setField(CpuState.IDTR_BASE, canonical(v.get(Vmcb.IDTR + 8)));
        c.setField(CpuState.IDTR_LIMIT, v.intAt(Vmcb.IDTR + 4) & 0xffff);
    }

    private static void saveCommon(Cpu c, Vmcb v) {
        for (int seg = CpuState.ES; seg <= CpuState.DS; seg++) {
            saveSegment(c, v, seg);
        }
        saveTables(c, v);
        v.put(Vmcb.EFER, c.efer());
        v.put(Vmcb.CR0, c.cr0());
        v.put(Vmcb.CR3, c.field(CpuState.CR3));
        v.put(Vmcb.CR4, c.cr4());
        v.put(Vmcb.RFLAGS, c.rflags());
        v.put(Vmcb.RIP, c.rip());
        v.put(Vmcb.RSP, c.reg(CpuState.RSP));
        v.put(Vmcb.RAX, c.reg(CpuState.RAX));
    }

    private static void loadCommon(Cpu c, Vmcb v, long cr0, int cpl) {
        long efer = v.get(Vmcb.EFER) & ~ControlRegisters.EFER_LMA;
        boolean wide = (efer & ControlRegisters.EFER_LME) != 0 && (cr0 & ControlRegisters.CR0_PG) != 0;
        c.setField(CpuState.CR0, cr0 & 0xffff_ffffL | ControlRegisters.CR0_ET);
        c.setField(CpuState.CR3, wide ? v.get(Vmcb.CR3) : v.get(Vmcb.CR3) & 0xffff_ffffL);
        c.setField(CpuState.CR4, v.get(Vmcb.CR4));
        c.setField(CpuState.EFER, wide ? efer | ControlRegisters.EFER_LMA : efer);
        for (int seg = CpuState.ES; seg <= CpuState.DS; seg++) {
            loadSegment(c, v, seg, 0xffff_ffffL);
        }
        int ss = CpuState.SEGMENT + CpuState.SS * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_ATTRIBUTES;
        c.setField32(ss, c.field32(ss) & ~0x60 | cpl << 5);
        loadTables(c, v);
        long flags = v.get(Vmcb.RFLAGS);
        c.setRflags(wide ? flags & ~Flags.VM : flags);
        c.setRip(v.get(Vmcb.RIP));
        c.setReg(CpuState.RSP, v.get(Vmcb.RSP));
        c.setReg(CpuState.RAX, v.get(Vmcb.RAX));
    }

    /** What VMRUN keeps of the host. */
    static void saveHost(Cpu c, Vmcb host) {
        saveCommon(c, host);
    }

    /** The host after #VMEXIT; the mode is derived later. */
    static void loadHost(Cpu c, Vmcb host) {
        loadCommon(c, host, host.get(Vmcb.CR0) | ControlRegisters.CR0_PE, 0);
        c.setSystemFlags(c.systemFlags() & ~Flags.VM);
        c.setField(CpuState.DR + 7 * 8, DR7_FIXED);
        c.debug().drop();
        c.debug().armed();
    }

    static void saveGuest(Cpu c, Vmcb v, boolean nested) {
        saveCommon(c, v);
        v.putByte(Vmcb.CPL, c.cpl());
        v.put(Vmcb.CR2, c.field(CpuState.CR2));
        v.put(Vmcb.DR6, c.field(CpuState.DR + 6 * 8));
        v.put(Vmcb.DR7, c.field(CpuState.DR + 7 * 8));
        if (nested) {
            v.put(Vmcb.PAT, c.field(CpuState.PAT));
        }
    }

    /** The guest of VMRUN; the mode is derived later. */
    static void loadGuest(Cpu c, Vmcb v, boolean nested) {
        loadCommon(c, v, v.get(Vmcb.CR0), v.byteAt(Vmcb.CPL) & 3);
        c.setField(CpuState.CR2, v.get(Vmcb.CR2));
        c.setField(CpuState.DR + 6 * 8, v.get(Vmcb.DR6) & DR6_WRITABLE | DR6_FIXED);
        c.setField(CpuState.DR + 7 * 8, v.get(Vmcb.DR7) & DR7_WRITABLE | DR7_FIXED);
        if (nested) {
            c.setField(CpuState.PAT, v.get(Vmcb.PAT));
        }
        c.debug().drop();
        c.debug().armed();
    }

    /** VMSAVE. */
    static void saveMore(Cpu c, Vmcb v) {
        for (int seg = CpuState.FS; seg <= CpuState.TR; seg++) {
            saveSegment(c, v, seg);
        }
        v.put(Vmcb.KERNEL_GS_BASE, c.field(CpuState.KERNEL_GS_BASE));
        v.put(Vmcb.STAR, c.field(CpuState.STAR));
        v.put(Vmcb.LSTAR, c.field(CpuState.LSTAR));
        v.put(Vmcb.CSTAR, c.field(CpuState.CSTAR));
        v.put(Vmcb.FMASK, c.field(CpuState.FMASK));
        v.put(Vmcb.SYSENTER_CS, c.field(CpuState.SYSENTER_CS));
        v.put(Vmcb.SYSENTER_ESP, c.field(CpuState.SYSENTER_ESP));
        v.put(Vmcb.SYSENTER_EIP, c.field(CpuState.SYSENTER_EIP));
    }

    /** VMLOAD; addresses are made canonical. */
    static void loadMore(Cpu c, Vmcb v) {
        for (int seg = CpuState.FS; seg <= CpuState.TR; seg++) {
            loadSegment(c, v, seg, -1L);
        }
        c.setField(CpuState.KERNEL_GS_BASE, canonical(v.get(Vmcb.KERNEL_GS_BASE)));
        c.setField(CpuState.STAR, v.get(Vmcb.STAR));
        c.setField(CpuState.LSTAR, canonical(v.get(Vmcb.LSTAR)));
        c.setField(CpuState.CSTAR, canonical(v.get(Vmcb.CSTAR)));
        c.setField(CpuState.FMASK, v.get(Vmcb.FMASK) & 0xffff_ffffL);
        c.setField(CpuState.SYSENTER_CS, v.get(Vmcb.SYSENTER_CS) & 0xffff_ffffL);
        c.setField(CpuState.SYSENTER_ESP, canonical(v.get(Vmcb.SYSENTER_ESP)));
        c.setField(CpuState.SYSENTER_EIP, canonical(v.get(Vmcb.SYSENTER_EIP)));
        c.updateMode();
    }
}

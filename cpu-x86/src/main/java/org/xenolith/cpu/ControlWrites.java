package org.xenolith.cpu;

/**
 * Loads of CR0, CR3, CR4, CR8, EFER and XCR0 with every check of the manual (SDM vol. 2, MOV to control registers; vol. 3, 2.5, 4.1 and
 * 10.8.5), and what follows from a change: mode, TLB, PDPTEs.
 *
 * <p>A refused value raises #GP(0) and changes nothing.
 */
public final class ControlWrites {
    private static final long CR0_DEFINED = ControlRegisters.CR0_PE | ControlRegisters.CR0_MP | ControlRegisters.CR0_EM
            | ControlRegisters.CR0_TS | ControlRegisters.CR0_ET | ControlRegisters.CR0_NE | ControlRegisters.CR0_WP
            | ControlRegisters.CR0_AM | ControlRegisters.CR0_NW | ControlRegisters.CR0_CD | ControlRegisters.CR0_PG;
    private static final long CR0_PDPTE_RELOAD = ControlRegisters.CR0_CD | ControlRegisters.CR0_NW
            | ControlRegisters.CR0_PG;
    private static final long CR4_PDPTE_RELOAD = ControlRegisters.CR4_PAE | ControlRegisters.CR4_PSE
            | ControlRegisters.CR4_PGE | ControlRegisters.CR4_SMEP;
    private static final long CR4_FLUSHING = CR4_PDPTE_RELOAD | ControlRegisters.CR4_PCIDE | ControlRegisters.CR4_SMAP
            | ControlRegisters.CR4_PKE;
    private static final long CR3_NO_FLUSH = 1L << 63;

    private ControlWrites() {
    }

    /** MOV to CR0 and LMSW: reserved bits of the low half are ignored, those of the high half are not. */
    public static void setCr0(Cpu c, long value) {
        if (value >>> 32 != 0) {
            throw c.gp0();
        }
        long v = value & CR0_DEFINED | ControlRegisters.CR0_ET;
        long old = c.cr0();
        boolean pg = (v & ControlRegisters.CR0_PG) != 0;
        boolean wasPg = (old & ControlRegisters.CR0_PG) != 0;
        if (pg && (v & ControlRegisters.CR0_PE) == 0
                || (v & (ControlRegisters.CR0_NW | ControlRegisters.CR0_CD)) == ControlRegisters.CR0_NW
                || c.vmx().refusesCr0(v)) {
            throw c.gp0();
        }
        long efer = c.efer();
        boolean lme = (efer & ControlRegisters.EFER_LME) != 0;
        boolean pae = (c.cr4() & ControlRegisters.CR4_PAE) != 0;
        if (pg && !wasPg && lme) {
            boolean tss16 = (c.segmentAttributes(CpuState.TR) & 0xd) == 1;
            if (!pae || (c.segmentAttributes(CpuState.CS) & 0x2000) != 0 || tss16) {
                throw c.gp0();
            }
        }
        if (!pg && wasPg && (c.code64() || (c.cr4() & ControlRegisters.CR4_PCIDE) != 0)) {
            throw c.gp0();
        }
        if (pg && pae && !lme && ((v ^ old) & CR0_PDPTE_RELOAD) != 0) {
            c.mmu().loadPdptes(c.field(CpuState.CR3));
        }
        c.setField(CpuState.CR0, v);
        if (pg != wasPg && lme) {
            c.setField(CpuState.EFER, pg ? efer | ControlRegisters.EFER_LMA : efer & ~ControlRegisters.EFER_LMA);
        }
        if (((v ^ old) & (ControlRegisters.CR0_PG | ControlRegisters.CR0_PE | ControlRegisters.CR0_WP)) != 0) {
            c.mmu().flushAll();
        }
        c.updateMode();
    }

    /** MOV to CR3. Bit 63 asks to keep translations, and is not stored. */
    public static void setCr3(Cpu c, long value) {
        boolean pcide = (c.cr4() & ControlRegisters.CR4_PCIDE) != 0;
        long v = value;
        boolean keep = false;
        if (c.longMode()) {
            if (pcide) {
                keep = v < 0;
                v &= ~CR3_NO_FLUSH;
            }
            if (v >>> c.model().maxPhysicalAddressBits() != 0) {
                throw c.gp0();
            }
        } else {
            v &= 0xffff_ffffL;
            if ((c.cr0() & ControlRegisters.CR0_PG) != 0 && (c.cr4() & ControlRegisters.CR4_PAE) != 0) {
                c.mmu().loadPdptes(v);
            }
        }
        int from = (int) c.field(CpuState.CR3) & 0xfff;
        c.setField(CpuState.CR3, v);
        if (pcide) {
            c.mmu().switchPcid(from, keep);
        } else {
            c.mmu().flushNonGlobal();
        }
    }

    /** The CR4 bits that this CPU has. */
    public static long cr4Mask(CpuModel m) {
        long mask = ControlRegisters.CR4_TSD | ControlRegisters.CR4_PCE | ControlRegisters.CR4_OSXMMEXCPT;
        mask |= m.has(Feature.VME) ? ControlRegisters.CR4_VME | ControlRegisters.CR4_PVI : 0;
        mask |= m.has(Feature.DE) ? ControlRegisters.CR4_DE : 0;
        mask |= m.has(Feature.PSE) ? ControlRegisters.CR4_PSE : 0;
        mask |= m.has(Feature.PAE) ? ControlRegisters.CR4_PAE : 0;
        mask |= m.has(Feature.MCE) ? ControlRegisters.CR4_MCE : 0;
        mask |= m.has(Feature.PGE) ? ControlRegisters.CR4_PGE : 0;
        mask |= m.has(Feature.FXSR) ? ControlRegisters.CR4_OSFXSR : 0;
        mask |= m.has(Feature.UMIP) ? ControlRegisters.CR4_UMIP : 0;
        mask |= m.has(Feature.VMX) ? ControlRegisters.CR4_VMXE : 0;
        mask |= m.has(Feature.FSGSBASE) ? ControlRegisters.CR4_FSGSBASE : 0;
        mask |= m.has(Feature.PCID) ? ControlRegisters.CR4_PCIDE : 0;
        mask |= m.has(Feature.XSAVE) ? ControlRegisters.CR4_OSXSAVE : 0;
        mask |= m.has(Feature.SMEP) ? ControlRegisters.CR4_SMEP : 0;
        mask |= m.has(Feature.SMAP) ? ControlRegisters.CR4_SMAP : 0;
        mask |= m.has(Feature.PKU) ? ControlRegisters.CR4_PKE : 0;
        return mask;
    }

    /** MOV to CR4. */
    public static void setCr4(Cpu c, long v) {
        long old = c.cr4();
        long allowed = cr4Mask(c.model()) | (c.vmx().on() ? ControlRegisters.CR4_VMXE : 0);
        if ((v & ~allowed) != 0 || c.vmx().refusesCr4(v)) {
            throw c.gp0();
        }
        boolean pg = (c.cr0() & ControlRegisters.CR0_PG) != 0;
        boolean pae = (v & ControlRegisters.CR4_PAE) != 0;
        if (c.longMode() && !pae) {
            throw c.gp0();
        }
        if ((v & ~old & ControlRegisters.CR4_PCIDE) != 0 && (!c.longMode() || (c.field(CpuState.CR3) & 0xfff) != 0)) {
            throw c.gp0();
        }
        long changed = v ^ old;
        if (pg && pae && !c.longMode() && (changed & CR4_PDPTE_RELOAD) != 0) {
            c.mmu().loadPdptes(c.field(CpuState.CR3));
        }
        c.setField(CpuState.CR4, v);
        if ((changed & CR4_FLUSHING) != 0) {
            c.mmu().flushAll();
        }
        c.updateMode();
        if ((changed & ControlRegisters.CR4_DE) != 0) {
            c.debug().armed();
        }
    }

    /** MOV to CR8: the high nibble of the task priority. */
    public static void setCr8(Cpu c, long v) {
        if ((v & ~15L) != 0) {
            throw c.gp0();
        }
        c.apic().setTpr((int) v << 4);
    }

    /** The EFER bits that this CPU has. */
    public static long eferMask(CpuModel m) {
        long mask = ControlRegisters.EFER_LMA;
        mask |= m.has(Feature.SYSCALL) ? ControlRegisters.EFER_SCE : 0;
        mask |= m.has(Feature.LM) ? ControlRegisters.EFER_LME : 0;
        mask |= m.has(Feature.NX) ? ControlRegisters.EFER_NXE : 0;
        mask |= m.has(Feature.SVM) ? ControlRegisters.EFER_SVME : 0;
        mask |= m.has(Feature.AUTO_IBRS) ? ControlRegisters.EFER_AIBRSE : 0;
        return mask;
    }

    /** WRMSR of EFER; LMA is read-only and ignored. */
    public static void setEfer(Cpu c, long v) {
        long mask = eferMask(c.model());
        long old = c.efer();
        boolean paging = (c.cr0() & ControlRegisters.CR0_PG) != 0;
        if ((v & ~mask) != 0 || paging && ((v ^ old) & ControlRegisters.EFER_LME) != 0 || c.svm().refusesEfer(v)) {
            throw c.gp0();
        }
        c.setField(CpuState.EFER, v & ~ControlRegisters.EFER_LMA | old & ControlRegisters.EFER_LMA);
        if (((v ^ old) & ControlRegisters.EFER_NXE) != 0) {
            c.mmu().flushAll();
        }
        c.updateMode();
    }

    /** XSETBV of XCR0. */
    public static void setXcr0(Cpu c, long v) {
        boolean avxAlone = (v & ControlRegisters.XCR0_AVX) != 0 && (v & ControlRegisters.XCR0_SSE) == 0;
        if ((v & ~c.model().xcr0Mask()) != 0 || (v & ControlRegisters.XCR0_X87) == 0 || avxAlone) {
            throw c.gp0();
        }
        c.setField(CpuState.XCR0, v);
        c.updateMode();
    }
}

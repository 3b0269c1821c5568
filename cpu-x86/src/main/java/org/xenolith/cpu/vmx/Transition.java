package org.xenolith.cpu.vmx;

import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_NMI;
import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_SS;
import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_STI;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Msr;

/** The state that entries load and exits save and load, and the MSR areas (SDM vol. 3, 27.3.2, 27.4, 28.3 to 28.6). */
final class Transition {
    private static final long LMA_LME = ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME;
    /** CR0: CD, NW, ET and the bits that are reserved stay. */
    private static final long CR0_KEPT = ControlRegisters.CR0_CD | ControlRegisters.CR0_NW | ControlRegisters.CR0_ET
            | 0x1ffa_ffc0L;
    private static final int UNUSABLE = 0x1_0000;

    private final Cpu c;
    private final EntryState s;
    private final Vmcs v;
    private final HostMemory memory;

    Transition(Cpu cpu, EntryState state, HostMemory memory) {
        this.c = cpu;
        this.s = state;
        this.v = state.v;
        this.memory = memory;
    }

    // ---- entry ----

    /** Loads the guest's state but for MSR areas and translations; the mode is derived later. */
    void loadGuest() {
        c.setField(CpuState.CR0, v.get(Field.GUEST_CR0) & ~CR0_KEPT | c.cr0() & CR0_KEPT);
        c.setField(CpuState.CR3, v.get(Field.GUEST_CR3));
        c.setField(CpuState.CR4, v.get(Field.GUEST_CR4));
        if (s.entry(Controls.ENTRY_LOAD_DEBUG)) {
            c.setField(CpuState.DR + 7 * 8, v.get(Field.GUEST_DR7) & 0xffff_2fffL | 0x400);
            c.setField(CpuState.DEBUGCTL, v.get(Field.GUEST_DEBUGCTL));
        }
        c.setField(CpuState.SYSENTER_CS, v.get(Field.GUEST_SYSENTER_CS));
        c.setField(CpuState.SYSENTER_ESP, v.get(Field.GUEST_SYSENTER_ESP));
        c.setField(CpuState.SYSENTER_EIP, v.get(Field.GUEST_SYSENTER_EIP));
        c.setField(CpuState.EFER, s.entry(Controls.ENTRY_LOAD_EFER)
                ? v.get(Field.GUEST_EFER)
                : efer(s.guest64(), s.paging()));
        if (s.entry(Controls.ENTRY_LOAD_PAT)) {
            c.setField(CpuState.PAT, v.get(Field.GUEST_PAT));
        }
        for (int seg = 0; seg < 8; seg++) {
            c.setSegment(seg, s.selector(seg) & 0xffff, s.base(seg), s.limit(seg), s.rights(seg));
        }
        c.setField(CpuState.GDTR_BASE, v.get(Field.GUEST_GDTR_BASE));
        c.setField(CpuState.GDTR_LIMIT, v.get(Field.GUEST_GDTR_LIMIT));
        c.setField(CpuState.IDTR_BASE, v.get(Field.GUEST_IDTR_BASE));
        c.setField(CpuState.IDTR_LIMIT, v.get(Field.GUEST_IDTR_LIMIT));
        c.setReg(CpuState.RSP, v.get(Field.GUEST_RSP));
        c.setRip(v.get(Field.GUEST_RIP));
        c.setRflags(s.rflags());
        if (s.pae()) {
            for (int n = 0; n < 4; n++) {
                c.mmu().setPdpte(n, s.pdpte(n));
            }
        }
        loadNonRegister();
        c.debug().drop();
        c.debug().armed();
        c.debug().pend((int) v.get(Field.PENDING_DEBUG) & 0x400f);
    }

    private void loadNonRegister() {
        int blocking = s.interruptibility();
        c.setInterruptShadow(false);
        if ((blocking & BLOCKED_BY_SS) != 0) {
            c.setStackShadow();
        } else if ((blocking & BLOCKED_BY_STI) != 0) {
            c.setInterruptShadow(true);
        }
        c.setNmiBlocked((blocking & BLOCKED_BY_NMI) != 0);
    }

    private long efer(boolean wide, boolean lmeToo) {
        long old = c.efer();
        if (wide) {
            return old | LMA_LME;
        }
        return old & ~(lmeToo ? LMA_LME : ControlRegisters.EFER_LMA);
    }

    /** Loads MSRs from an area; returns the 1-based number of the entry that failed, or 0. */
    int loadMsrs(int field, int countField) {
        long at = v.get(field);
        long count = v.get(countField) & 0xffff_ffffL;
        for (int n = 1; n <= Math.min(count, 512); n++, at += 16) {
            long index = memory.read64(at);
            int msr = (int) index;
            boolean banned = index >>> 32 != 0 || msr == Msr.FS_BASE || msr == Msr.GS_BASE || msr >>> 8 == 8
                    || msr == Msr.BIOS_UPDT_TRIG;
            try {
                if (banned) {
                    return n;
                }
                c.msrs().write(msr, memory.read64(at + 8));
            } catch (GuestFault _) {
                return n;
            }
        }
        return count > 512 ? 513 : 0;
    }

    // ---- exit ----

    /** Saves the guest's registers. */
    void saveGuest() {
        v.put(Field.GUEST_CR0, c.cr0());
        v.put(Field.GUEST_CR3, c.field(CpuState.CR3));
        v.put(Field.GUEST_CR4, c.cr4());
        if (s.exit(Controls.EXIT_SAVE_DEBUG)) {
            v.put(Field.GUEST_DR7, c.field(CpuState.DR + 7 * 8));
            v.put(Field.GUEST_DEBUGCTL, c.field(CpuState.DEBUGCTL));
        }
        v.put(Field.GUEST_SYSENTER_CS, c.field(CpuState.SYSENTER_CS));
        v.put(Field.GUEST_SYSENTER_ESP, c.field(CpuState.SYSENTER_ESP));
        v.put(Field.GUEST_SYSENTER_EIP, c.field(CpuState.SYSENTER_EIP));
        if (s.exit(Controls.EXIT_SAVE_EFER)) {
            v.put(Field.GUEST_EFER, c.efer());
        }
        // with an unrestricted guest the entry control follows EFER.LMA (28.3.1)
        long entry = v.get(Field.ENTRY) & ~Controls.ENTRY_GUEST64;
        v.put(Field.ENTRY, c.longMode() ? entry | Controls.ENTRY_GUEST64 : entry);
        if (s.exit(Controls.EXIT_SAVE_PAT)) {
            v.put(Field.GUEST_PAT, c.field(CpuState.PAT));
        }
        for (int seg = 0; seg < 8; seg++) {
            v.put(Field.GUEST_SELECTOR + 2 * seg, c.selector(seg) & 0xffff);
            v.put(Field.GUEST_BASE + 2 * seg, c.segmentBase(seg));
            v.put(Field.GUEST_LIMIT + 2 * seg, c.segmentLimit(seg) & 0xffff_ffffL);
            v.put(Field.GUEST_RIGHTS + 2 * seg, rights(seg));
        }
        v.put(Field.GUEST_GDTR_BASE, c.field(CpuState.GDTR_BASE));
        v.put(Field.GUEST_GDTR_LIMIT, c.field(CpuState.GDTR_LIMIT) & 0xffff);
        v.put(Field.GUEST_IDTR_BASE, c.field(CpuState.IDTR_BASE));
        v.put(Field.GUEST_IDTR_LIMIT, c.field(CpuState.IDTR_LIMIT) & 0xffff);
        v.put(Field.GUEST_RSP, c.reg(CpuState.RSP));
        v.put(Field.GUEST_RIP, c.rip());
        v.put(Field.GUEST_RFLAGS, c.rflags());
        if (s.proc2(Controls.EPT) && !c.longMode() && (c.cr4() & ControlRegisters.CR4_PAE) != 0) {
            for (int n = 0; n < 4; n++) {
                v.put(Field.GUEST_PDPTE + 2 * n, c.mmu().pdpte(n));
            }
        }
        int blocking = c.stackShadow() ? BLOCKED_BY_SS : c.interruptShadow() ? BLOCKED_BY_STI : 0;
        v.put(Field.INTERRUPTIBILITY, blocking | (c.nmiBlocked() ? BLOCKED_BY_NMI : 0));
        int pending = c.debug().pendingBits();
        v.put(Field.PENDING_DEBUG, pending | ((pending & 15) != 0 ? 1 << 12 : 0));
    }

    /** The access rights as VMREAD shows them: of an unusable segment only what an entry looks at. */
    private int rights(int seg) {
        int a = c.segmentAttributes(seg);
        return (a & UNUSABLE) != 0 ? a & 0x1_f0ff : a & 0xf0ff;
    }

    /** Loads the host's state but for MSRs and translations. */
    void loadHost() {
        boolean wide = s.host64();
        c.setField(CpuState.CR0, v.get(Field.HOST_CR0) & ~CR0_KEPT | c.cr0() & CR0_KEPT);
        c.setField(CpuState.CR3, v.get(Field.HOST_CR3));
        long cr4 = v.get(Field.HOST_CR4);
        c.setField(CpuState.CR4, wide ? cr4 | ControlRegisters.CR4_PAE : cr4 & ~ControlRegisters.CR4_PCIDE);
        c.setField(CpuState.DR + 7 * 8, 0x400);
        c.setField(CpuState.DEBUGCTL, 0);
        c.setField(CpuState.SYSENTER_CS, v.get(Field.HOST_SYSENTER_CS));
        c.setField(CpuState.SYSENTER_ESP, v.get(Field.HOST_SYSENTER_ESP));
        c.setField(CpuState.SYSENTER_EIP, v.get(Field.HOST_SYSENTER_EIP));
        c.setField(CpuState.EFER, s.exit(Controls.EXIT_LOAD_EFER) ? v.get(Field.HOST_EFER) : efer(wide, true));
        if (s.exit(Controls.EXIT_LOAD_PAT)) {
            c.setField(CpuState.PAT, v.get(Field.HOST_PAT));
        }
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            int selector = v.get32bits(Field.HOST_SELECTOR + 2 * seg);
            long base = seg == CpuState.FS
                    ? v.get(Field.HOST_FS_BASE)
                    : seg == CpuState.GS ? v.get(Field.HOST_GS_BASE) : 0;
            int rights = seg == CpuState.CS ? wide ? 0xa09b : 0xc09b : selector == 0 ? UNUSABLE : 0xc093;
            c.setSegment(seg, selector, base, 0xffff_ffffL, rights);
        }
        c.setSegment(CpuState.LDTR, 0, 0, 0, UNUSABLE);
        c.setSegment(CpuState.TR, v.get32bits(Field.HOST_TR_SELECTOR), v.get(Field.HOST_TR_BASE), 0x67, 0x8b);
        c.setField(CpuState.GDTR_BASE, v.get(Field.HOST_GDTR_BASE));
        c.setField(CpuState.GDTR_LIMIT, 0xffff);
        c.setField(CpuState.IDTR_BASE, v.get(Field.HOST_IDTR_BASE));
        c.setField(CpuState.IDTR_LIMIT, 0xffff);
        c.setReg(CpuState.RSP, v.get(Field.HOST_RSP));
        c.setRip(v.get(Field.HOST_RIP));
        c.setRflags(Flags.FIXED);
        c.setInterruptShadow(false);
        c.debug().drop();
        c.debug().armed();
    }

    /** Stores MSRs to the exit's area; false for one that cannot be read. */
    boolean storeMsrs() {
        long at = v.get(Field.EXIT_MSR_STORE);
        long count = v.get(Field.EXIT_MSR_STORE_COUNT) & 0xffff_ffffL;
        for (int n = 1; n <= Math.min(count, 512); n++, at += 16) {
            long index = memory.read64(at);
            if (index >>> 32 != 0 || (int) index >>> 8 == 8) {
                return false;
            }
            try {
                memory.write64(at + 8, c.msrs().read((int) index));
            } catch (GuestFault _) {
                return false;
            }
        }
        return count <= 512;
    }

    /** PAE paging of a 32-bit host: false when a PDPTE has reserved bits. */
    boolean loadHostPdptes() {
        if (s.host64() || (c.cr4() & ControlRegisters.CR4_PAE) == 0) {
            return true;
        }
        try {
            c.mmu().loadPdptes(c.field(CpuState.CR3));
            return true;
        } catch (GuestFault _) {
            return false;
        }
    }
}

package org.xenolith.cpu.vmx;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.mmu.Mmu;

/** What the checks of a VM entry look at: the CPU, its current VMCS, and the controls in it. */
final class EntryState {
    final Cpu cpu;
    final Vmcs v;
    int pin;
    int proc;
    int proc2;
    int exit;
    int entry;

    EntryState(Cpu cpu, Vmcs v) {
        this.cpu = cpu;
        this.v = v;
    }

    /** Reads the controls; secondary ones are zero unless they are activated. */
    void read() {
        pin = v.get32bits(Field.PIN);
        proc = v.get32bits(Field.PROC);
        proc2 = (proc & Controls.SECONDARY) != 0 ? v.get32bits(Field.PROC2) : 0;
        exit = v.get32bits(Field.EXIT);
        entry = v.get32bits(Field.ENTRY);
    }

    boolean pin(int bit) {
        return (pin & bit) != 0;
    }

    boolean proc(int bit) {
        return (proc & bit) != 0;
    }

    boolean proc2(int bit) {
        return (proc2 & bit) != 0;
    }

    boolean exit(int bit) {
        return (exit & bit) != 0;
    }

    boolean entry(int bit) {
        return (entry & bit) != 0;
    }

    static boolean fits(int value, int must, int may) {
        return (value & must) == must && (value & ~may) == 0;
    }

    boolean physical(long address) {
        return address >>> cpu.model().maxPhysicalAddressBits() == 0;
    }

    /** A physical address, a multiple of {@code align}. */
    boolean aligned(int field, int align) {
        long a = v.get(field);
        return (a & align - 1) == 0 && physical(a);
    }

    /** An MSR area: 16-byte entries from an address that both ends have in the physical address width. */
    boolean msrArea(int field, int countField) {
        long count = v.get(countField);
        long a = v.get(field);
        return count == 0 || (a & 15) == 0 && physical(a) && physical(a + 16 * count - 1);
    }

    boolean canonical(int field) {
        return Mmu.isCanonical(v.get(field));
    }

    static boolean validPat(long pat) {
        for (int i = 0; i < 8; i++) {
            long type = pat >>> 8 * i & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }

    /** EFER as an entry or exit loads it: no reserved bits, LMA as the control says, LME the same where paging is on. */
    boolean validEfer(long efer, boolean wide, boolean paging) {
        long defined = ControlRegisters.EFER_SCE | ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA
                | ControlRegisters.EFER_NXE;
        boolean lma = (efer & ControlRegisters.EFER_LMA) != 0;
        boolean lme = (efer & ControlRegisters.EFER_LME) != 0;
        return (efer & ~defined) == 0 && lma == wide && (!paging || lma == lme);
    }

    boolean hostLongMode() {
        return (cpu.efer() & ControlRegisters.EFER_LMA) != 0;
    }

    boolean host64() {
        return exit(Controls.EXIT_HOST64);
    }

    boolean guest64() {
        return entry(Controls.ENTRY_GUEST64);
    }

    boolean unrestricted() {
        return proc2(Controls.UNRESTRICTED);
    }

    // ---- event injection ----

    int event() {
        return v.get32bits(Field.ENTRY_EVENT);
    }

    boolean injects() {
        return event() < 0;
    }

    int eventType() {
        return event() >>> 8 & 7;
    }

    int eventVector() {
        return event() & 0xff;
    }

    boolean injects(int type) {
        return injects() && eventType() == type;
    }

    // ---- guest state ----

    long rflags() {
        return v.get(Field.GUEST_RFLAGS);
    }

    boolean rflag(int bit) {
        return (rflags() & bit) != 0;
    }

    long cr0() {
        return v.get(Field.GUEST_CR0);
    }

    boolean paging() {
        return (cr0() & ControlRegisters.CR0_PG) != 0;
    }

    long cr4() {
        return v.get(Field.GUEST_CR4);
    }

    int selector(int seg) {
        return v.get32bits(Field.GUEST_SELECTOR + 2 * seg);
    }

    long base(int seg) {
        return v.get(Field.GUEST_BASE + 2 * seg);
    }

    long limit(int seg) {
        return v.get(Field.GUEST_LIMIT + 2 * seg);
    }

    int rights(int seg) {
        return v.get32bits(Field.GUEST_RIGHTS + 2 * seg);
    }

    boolean usable(int seg) {
        return (rights(seg) & 0x1_0000) == 0;
    }

    int type(int seg) {
        return rights(seg) & 15;
    }

    int dpl(int seg) {
        return rights(seg) >>> 5 & 3;
    }

    /** The granularity bit can express the limit. */
    boolean granular(int seg) {
        long limit = limit(seg);
        boolean g = (rights(seg) & 0x8000) != 0;
        return (!g || (limit & 0xfff) == 0xfff) && (g || limit >>> 20 == 0);
    }

    int interruptibility() {
        return v.get32bits(Field.INTERRUPTIBILITY);
    }

    boolean blocked(int bits) {
        return (interruptibility() & bits) != 0;
    }

    int activity() {
        return v.get32bits(Field.ACTIVITY);
    }

    /** PAE paging without long mode: four PDPTEs belong to the state. */
    boolean pae() {
        return paging() && (cr4() & ControlRegisters.CR4_PAE) != 0 && !guest64();
    }

    /** PDPTE n, of the VMCS with EPT and of memory without. */
    long pdpte(int n) {
        return proc2(Controls.EPT)
                ? v.get(Field.GUEST_PDPTE + 2 * n)
                : cpu.vmx().memory().read64((v.get(Field.GUEST_CR3) & 0xffff_ffe0L) + 8L * n);
    }

    boolean pdptesValid() {
        long reserved = ~(-1L >>> 64 - cpu.model().maxPhysicalAddressBits()) | 0x1e6;
        for (int n = 0; n < 4; n++) {
            long e = pdpte(n);
            if ((e & 1) != 0 && (e & reserved) != 0) {
                return false;
            }
        }
        return true;
    }
}

package org.xenolith.cpu.vmx;

import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_NMI;
import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_SMI;
import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_SS;
import static org.xenolith.cpu.vmx.Controls.BLOCKED_BY_STI;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.virt.EventInfo;

/** The checks of a VM entry in the manual's order (SDM vol. 3, 27.2 and 27.3.1), each with its section and what it asks. */
final class EntryChecks {
    /** Injected events of type 7: a pending monitor trap. */
    static final int OTHER_EVENT = 7;
    /** Exit qualifications of an entry that fails for the guest's state (27.8). */
    static final int PDPTE = 2;
    static final int LINK_POINTER = 4;

    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};

    /**
     * One check.
     *
     * @param section of SDM vol. 3
     * @param words what holds when it passes
     * @param qualification of the exit when it fails, for guest state
     * @param steady it looks at nothing but {@link SteadyState}
     */
    record Check(String section, String words, Predicate<EntryState> holds, int qualification, boolean steady) {
        @Override
        public String toString() {
            return words + " (SDM vol. 3, " + section + ")";
        }
    }

    /** VMfail with error 7. */
    static final List<Check> CONTROLS = controls();
    /** As {@link #CONTROLS}: what changes from entry to entry, or lies in other memory. */
    static final List<Check> EVENTS = events();
    /** VMfail with error 8. */
    static final List<Check> HOST = host();
    /** Exit 33. */
    static final List<Check> GUEST = guest();
    /** Of {@link #GUEST} what can fail although the steady part of the state has passed. */
    static final List<Check> CHANGING = GUEST.stream().filter(c -> !c.steady).toList();

    private EntryChecks() {
    }

    /** The first that fails, or null. */
    static Check failing(List<Check> checks, EntryState s) {
        for (int i = 0; i < checks.size(); i++) {
            Check c = checks.get(i);
            if (!c.holds.test(s)) {
                return c;
            }
        }
        return null;
    }

    /** Collects the checks of a section. */
    private static final class Table {
        final List<Check> checks = new ArrayList<>();
        String section = "";
        boolean steady;

        void at(String number) {
            section = number;
        }

        void check(String words, Predicate<EntryState> holds) {
            check(words, 0, holds);
        }

        void check(String words, int qualification, Predicate<EntryState> holds) {
            checks.add(new Check(section, words, holds, qualification, steady));
        }

        List<Check> list() {
            return List.copyOf(checks);
        }
    }

    private static List<Check> controls() {
        Table t = new Table();
        t.at("27.2.1.1");
        t.check("reserved bits of the pin-based controls are as the capabilities say",
                s -> EntryState.fits(s.pin, Capabilities.PIN_MUST, Capabilities.PIN_MAY));
        t.check("reserved bits of the primary processor-based controls are as the capabilities say",
                s -> EntryState.fits(s.proc, Capabilities.PROC_MUST, Capabilities.PROC_MAY));
        t.check("reserved bits of the secondary processor-based controls are as the capabilities say",
                s -> EntryState.fits(s.proc2, 0, Capabilities.PROC2_MAY));
        t.check("there are at most 4 CR3-target values",
                s -> Long.compareUnsigned(s.v.get(Field.CR3_TARGETS), Capabilities.CR3_TARGETS) <= 0);
        t.check("I/O bitmap A is at a page in the physical address width",
                s -> !s.proc(Controls.IO_BITMAPS) || s.aligned(Field.IO_BITMAP_A, 4096));
        t.check("I/O bitmap B is at a page in the physical address width",
                s -> !s.proc(Controls.IO_BITMAPS) || s.aligned(Field.IO_BITMAP_B, 4096));
        t.check("the MSR bitmap is at a page in the physical address width",
                s -> !s.proc(Controls.MSR_BITMAPS) || s.aligned(Field.MSR_BITMAP, 4096));
        t.check("the virtual-APIC page is at a page in the physical address width",
                s -> !s.proc(Controls.TPR_SHADOW) || s.aligned(Field.VIRTUAL_APIC, 4096));
        t.check("bits 31:4 of the TPR threshold are 0 unless interrupts are virtualized",
                s -> !s.proc(Controls.TPR_SHADOW) || s.proc2(Controls.VIRTUAL_INTERRUPTS)
                        || (s.v.get32bits(Field.TPR_THRESHOLD) & ~15) == 0);
        t.check("without a TPR shadow, x2APIC mode, APIC registers and interrupts are not virtualized",
                s -> s.proc(Controls.TPR_SHADOW)
                        || !s.proc2(Controls.X2APIC | Controls.APIC_REGISTERS | Controls.VIRTUAL_INTERRUPTS));
        t.check("virtual NMIs need NMI exiting", s -> s.pin(Controls.PIN_NMI) || !s.pin(Controls.PIN_VIRTUAL_NMI));
        t.check("NMI-window exiting needs virtual NMIs",
                s -> s.pin(Controls.PIN_VIRTUAL_NMI) || !s.proc(Controls.NMI_WINDOW));
        t.check("the APIC-access page is at a page in the physical address width",
                s -> !s.proc2(Controls.APIC_ACCESSES) || s.aligned(Field.APIC_ACCESS, 4096));
        t.check("x2APIC mode and APIC accesses are not both virtualized",
                s -> !s.proc2(Controls.X2APIC) || !s.proc2(Controls.APIC_ACCESSES));
        t.check("virtual-interrupt delivery needs external-interrupt exiting",
                s -> !s.proc2(Controls.VIRTUAL_INTERRUPTS) || s.pin(Controls.PIN_EXTERNAL));
        t.check("posted interrupts need virtual-interrupt delivery",
                s -> !s.pin(Controls.PIN_POSTED) || s.proc2(Controls.VIRTUAL_INTERRUPTS));
        t.check("posted interrupts need acknowledgement of interrupts on exit",
                s -> !s.pin(Controls.PIN_POSTED) || s.exit(Controls.EXIT_ACKNOWLEDGE));
        t.check("the posted-interrupt notification vector is at most 255",
                s -> !s.pin(Controls.PIN_POSTED) || (s.v.get(Field.POSTED_VECTOR) & 0xff00) == 0);
        t.check("the posted-interrupt descriptor is at a multiple of 64 in the physical address width",
                s -> !s.pin(Controls.PIN_POSTED) || s.aligned(Field.POSTED_DESCRIPTOR, 64));
        t.check("the VPID is not 0", s -> !s.proc2(Controls.VPID) || (s.v.get(Field.VPID) & 0xffff) != 0);
        t.check("the EPT pointer has a known memory type, 4 levels and no reserved bits",
                s -> !s.proc2(Controls.EPT) || Ept.validPointer(s.cpu, s.v.get(Field.EPTP)));
        t.check("an unrestricted guest needs EPT", s -> s.proc2(Controls.EPT) || !s.unrestricted());
        t.check("the VM-function controls have no reserved bits",
                s -> !s.proc2(Controls.VMFUNC) || (s.v.get(Field.VM_FUNCTIONS) & ~1L) == 0);
        t.check("EPTP switching needs EPT",
                s -> !s.proc2(Controls.VMFUNC) || s.v.get(Field.VM_FUNCTIONS) == 0 || s.proc2(Controls.EPT));
        t.check("the EPTP list is at a page in the physical address width",
                s -> !s.proc2(Controls.VMFUNC) || s.v.get(Field.VM_FUNCTIONS) == 0 || s.aligned(Field.EPTP_LIST, 4096));
        t.at("27.2.1.2");
        t.check("reserved bits of the VM-exit controls are as the capabilities say",
                s -> EntryState.fits(s.exit, Capabilities.EXIT_MUST, Capabilities.EXIT_MAY));
        t.check("the preemption timer is not saved unless it is active",
                s -> s.pin(Controls.PIN_TIMER) || !s.exit(Controls.EXIT_SAVE_TIMER));
        t.check("the VM-exit MSR-store area is at a multiple of 16 in the physical address width",
                s -> s.msrArea(Field.EXIT_MSR_STORE, Field.EXIT_MSR_STORE_COUNT));
        t.check("the VM-exit MSR-load area is at a multiple of 16 in the physical address width",
                s -> s.msrArea(Field.EXIT_MSR_LOAD, Field.EXIT_MSR_LOAD_COUNT));
        t.at("27.2.1.3");
        t.check("reserved bits of the VM-entry controls are as the capabilities say",
                s -> EntryState.fits(s.entry, Capabilities.ENTRY_MUST, Capabilities.ENTRY_MAY));
        t.check("the VM-entry MSR-load area is at a multiple of 16 in the physical address width",
                s -> s.msrArea(Field.ENTRY_MSR_LOAD, Field.ENTRY_MSR_LOAD_COUNT));
        return t.list();
    }

    private static List<Check> events() {
        Table t = new Table();
        t.at("27.2.1.1");
        t.check("the TPR threshold is not above the virtual task priority's class",
                s -> !s.proc(Controls.TPR_SHADOW) || s.proc2(Controls.VIRTUAL_INTERRUPTS | Controls.APIC_ACCESSES)
                        || s.v.get32bits(Field.TPR_THRESHOLD) <= (s.cpu.vmx().memory()
                                .read32(s.v.get(Field.VIRTUAL_APIC) + VirtualApic.TPR) >>> 4 & 15));
        t.at("27.2.1.3");
        t.check("the type of the injected event is not reserved", s -> !s.injects() || s.eventType() != 1);
        t.check("the vector of the injected event goes with its type", s -> !s.injects() || switch (s.eventType()) {
            case EventInfo.NMI -> s.eventVector() == Vector.NMI;
            case EventInfo.EXCEPTION -> s.eventVector() <= 31;
            case OTHER_EVENT -> s.eventVector() == 0;
            default -> true;
        });
        t.check("an error code is delivered with just those exceptions that have one",
                s -> !s.injects() || (s.event() & EventInfo.HAS_ERROR) != 0 == deliversError(s));
        t.check("bits 30:12 of the injected event are 0", s -> !s.injects() || (s.event() & 0x7fff_f000) == 0);
        t.check("bits 31:16 of the injected error code are 0",
                s -> !s.injects() || (s.event() & EventInfo.HAS_ERROR) == 0 || s.v.get(Field.ENTRY_ERROR) >>> 16 == 0);
        t.check("the instruction length of an injected software event is at most 15",
                s -> !s.injects() || s.eventType() < EventInfo.SOFTWARE || s.eventType() == OTHER_EVENT
                        || Long.compareUnsigned(s.v.get(Field.ENTRY_LENGTH), 15) <= 0);
        return t.list();
    }

    private static boolean deliversError(EntryState s) {
        return s.eventType() == EventInfo.EXCEPTION && Vector.hasErrorCode(s.eventVector())
                && (!s.unrestricted() || (s.cr0() & ControlRegisters.CR0_PE) != 0);
    }

    private static List<Check> host() {
        Table t = new Table();
        t.at("27.2.2");
        t.check("host CR0 has the bits that VMX operation fixes",
                s -> (s.v.get(Field.HOST_CR0) & Capabilities.CR0_MUST) == Capabilities.CR0_MUST
                        && s.v.get(Field.HOST_CR0) >>> 32 == 0);
        t.check("host CR4 has the bits that VMX operation fixes", s -> validCr4(s, s.v.get(Field.HOST_CR4)));
        t.check("host CR3 is in the physical address width", s -> s.physical(s.v.get(Field.HOST_CR3)));
        t.check("host IA32_SYSENTER_ESP is canonical", s -> s.canonical(Field.HOST_SYSENTER_ESP));
        t.check("host IA32_SYSENTER_EIP is canonical", s -> s.canonical(Field.HOST_SYSENTER_EIP));
        t.check("host IA32_PAT has memory types only",
                s -> !s.exit(Controls.EXIT_LOAD_PAT) || EntryState.validPat(s.v.get(Field.HOST_PAT)));
        t.check("host IA32_EFER has no reserved bits, and LMA and LME as the host's address-space size",
                s -> !s.exit(Controls.EXIT_LOAD_EFER) || s.validEfer(s.v.get(Field.HOST_EFER), s.host64(), true));
        t.at("27.2.3");
        for (int k = 0; k < 7; k++) {
            int seg = k;
            t.check("host " + SEGMENTS[k == 6 ? CpuState.TR : k] + " has no RPL and no TI",
                    s -> (s.v.get(Field.HOST_SELECTOR + 2 * seg) & 7) == 0);
        }
        t.check("host CS is not null", s -> (s.v.get(Field.HOST_SELECTOR + 2) & 0xffff) != 0);
        t.check("host TR is not null", s -> (s.v.get(Field.HOST_TR_SELECTOR) & 0xffff) != 0);
        t.check("host SS is not null outside 64-bit mode",
                s -> s.host64() || (s.v.get(Field.HOST_SELECTOR + 4) & 0xffff) != 0);
        for (int f = Field.HOST_FS_BASE; f <= Field.HOST_IDTR_BASE; f += 2) {
            int field = f;
            String name = new String[]{"FS", "GS", "TR", "GDTR", "IDTR"}[f - Field.HOST_FS_BASE >> 1];
            t.check("the host's " + name + " base is canonical", s -> s.canonical(field));
        }
        t.at("27.2.4");
        t.check("outside IA-32e mode neither guest nor host is in it",
                s -> s.hostLongMode() || !s.guest64() && !s.host64());
        t.check("in IA-32e mode the host's address space is of 64 bits", s -> !s.hostLongMode() || s.host64());
        t.check("a host of 32 bits has no guest in IA-32e mode", s -> s.host64() || !s.guest64());
        t.check("a host of 32 bits has no CR4.PCIDE",
                s -> s.host64() || (s.v.get(Field.HOST_CR4) & ControlRegisters.CR4_PCIDE) == 0);
        t.check("a host of 32 bits has a RIP of 32 bits", s -> s.host64() || s.v.get(Field.HOST_RIP) >>> 32 == 0);
        t.check("a host of 64 bits has CR4.PAE",
                s -> !s.host64() || (s.v.get(Field.HOST_CR4) & ControlRegisters.CR4_PAE) != 0);
        t.check("the RIP of a host of 64 bits is canonical", s -> !s.host64() || s.canonical(Field.HOST_RIP));
        return t.list();
    }

    private static boolean validCr4(EntryState s, long cr4) {
        return (cr4 & Capabilities.CR4_MUST) == Capabilities.CR4_MUST
                && (cr4 & ~(ControlWrites.cr4Mask(s.cpu.model()) | Capabilities.CR4_MUST)) == 0;
    }

    private static List<Check> guest() {
        Table t = new Table();
        t.steady = true;
        registers(t);
        selectorsAndBases(t);
        rights(t);
        systemSegments(t);
        t.at("27.3.1.3");
        t.check("the GDTR base is canonical", s -> s.canonical(Field.GUEST_GDTR_BASE));
        t.check("the IDTR base is canonical", s -> s.canonical(Field.GUEST_IDTR_BASE));
        t.check("the GDTR limit has 16 bits", s -> s.v.get(Field.GUEST_GDTR_LIMIT) >>> 16 == 0);
        t.check("the IDTR limit has 16 bits", s -> s.v.get(Field.GUEST_IDTR_LIMIT) >>> 16 == 0);
        t.steady = false;
        t.at("27.3.1.4");
        t.check("RIP has 32 bits outside 64-bit mode",
                s -> s.guest64() && (s.rights(CpuState.CS) & 0x2000) != 0 || s.v.get(Field.GUEST_RIP) >>> 32 == 0);
        t.check("RIP is canonical", s -> s.canonical(Field.GUEST_RIP));
        t.check("the reserved bits of RFLAGS are as they must be",
                s -> (s.rflags() & 0xffff_ffff_ffc0_802aL) == Flags.FIXED);
        t.check("RFLAGS.VM is 0 in IA-32e mode and in real mode",
                s -> !s.rflag(Flags.VM) || !s.guest64() && (s.cr0() & ControlRegisters.CR0_PE) != 0);
        t.check("RFLAGS.IF is 1 when an external interrupt is injected",
                s -> !s.injects(EventInfo.EXTERNAL) || s.rflag(Flags.IF));
        otherState(t);
        t.at("27.3.1.6");
        t.check("the PDPTEs have no reserved bits", PDPTE, s -> !s.pae() || s.pdptesValid());
        return t.list();
    }

    private static void registers(Table t) {
        t.at("27.3.1.1");
        t.check("CR0 has the bits that VMX operation fixes", s -> {
            long must = s.unrestricted()
                    ? Capabilities.CR0_MUST & ~(ControlRegisters.CR0_PE | ControlRegisters.CR0_PG)
                    : Capabilities.CR0_MUST;
            return (s.cr0() & must) == must && s.cr0() >>> 32 == 0;
        });
        t.check("CR0.PG needs CR0.PE", s -> !s.paging() || (s.cr0() & ControlRegisters.CR0_PE) != 0);
        t.check("CR4 has the bits that VMX operation fixes", s -> validCr4(s, s.cr4()));
        t.check("IA32_DEBUGCTL has no reserved bits",
                s -> !s.entry(Controls.ENTRY_LOAD_DEBUG) || (s.v.get(Field.GUEST_DEBUGCTL) & ~3L) == 0);
        t.check("IA-32e mode needs CR0.PG and CR4.PAE",
                s -> !s.guest64() || s.paging() && (s.cr4() & ControlRegisters.CR4_PAE) != 0);
        t.check("CR4.PCIDE needs IA-32e mode", s -> s.guest64() || (s.cr4() & ControlRegisters.CR4_PCIDE) == 0);
        t.check("CR3 is in the physical address width", s -> s.physical(s.v.get(Field.GUEST_CR3)));
        t.check("DR7 has 32 bits",
                s -> !s.entry(Controls.ENTRY_LOAD_DEBUG) || s.v.get(Field.GUEST_DR7) >>> 32 == 0);
        t.check("IA32_SYSENTER_ESP is canonical", s -> s.canonical(Field.GUEST_SYSENTER_ESP));
        t.check("IA32_SYSENTER_EIP is canonical", s -> s.canonical(Field.GUEST_SYSENTER_EIP));
        t.check("IA32_PAT has memory types only",
                s -> !s.entry(Controls.ENTRY_LOAD_PAT) || EntryState.validPat(s.v.get(Field.GUEST_PAT)));
        t.check("IA32_EFER has no reserved bits, LMA as the entry controls, and LME as LMA when paging is on",
                s -> !s.entry(Controls.ENTRY_LOAD_EFER)
                        || s.validEfer(s.v.get(Field.GUEST_EFER), s.guest64(), s.paging()));
    }

    private static void selectorsAndBases(Table t) {
        t.at("27.3.1.2");
        t.check("TR is in the GDT", s -> (s.selector(CpuState.TR) & 4) == 0);
        t.check("LDTR is in the GDT", s -> !s.usable(CpuState.LDTR) || (s.selector(CpuState.LDTR) & 4) == 0);
        t.check("SS and CS have one RPL", s -> s.rflag(Flags.VM) || s.unrestricted()
                || ((s.selector(CpuState.SS) ^ s.selector(CpuState.CS)) & 3) == 0);
        for (int k = CpuState.ES; k <= CpuState.GS; k++) {
            int seg = k;
            t.check(SEGMENTS[k] + " of virtual-8086 mode has its selector's base, limit FFFFh and rights F3h",
                    s -> !s.rflag(Flags.VM) || s.base(seg) == (long) (s.selector(seg) & 0xffff) << 4
                            && s.limit(seg) == 0xffff && s.rights(seg) == 0xf3);
        }
        for (int k : new int[]{CpuState.TR, CpuState.FS, CpuState.GS}) {
            t.check("the " + SEGMENTS[k] + " base is canonical", s -> Mmu.isCanonical(s.base(k)));
        }
        t.check("the LDTR base is canonical", s -> !s.usable(CpuState.LDTR) || Mmu.isCanonical(s.base(CpuState.LDTR)));
        t.check("the CS base has 32 bits", s -> s.base(CpuState.CS) >>> 32 == 0);
        for (int k : new int[]{CpuState.SS, CpuState.DS, CpuState.ES}) {
            t.check("the " + SEGMENTS[k] + " base has 32 bits", s -> !s.usable(k) || s.base(k) >>> 32 == 0);
        }
    }

    private static void rights(Table t) {
        t.check("CS is accessed code, or read/write data of an unrestricted guest", s -> {
            int type = s.type(CpuState.CS);
            return s.rflag(Flags.VM) || (type & 9) == 9 || type == 3 && s.unrestricted();
        });
        t.check("SS is accessed read/write data", s -> s.rflag(Flags.VM) || !s.usable(CpuState.SS)
                || s.type(CpuState.SS) == 3 || s.type(CpuState.SS) == 7);
        for (int k : new int[]{CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
            t.check(SEGMENTS[k] + " is accessed, and readable if it is code", s -> s.rflag(Flags.VM) || !s.usable(k)
                    || (s.type(k) & 1) != 0 && (s.type(k) & 10) != 8);
        }
        t.check("the DPL of CS goes with its type and the DPL of SS", s -> {
            int type = s.type(CpuState.CS);
            int dpl = s.dpl(CpuState.CS);
            int ss = s.dpl(CpuState.SS);
            return s.rflag(Flags.VM) || (type == 3 ? dpl == 0 : (type & 4) != 0 ? dpl <= ss : dpl == ss);
        });
        t.check("the DPL of SS is its RPL", s -> s.rflag(Flags.VM) || s.unrestricted()
                || s.dpl(CpuState.SS) == (s.selector(CpuState.SS) & 3));
        t.check("the DPL of SS is 0 with data in CS and in real mode", s -> s.rflag(Flags.VM)
                || s.type(CpuState.CS) != 3 && (s.cr0() & ControlRegisters.CR0_PE) != 0 || s.dpl(CpuState.SS) == 0);
        for (int k : new int[]{CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
            t.check("the DPL of " + SEGMENTS[k] + " is not below its RPL", s -> s.rflag(Flags.VM) || s.unrestricted()
                    || !s.usable(k) || s.type(k) > 11 || s.dpl(k) >= (s.selector(k) & 3));
        }
        for (int k = CpuState.ES; k <= CpuState.GS; k++) {
            int seg = k;
            t.check(SEGMENTS[k] + " is a present code or data segment without reserved bits", s -> s.rflag(Flags.VM)
                    || seg != CpuState.CS && !s.usable(seg)
                    || (s.rights(seg) & 0x90) == 0x90
                            && (s.rights(seg) & (seg == CpuState.CS ? 0xfffe_0f00 : 0xffff_0f00)) == 0);
            t.check("the granularity of " + SEGMENTS[k] + " goes with its limit",
                    s -> s.rflag(Flags.VM) || seg != CpuState.CS && !s.usable(seg) || s.granular(seg));
        }
        t.check("CS is not both 64-bit and 32-bit",
                s -> s.rflag(Flags.VM) || !s.guest64() || (s.rights(CpuState.CS) & 0x6000) != 0x6000);
    }

    private static void systemSegments(Table t) {
        t.check("TR is a busy TSS, of 64 bits in IA-32e mode",
                s -> s.type(CpuState.TR) == 11 || s.type(CpuState.TR) == 3 && !s.guest64());
        t.check("TR is a present, usable system segment without reserved bits",
                s -> (s.rights(CpuState.TR) & 0xffff_0f90) == 0x80);
        t.check("the granularity of TR goes with its limit", s -> s.granular(CpuState.TR));
        t.check("LDTR is an LDT", s -> !s.usable(CpuState.LDTR) || s.type(CpuState.LDTR) == 2);
        t.check("LDTR is a present system segment without reserved bits",
                s -> !s.usable(CpuState.LDTR) || (s.rights(CpuState.LDTR) & 0xfffe_0f90) == 0x80);
        t.check("the granularity of LDTR goes with its limit",
                s -> !s.usable(CpuState.LDTR) || s.granular(CpuState.LDTR));
    }

    private static void otherState(Table t) {
        t.at("27.3.1.5");
        t.check("the activity state is known", s -> Integer.compareUnsigned(s.activity(), 3) <= 0);
        t.check("a guest halts in ring 0 only", s -> s.activity() != 1 || s.dpl(CpuState.SS) == 0);
        t.check("a guest is active while STI or MOV SS blocks events",
                s -> s.activity() == 0 || !s.blocked(BLOCKED_BY_STI | BLOCKED_BY_SS));
        t.check("the injected event can be taken in the activity state", s -> !s.injects() || switch (s.activity()) {
            case 0 -> true;
            case 1 ->
                s.eventType() == EventInfo.EXTERNAL || s.eventType() == EventInfo.NMI || s.eventType() == OTHER_EVENT
                        || s.eventType() == EventInfo.EXCEPTION
                                && (s.eventVector() == Vector.DB || s.eventVector() == Vector.MC);
            case 2 -> s.eventType() == EventInfo.NMI
                    || s.eventType() == EventInfo.EXCEPTION && s.eventVector() == Vector.MC;
            default -> false;
        });
        t.check("the interruptibility state has no reserved bits", s -> (s.interruptibility() & ~15) == 0);
        t.check("STI and MOV SS do not both block",
                s -> (s.interruptibility() & 3) != (BLOCKED_BY_STI | BLOCKED_BY_SS));
        t.check("STI does not block while RFLAGS.IF is 0", s -> !s.blocked(BLOCKED_BY_STI) || s.rflag(Flags.IF));
        t.check("an external interrupt is not injected while STI or MOV SS blocks",
                s -> !s.injects(EventInfo.EXTERNAL) || !s.blocked(BLOCKED_BY_STI | BLOCKED_BY_SS));
        t.check("an NMI is not injected while MOV SS blocks",
                s -> !s.injects(EventInfo.NMI) || !s.blocked(BLOCKED_BY_SS));
        t.check("SMIs are not blocked outside SMM", s -> !s.blocked(BLOCKED_BY_SMI));
        t.check("a virtual NMI is not injected while NMIs are blocked",
                s -> !s.pin(Controls.PIN_VIRTUAL_NMI) || !s.injects(EventInfo.NMI) || !s.blocked(BLOCKED_BY_NMI));
        t.check("the pending debug exceptions have no reserved bits",
                s -> (s.v.get(Field.PENDING_DEBUG) & ~0x500fL) == 0);
        t.check("a single step is pending just when TF steps", s -> {
            boolean held = s.blocked(BLOCKED_BY_STI | BLOCKED_BY_SS) || s.activity() == 1;
            boolean step = s.rflag(Flags.TF) && (s.v.get(Field.GUEST_DEBUGCTL) & 2) == 0;
            return !held || step == ((s.v.get(Field.PENDING_DEBUG) & 0x4000) != 0);
        });
        t.check("the VMCS link pointer is at a page in the physical address width", LINK_POINTER,
                s -> s.v.get(Field.LINK) == -1 || s.aligned(Field.LINK, 4096));
        t.check("the VMCS link pointer leads to a VMCS", LINK_POINTER, s -> s.v.get(Field.LINK) == -1
                || s.cpu.vmx().memory().read32(s.v.get(Field.LINK)) == Vmcs.REVISION);
    }
}

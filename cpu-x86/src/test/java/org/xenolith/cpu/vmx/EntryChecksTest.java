package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;

/** Every check of a VM entry, with a state that passes and one that does not. */
final class EntryChecksTest {
    private static final long WIDE = 1L << 40;
    private static final long NOT_CANONICAL = 1L << 47;
    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};

    /** A check by its words, what makes it matter in a state that passes, and what breaks it. */
    record Case(String words, Consumer<VmxMachine> valid, Consumer<VmxMachine> broken) {
        @Override
        public String toString() {
            return words;
        }
    }

    private static final List<Case> CASES = new ArrayList<>();

    private static void check(String words, Consumer<VmxMachine> valid, Consumer<VmxMachine> broken) {
        CASES.add(new Case(words, valid, broken));
    }

    private static void check(String words, Consumer<VmxMachine> broken) {
        check(words, x -> {
        }, broken);
    }

    private static void none(VmxMachine x) {
        // the plain state will do
    }

    private static int right(int seg) {
        return Field.GUEST_RIGHTS + 2 * seg;
    }

    private static int selector(int seg) {
        return Field.GUEST_SELECTOR + 2 * seg;
    }

    private static void apic(VmxMachine x) {
        x.add(Field.PROC, Controls.TPR_SHADOW);
    }

    private static void delivery(VmxMachine x) {
        apic(x);
        x.add(Field.PIN, Controls.PIN_EXTERNAL);
        x.add(Field.PROC2, Controls.VIRTUAL_INTERRUPTS);
    }

    private static void posted(VmxMachine x) {
        delivery(x);
        x.add(Field.PIN, Controls.PIN_POSTED);
        x.add(Field.EXIT, Controls.EXIT_ACKNOWLEDGE);
    }

    private static void switching(VmxMachine x) {
        x.add(Field.PROC2, Controls.VMFUNC);
        x.set(Field.VM_FUNCTIONS, 1);
        x.set(Field.EPTP_LIST, VmxMachine.AREA);
    }

    private static Consumer<VmxMachine> event(int type, int vector) {
        return x -> x.set(Field.ENTRY_EVENT, 1L << 31 | type << 8 | vector);
    }

    /** A 32-bit guest in virtual-8086 mode. */
    private static void virtual8086(VmxMachine x) {
        x.clear(Field.ENTRY, Controls.ENTRY_GUEST64);
        x.clear(Field.GUEST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        x.set(Field.GUEST_RFLAGS, Flags.FIXED | Flags.VM);
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            x.set(selector(seg), 0x1000);
            x.set(Field.GUEST_BASE + 2 * seg, 0x1_0000);
            x.set(Field.GUEST_LIMIT + 2 * seg, 0xffff);
            x.set(right(seg), 0xf3);
        }
    }

    private static void pae(VmxMachine x) {
        x.clear(Field.ENTRY, Controls.ENTRY_GUEST64);
        x.clear(Field.GUEST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        x.set(right(CpuState.CS), 0xc09b);
    }

    private static Consumer<VmxMachine> usable(int seg) {
        return x -> {
            x.set(right(seg), 0xc093);
            x.set(Field.GUEST_LIMIT + 2 * seg, 0xffff_ffffL);
        };
    }

    static {
        controls();
        events();
        host();
        guestRegisters();
        guestSegments();
        guestRest();
    }

    private static void controls() {
        check("reserved bits of the pin-based controls are as the capabilities say", x -> x.add(Field.PIN, 1 << 8));
        check("reserved bits of the primary processor-based controls are as the capabilities say",
                x -> x.clear(Field.PROC, 1 << 1));
        check("reserved bits of the secondary processor-based controls are as the capabilities say",
                x -> x.add(Field.PROC2, 1 << 14));
        check("there are at most 4 CR3-target values", x -> x.set(Field.CR3_TARGETS, 4),
                x -> x.set(Field.CR3_TARGETS, 5));
        check("I/O bitmap A is at a page in the physical address width", x -> x.add(Field.PROC, Controls.IO_BITMAPS),
                x -> x.add(Field.IO_BITMAP_A, 8));
        check("I/O bitmap B is at a page in the physical address width", x -> x.add(Field.PROC, Controls.IO_BITMAPS),
                x -> x.set(Field.IO_BITMAP_B, WIDE));
        check("the MSR bitmap is at a page in the physical address width",
                x -> x.add(Field.PROC, Controls.MSR_BITMAPS), x -> x.set(Field.MSR_BITMAP, WIDE));
        check("the virtual-APIC page is at a page in the physical address width", EntryChecksTest::apic,
                x -> x.add(Field.VIRTUAL_APIC, 1));
        check("bits 31:4 of the TPR threshold are 0 unless interrupts are virtualized", EntryChecksTest::apic,
                x -> x.set(Field.TPR_THRESHOLD, 16));
        check("without a TPR shadow, x2APIC mode, APIC registers and interrupts are not virtualized",
                x -> x.add(Field.PROC2, Controls.APIC_REGISTERS));
        check("virtual NMIs need NMI exiting", x -> x.add(Field.PIN, Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI),
                x -> x.clear(Field.PIN, Controls.PIN_NMI));
        check("NMI-window exiting needs virtual NMIs",
                x -> x.add(Field.PIN, Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI), x -> {
                    x.clear(Field.PIN, Controls.PIN_VIRTUAL_NMI);
                    x.add(Field.PROC, Controls.NMI_WINDOW);
                });
        check("the APIC-access page is at a page in the physical address width",
                x -> x.add(Field.PROC2, Controls.APIC_ACCESSES), x -> x.add(Field.APIC_ACCESS, 1));
        check("x2APIC mode and APIC accesses are not both virtualized", x -> {
            apic(x);
            x.add(Field.PROC2, Controls.X2APIC);
        }, x -> x.add(Field.PROC2, Controls.APIC_ACCESSES));
        check("virtual-interrupt delivery needs external-interrupt exiting", EntryChecksTest::delivery,
                x -> x.clear(Field.PIN, Controls.PIN_EXTERNAL));
        check("posted interrupts need virtual-interrupt delivery", EntryChecksTest::posted,
                x -> x.clear(Field.PROC2, Controls.VIRTUAL_INTERRUPTS));
        check("posted interrupts need acknowledgement of interrupts on exit", EntryChecksTest::posted,
                x -> x.clear(Field.EXIT, Controls.EXIT_ACKNOWLEDGE));
        check("the posted-interrupt notification vector is at most 255", EntryChecksTest::posted,
                x -> x.set(Field.POSTED_VECTOR, 0x100));
        check("the posted-interrupt descriptor is at a multiple of 64 in the physical address width",
                EntryChecksTest::posted, x -> x.add(Field.POSTED_DESCRIPTOR, 32));
        check("the VPID is not 0", x -> x.set(Field.VPID, 0));
        check("the EPT pointer has a known memory type, 4 levels and no reserved bits",
                x -> x.set(Field.EPTP, VmxMachine.EPT | 0x1d));
        check("an unrestricted guest needs EPT", x -> x.add(Field.PROC2, Controls.UNRESTRICTED),
                x -> x.clear(Field.PROC2, Controls.EPT));
        check("the VM-function controls have no reserved bits", EntryChecksTest::switching,
                x -> x.set(Field.VM_FUNCTIONS, 3));
        check("EPTP switching needs EPT", EntryChecksTest::switching, x -> x.clear(Field.PROC2, Controls.EPT));
        check("the EPTP list is at a page in the physical address width", EntryChecksTest::switching,
                x -> x.set(Field.EPTP_LIST, WIDE));
        check("reserved bits of the VM-exit controls are as the capabilities say",
                x -> x.add(Field.EXIT, 1 << 12));
        check("the preemption timer is not saved unless it is active", x -> {
            x.add(Field.PIN, Controls.PIN_TIMER);
            x.add(Field.EXIT, Controls.EXIT_SAVE_TIMER);
            x.set(Field.PREEMPTION_TIMER, 1000);
        }, x -> x.clear(Field.PIN, Controls.PIN_TIMER));
        area("VM-exit MSR-store", Field.EXIT_MSR_STORE, Field.EXIT_MSR_STORE_COUNT);
        area("VM-exit MSR-load", Field.EXIT_MSR_LOAD, Field.EXIT_MSR_LOAD_COUNT);
        check("reserved bits of the VM-entry controls are as the capabilities say",
                x -> x.add(Field.ENTRY, 1 << 10));
        area("VM-entry MSR-load", Field.ENTRY_MSR_LOAD, Field.ENTRY_MSR_LOAD_COUNT);
    }

    private static void area(String name, int field, int count) {
        check("the " + name + " area is at a multiple of 16 in the physical address width",
                x -> x.set(field, VmxMachine.AREA), x -> {
                    x.set(field, WIDE - 16);
                    x.set(count, 2);
                });
    }

    private static void events() {
        check("the TPR threshold is not above the virtual task priority's class", x -> {
            apic(x);
            x.m.write32(VmxMachine.VIRTUAL_APIC + 0x80, 0x50);
            x.set(Field.TPR_THRESHOLD, 5);
        }, x -> x.set(Field.TPR_THRESHOLD, 6));
        check("the type of the injected event is not reserved", event(3, 6), event(1, 32));
        check("the vector of the injected event goes with its type", event(2, 2), event(2, 3));
        check("an error code is delivered with just those exceptions that have one",
                x -> x.set(Field.ENTRY_EVENT, 1L << 31 | 1 << 11 | 3 << 8 | 13), event(3, 13));
        check("bits 30:12 of the injected event are 0", event(3, 6),
                x -> x.set(Field.ENTRY_EVENT, 1L << 31 | 1 << 12 | 3 << 8 | 6));
        check("bits 31:16 of the injected error code are 0", x -> {
            x.set(Field.ENTRY_EVENT, 1L << 31 | 1 << 11 | 3 << 8 | 13);
            x.set(Field.ENTRY_ERROR, 0xffff);
        }, x -> x.set(Field.ENTRY_ERROR, 0x1_0000));
        check("the instruction length of an injected software event is at most 15", x -> {
            event(6, 3).accept(x);
            x.set(Field.ENTRY_LENGTH, 15);
        }, x -> x.set(Field.ENTRY_LENGTH, 16));
    }

    private static void host() {
        check("host CR0 has the bits that VMX operation fixes",
                x -> x.clear(Field.HOST_CR0, ControlRegisters.CR0_NE));
        check("host CR4 has the bits that VMX operation fixes",
                x -> x.clear(Field.HOST_CR4, ControlRegisters.CR4_VMXE));
        check("host CR3 is in the physical address width", x -> x.set(Field.HOST_CR3, WIDE));
        check("host IA32_SYSENTER_ESP is canonical", x -> x.set(Field.HOST_SYSENTER_ESP, NOT_CANONICAL));
        check("host IA32_SYSENTER_EIP is canonical", x -> x.set(Field.HOST_SYSENTER_EIP, NOT_CANONICAL));
        check("host IA32_PAT has memory types only", x -> {
            x.add(Field.EXIT, Controls.EXIT_LOAD_PAT);
            x.set(Field.HOST_PAT, 0x0007_0406_0007_0406L);
        }, x -> x.set(Field.HOST_PAT, 2));
        check("host IA32_EFER has no reserved bits, and LMA and LME as the host's address-space size",
                x -> x.clear(Field.HOST_EFER, ControlRegisters.EFER_LME));
        String[] names = {"ES", "CS", "SS", "DS", "FS", "GS", "TR"};
        for (int k = 0; k < 7; k++) {
            int field = Field.HOST_SELECTOR + 2 * k;
            check("host " + names[k] + " has no RPL and no TI", x -> x.add(field, 3));
        }
        check("host CS is not null", x -> x.set(Field.HOST_SELECTOR + 2, 0));
        check("host TR is not null", x -> x.set(Field.HOST_TR_SELECTOR, 0));
        check("host SS is not null outside 64-bit mode", x -> x.set(Field.HOST_SELECTOR + 4, 0), x -> {
            x.clear(Field.EXIT, Controls.EXIT_HOST64);
            x.clear(Field.HOST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        });
        String[] bases = {"FS", "GS", "TR", "GDTR", "IDTR"};
        for (int k = 0; k < 5; k++) {
            int field = Field.HOST_FS_BASE + 2 * k;
            check("the host's " + bases[k] + " base is canonical", x -> x.set(field, NOT_CANONICAL));
        }
        check("outside IA-32e mode neither guest nor host is in it",
                x -> x.c.setField(CpuState.EFER, 0));
        check("in IA-32e mode the host's address space is of 64 bits", x -> {
            x.clear(Field.EXIT, Controls.EXIT_HOST64 | Controls.EXIT_LOAD_EFER);
        });
        // whatever breaks it breaks one of the two before it
        check("a host of 32 bits has no guest in IA-32e mode", null, null);
        check("a host of 32 bits has no CR4.PCIDE", EntryChecksTest::host32,
                x -> x.add(Field.HOST_CR4, ControlRegisters.CR4_PCIDE));
        check("a host of 32 bits has a RIP of 32 bits", EntryChecksTest::host32, x -> x.set(Field.HOST_RIP, WIDE));
        check("a host of 64 bits has CR4.PAE", x -> x.clear(Field.HOST_CR4, ControlRegisters.CR4_PAE));
        check("the RIP of a host of 64 bits is canonical", x -> x.set(Field.HOST_RIP, NOT_CANONICAL));
    }

    /** The CPU is a host of 32 bits, with a guest of 32 bits. */
    private static void host32(VmxMachine x) {
        pae(x);
        x.clear(Field.EXIT, Controls.EXIT_HOST64);
        x.clear(Field.HOST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        x.clear(Field.HOST_CR4, ControlRegisters.CR4_PAE);
        x.c.setField(CpuState.EFER, 0);
        x.c.setSegment(CpuState.CS, 0x18, 0, 0xffff_ffffL, 0xc09b);
        x.c.updateMode();
    }

    private static void guestRegisters() {
        check("CR0 has the bits that VMX operation fixes", x -> x.clear(Field.GUEST_CR0, ControlRegisters.CR0_NE));
        check("CR0.PG needs CR0.PE", x -> x.add(Field.PROC2, Controls.UNRESTRICTED),
                x -> x.clear(Field.GUEST_CR0, ControlRegisters.CR0_PE));
        check("CR4 has the bits that VMX operation fixes", x -> x.add(Field.GUEST_CR4, 1L << 31));
        check("IA32_DEBUGCTL has no reserved bits", x -> x.add(Field.ENTRY, Controls.ENTRY_LOAD_DEBUG),
                x -> x.set(Field.GUEST_DEBUGCTL, 4));
        check("IA-32e mode needs CR0.PG and CR4.PAE", x -> x.clear(Field.GUEST_CR4, ControlRegisters.CR4_PAE));
        check("CR4.PCIDE needs IA-32e mode", EntryChecksTest::pae,
                x -> x.add(Field.GUEST_CR4, ControlRegisters.CR4_PCIDE));
        check("CR3 is in the physical address width", x -> x.set(Field.GUEST_CR3, WIDE));
        check("DR7 has 32 bits", x -> x.add(Field.ENTRY, Controls.ENTRY_LOAD_DEBUG), x -> x.set(Field.GUEST_DR7, WIDE));
        check("IA32_SYSENTER_ESP is canonical", x -> x.set(Field.GUEST_SYSENTER_ESP, NOT_CANONICAL));
        check("IA32_SYSENTER_EIP is canonical", x -> x.set(Field.GUEST_SYSENTER_EIP, NOT_CANONICAL));
        check("IA32_PAT has memory types only", x -> {
            x.add(Field.ENTRY, Controls.ENTRY_LOAD_PAT);
            x.set(Field.GUEST_PAT, 6);
        }, x -> x.set(Field.GUEST_PAT, 3));
        check("IA32_EFER has no reserved bits, LMA as the entry controls, and LME as LMA when paging is on",
                x -> x.clear(Field.GUEST_EFER, ControlRegisters.EFER_LMA));
    }

    private static void guestSegments() {
        check("TR is in the GDT", x -> x.add(selector(CpuState.TR), 4));
        check("LDTR is in the GDT", x -> x.add(selector(CpuState.LDTR), 4));
        check("SS and CS have one RPL", x -> x.set(selector(CpuState.SS), 1));
        for (int k = CpuState.ES; k <= CpuState.GS; k++) {
            int seg = k;
            check(SEGMENTS[k] + " of virtual-8086 mode has its selector's base, limit FFFFh and rights F3h",
                    EntryChecksTest::virtual8086, x -> x.set(Field.GUEST_LIMIT + 2 * seg, 0xfffe));
        }
        for (int seg : new int[]{CpuState.TR, CpuState.FS, CpuState.GS}) {
            check("the " + SEGMENTS[seg] + " base is canonical",
                    x -> x.set(Field.GUEST_BASE + 2 * seg, NOT_CANONICAL));
        }
        check("the LDTR base is canonical", x -> x.set(Field.GUEST_BASE + 2 * CpuState.LDTR, NOT_CANONICAL));
        check("the CS base has 32 bits", x -> x.set(Field.GUEST_BASE + 2 * CpuState.CS, 1L << 32));
        for (int seg : new int[]{CpuState.SS, CpuState.DS, CpuState.ES}) {
            check("the " + SEGMENTS[seg] + " base has 32 bits", x -> x.set(Field.GUEST_BASE + 2 * seg, 1L << 32));
        }
        check("CS is accessed code, or read/write data of an unrestricted guest",
                x -> x.set(right(CpuState.CS), 0xa098));
        check("SS is accessed read/write data", x -> x.set(right(CpuState.SS), 0xc091));
        for (int seg : new int[]{CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
            check(SEGMENTS[seg] + " is accessed, and readable if it is code", usable(seg),
                    x -> x.set(right(seg), 0xc099));
        }
        check("the DPL of CS goes with its type and the DPL of SS", x -> x.set(right(CpuState.CS), 0xa0fb));
        check("the DPL of SS is its RPL", x -> x.set(right(CpuState.CS), 0xa09f),
                x -> x.set(right(CpuState.SS), 0xc0b3));
        check("the DPL of SS is 0 with data in CS and in real mode", x -> {
            x.add(Field.PROC2, Controls.UNRESTRICTED);
            x.set(right(CpuState.CS), 0xa093);
        }, x -> x.set(right(CpuState.SS), 0xc0b3));
        for (int seg : new int[]{CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
            check("the DPL of " + SEGMENTS[seg] + " is not below its RPL", usable(seg),
                    x -> x.set(selector(seg), 0x13));
        }
        for (int k = CpuState.ES; k <= CpuState.GS; k++) {
            int seg = k;
            Consumer<VmxMachine> valid = k >= CpuState.FS ? usable(k) : EntryChecksTest::none;
            check(SEGMENTS[k] + " is a present code or data segment without reserved bits", valid,
                    x -> x.add(right(seg), 0x100));
            check("the granularity of " + SEGMENTS[k] + " goes with its limit", valid,
                    x -> x.set(Field.GUEST_LIMIT + 2 * seg, 0xffff_0000L));
        }
        check("CS is not both 64-bit and 32-bit", x -> x.add(right(CpuState.CS), 0x4000));
        check("TR is a busy TSS, of 64 bits in IA-32e mode", x -> x.set(right(CpuState.TR), 0x83));
        check("TR is a present, usable system segment without reserved bits", x -> x.set(right(CpuState.TR), 0xb));
        check("the granularity of TR goes with its limit", x -> x.set(Field.GUEST_LIMIT + 2 * CpuState.TR, 0x10_0000));
        check("LDTR is an LDT", x -> x.set(right(CpuState.LDTR), 0x8b));
        check("LDTR is a present system segment without reserved bits", x -> x.set(right(CpuState.LDTR), 2));
        check("the granularity of LDTR goes with its limit",
                x -> x.set(Field.GUEST_LIMIT + 2 * CpuState.LDTR, 0x10_0000));
    }

    private static void guestRest() {
        check("the GDTR base is canonical", x -> x.set(Field.GUEST_GDTR_BASE, NOT_CANONICAL));
        check("the IDTR base is canonical", x -> x.set(Field.GUEST_IDTR_BASE, NOT_CANONICAL));
        check("the GDTR limit has 16 bits", x -> x.set(Field.GUEST_GDTR_LIMIT, 0x1_0000));
        check("the IDTR limit has 16 bits", x -> x.set(Field.GUEST_IDTR_LIMIT, 0x1_0000));
        check("RIP has 32 bits outside 64-bit mode", x -> x.set(right(CpuState.CS), 0xc09b),
                x -> x.set(Field.GUEST_RIP, 1L << 32));
        check("RIP is canonical", x -> x.set(Field.GUEST_RIP, NOT_CANONICAL));
        check("the reserved bits of RFLAGS are as they must be", x -> x.set(Field.GUEST_RFLAGS, 0));
        check("RFLAGS.VM is 0 in IA-32e mode and in real mode", EntryChecksTest::virtual8086, x -> {
            x.add(Field.ENTRY, Controls.ENTRY_GUEST64);
            x.add(Field.GUEST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        });
        check("RFLAGS.IF is 1 when an external interrupt is injected", x -> {
            event(0, 32).accept(x);
            x.add(Field.GUEST_RFLAGS, Flags.IF);
        }, x -> x.clear(Field.GUEST_RFLAGS, Flags.IF));
        check("the activity state is known", x -> x.set(Field.ACTIVITY, 3), x -> x.set(Field.ACTIVITY, 4));
        check("a guest halts in ring 0 only", x -> x.set(Field.ACTIVITY, 1), x -> {
            x.set(right(CpuState.CS), 0xa0fb);
            x.set(selector(CpuState.CS), 0x43);
            x.set(right(CpuState.SS), 0xc0f3);
            x.set(selector(CpuState.SS), 0x3b);
            x.set(right(CpuState.DS), 0x1_0000);
            x.set(right(CpuState.ES), 0x1_0000);
        });
        check("a guest is active while STI or MOV SS blocks events", x -> x.set(Field.INTERRUPTIBILITY, 2),
                x -> x.set(Field.ACTIVITY, 1));
        check("the injected event can be taken in the activity state", x -> {
            x.set(Field.ACTIVITY, 1);
            event(3, 1).accept(x);
        }, event(3, 6));
        check("the interruptibility state has no reserved bits", x -> x.set(Field.INTERRUPTIBILITY, 16));
        check("STI and MOV SS do not both block", x -> {
            x.add(Field.GUEST_RFLAGS, Flags.IF);
            x.set(Field.INTERRUPTIBILITY, 1);
        }, x -> x.set(Field.INTERRUPTIBILITY, 3));
        check("STI does not block while RFLAGS.IF is 0", x -> x.set(Field.INTERRUPTIBILITY, 1));
        check("an external interrupt is not injected while STI or MOV SS blocks", x -> {
            event(0, 32).accept(x);
            x.add(Field.GUEST_RFLAGS, Flags.IF);
        }, x -> x.set(Field.INTERRUPTIBILITY, 1));
        check("an NMI is not injected while MOV SS blocks", event(2, 2), x -> x.set(Field.INTERRUPTIBILITY, 2));
        check("SMIs are not blocked outside SMM", x -> x.set(Field.INTERRUPTIBILITY, 4));
        check("a virtual NMI is not injected while NMIs are blocked", x -> {
            x.add(Field.PIN, Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI);
            event(2, 2).accept(x);
        }, x -> x.set(Field.INTERRUPTIBILITY, 8));
        check("the pending debug exceptions have no reserved bits", x -> x.set(Field.PENDING_DEBUG, 0x10));
        check("a single step is pending just when TF steps", x -> {
            x.add(Field.GUEST_RFLAGS, Flags.TF);
            x.set(Field.INTERRUPTIBILITY, 2);
            x.set(Field.PENDING_DEBUG, 0x4000);
        }, x -> x.set(Field.PENDING_DEBUG, 0));
        check("the VMCS link pointer is at a page in the physical address width", x -> x.set(Field.LINK, WIDE));
        check("the VMCS link pointer leads to a VMCS", x -> x.set(Field.LINK, VmxMachine.VMXON),
                x -> x.set(Field.LINK, VmxMachine.AREA));
        check("the PDPTEs have no reserved bits", EntryChecksTest::pae, x -> x.set(Field.GUEST_PDPTE + 2, 3));
    }

    static Stream<Case> cases() {
        return CASES.stream().filter(c -> c.broken != null);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void an_entry_passes_and_fails_by_the_check(Case one) {
        try (VmxMachine x = new VmxMachine()) {
            one.valid.accept(x);
            x.vmx.enter(false);
            assertNull(x.vmx.failure());
            assertNotNull(x.c.guestMode(), () -> "error " + x.get(Field.INSTRUCTION_ERROR));
        }
        try (VmxMachine x = new VmxMachine()) {
            one.valid.accept(x);
            one.broken.accept(x);
            long rip = x.c.rip();
            x.vmx.enter(false);
            assertNull(x.c.guestMode());
            String failure = x.vmx.failure();
            assertNotNull(failure);
            assertTrue(failure.startsWith(one.words + " (SDM vol. 3, 27."), failure);
            EntryChecks.Check check = all().filter(c -> c.words().equals(one.words)).findFirst().orElseThrow();
            if (EntryChecks.GUEST.contains(check)) {
                assertEquals(ExitReason.INVALID_STATE.number | 1L << 31, x.get(Field.EXIT_REASON));
                assertEquals(check.qualification(), x.get(Field.QUALIFICATION));
                assertEquals(VmxMachine.HOST, x.c.rip());
            } else {
                assertEquals(Flags.ZF, x.c.arithmeticFlags());
                assertEquals(EntryChecks.HOST.contains(check) ? Vmx.HOST_STATE : Vmx.CONTROL_FIELDS,
                        x.get(Field.INSTRUCTION_ERROR));
                assertEquals(rip, x.c.rip());
            }
            assertFalse(x.v.launched(), "not launched");
        }
    }

    private static Stream<EntryChecks.Check> all() {
        return Stream.of(EntryChecks.CONTROLS, EntryChecks.EVENTS, EntryChecks.HOST, EntryChecks.GUEST)
                .flatMap(List::stream);
    }

    @Test
    void every_check_has_its_case() {
        Set<String> checks = all().map(EntryChecks.Check::words).collect(Collectors.toSet());
        Set<String> tested = CASES.stream().map(Case::words).collect(Collectors.toSet());
        assertEquals(checks, tested);
    }
}

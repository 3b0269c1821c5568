package org.xenolith.hypervisor.hypercall;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.pv.mm.PvMemory;
import org.xenolith.memory.RawMemory;

/**
 * A PV domain without a kernel: its frames are mapped from {@link #base} on in the order of their pfns, all writable but
 * the page tables, which are the last pages. Arguments of hypercalls lie in pages 0 to 3.
 */
final class PvGuest {
    static final int PAGES = 128;
    static final int L1 = PAGES - 1;
    static final int L2 = PAGES - 2;
    static final int L3 = PAGES - 3;
    /** Level 4 table; an ordinary page in 32-bit guests. */
    static final int L4 = PAGES - 4;
    static final long P = 1;
    static final long RW = 2;
    static final long US = 4;
    static final long RO_PAGE = P | 0x20;
    static final long RW_PAGE = P | RW | 0x60;
    static final long TABLE = P | RW | US | 0x60;
    static final long PDPTE = P;
    static final int SELF = 0x7ff0;

    final TestHost t;
    final Domain d;
    final Vcpu v;
    final PvMemory m;
    final boolean wide;
    final long base;
    private final long first;

    PvGuest(TestHost t, GuestAbi abi) {
        this(t, abi, 1);
    }

    PvGuest(TestHost t, GuestAbi abi, int vcpus) {
        this.t = t;
        wide = abi == GuestAbi.X86_64;
        base = wide ? 0xffff_8800_0000_0000L : 0xc000_0000L;
        d = t.host.createDomain(DomainConfig.of("pv", TestHost.HANDLE, vcpus, PAGES + 16).withPv(abi));
        v = d.vcpu(0);
        m = d.pv();
        first = d.allocateUnmapped(0);
        for (int pfn = 1; pfn < PAGES; pfn++) {
            if (d.allocateUnmapped(0) != first + pfn) {
                throw new IllegalStateException("frames are not adjacent");
            }
        }
        for (int pfn = 0; pfn < PAGES; pfn++) {
            m.setPfn(mfn(pfn), pfn);
            poke(mfn(L1), pfn, entry(pfn, pfn > lowestTable() - 1 ? RO_PAGE : RW_PAGE));
        }
        poke(mfn(L2), 0, entry(L1, TABLE));
        if (wide) {
            poke(mfn(L3), 0, entry(L2, TABLE));
            poke(mfn(L4), 272, entry(L3, TABLE));
        } else {
            poke(mfn(L3), 3, entry(L2, PDPTE));
        }
        for (Vcpu each : d.vcpus()) {
            int rc = each == v ? m.validateInitial(v, mfn(top())) : m.newBaseptr(each, mfn(top()));
            if (rc != 0) {
                throw new IllegalStateException(m.lastFailure().toString());
            }
            ringThree(each.cpu());
        }
    }

    private void ringThree(Cpu cpu) {
        cpu.setField(CpuState.CR0, ControlRegisters.CR0_PE | ControlRegisters.CR0_PG | ControlRegisters.CR0_WP
                | ControlRegisters.CR0_ET);
        cpu.setField(CpuState.CR4, ControlRegisters.CR4_PAE | ControlRegisters.CR4_PGE);
        cpu.setField(CpuState.EFER, ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA
                | ControlRegisters.EFER_NXE);
        cpu.setSegment(CpuState.CS, 0xe033, 0, 0xffff_ffffL, wide ? 0xa0fb : 0xc0bb);
        cpu.setSegment(CpuState.SS, 0xe02b, 0, 0xffff_ffffL, wide ? 0xc0f3 : 0xc0b3);
        cpu.updateMode();
    }

    int lowestTable() {
        return wide ? L4 : L3;
    }

    int top() {
        return wide ? L4 : L3;
    }

    long mfn(int pfn) {
        return first + pfn;
    }

    long va(int pfn) {
        return base + ((long) pfn << 12);
    }

    long entry(int pfn, long bits) {
        return mfn(pfn) << 12 | bits;
    }

    /** Stores 8 bytes in a frame as the domain builder does. */
    void poke(long mfn, int slot, long value) {
        RawMemory.put64(t.memory.hostPage(mfn) + 8L * slot, value);
        t.memory.written(mfn);
    }

    long peek(long mfn, int slot) {
        return RawMemory.get64(t.memory.hostPage(mfn) + 8L * slot);
    }

    /** Machine address of an entry. */
    long at(int pfn, int slot) {
        return (mfn(pfn) << 12) + 8L * slot;
    }

    /** The guest's own store of 8 bytes in an ordinary page. */
    void store(int pfn, int slot, long value) {
        v.cpu().mmu().write64(va(pfn) + 8L * slot, CpuState.DS, value);
    }

    // ---- hypercalls ----

    long call(int number, long... args) {
        return call(v, number, args);
    }

    long call(Vcpu vcpu, int number, long... args) {
        long[] all = java.util.Arrays.copyOf(args, 6);
        for (int rounds = 0; rounds < 100_000; rounds++) {
            HypercallContext c = new HypercallContext(vcpu, wide ? GuestAbi.X86_64 : GuestAbi.X86_32, all);
            long rc = t.table.call(c, number);
            if (!c.preempted()) {
                return rc;
            }
        }
        throw new AssertionError("the hypercall never ends");
    }

    void put(StructView s, long gva) {
        v.access().copyOut(gva, s.data(), 0, s.data().length);
    }

    StructView struct(org.xenolith.hypervisor.abi.Struct s) {
        return s.view(wide ? GuestAbi.X86_64 : GuestAbi.X86_32);
    }

    long mmuUpdate(long ptr, long value) {
        return mmuUpdate(ptr, value, SELF);
    }

    long mmuUpdate(long ptr, long value, int domids) {
        StructView u = struct(MmuUpdate.UPDATE);
        u.set("ptr", ptr);
        u.set("val", value);
        put(u, va(0));
        return call(1, va(0), 1, 0, domids);
    }

    long mmuext(int command, long a, long b) {
        StructView o = struct(MmuextOp.OP);
        o.set("cmd", command);
        o.set("arg1.mfn", a);
        o.set("arg2.src_mfn", b);
        put(o, va(0));
        return call(26, va(0), 1, 0, SELF);
    }

    long updateVa(long gva, long entry, long flags) {
        return wide
                ? call(14, gva, entry, flags)
                : call(14, gva, entry & 0xffff_ffffL, entry >>> 32, flags);
    }

    /** Remaps a page of the linear map and invalidates it. */
    long remap(int pfn, long entry) {
        return updateVa(va(pfn), entry, 2 | 4);
    }
}

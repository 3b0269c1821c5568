package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.hypervisor.hypercall.PvGuest.L1;
import static org.xenolith.hypervisor.hypercall.PvGuest.RO_PAGE;
import static org.xenolith.hypervisor.hypercall.PvGuest.RW_PAGE;
import static org.xenolith.hypervisor.hypercall.PvGuest.SELF;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.GuestFault;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.gnttab.GrantStatus;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.Descriptors;
import org.xenolith.hypervisor.pv.mm.PageTypes;

/** Reservations, exchange, grants and descriptor tables of PV guests. */
final class PvMemoryCallsTest {
    private static final int PAGE = 20;
    private static final int MEMORY_OP = 12;
    private static final int GRANT_TABLE_OP = 20;

    private final TestHost t = new TestHost();

    @AfterEach
    void close() {
        assertEquals(List.of(), PvInvariant.violations(t));
        t.host.close();
        t.close();
    }

    private static void word(PvGuest g, int page, int index, long value) {
        int n = g.wide ? 8 : 4;
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) {
            b[i] = (byte) (value >>> 8 * i);
        }
        g.v.access().copyOut(g.va(page) + (long) n * index, b, 0, n);
    }

    private static long word(PvGuest g, int page, int index) {
        byte[] b = new byte[g.wide ? 8 : 4];
        g.v.access().copyIn(g.va(page) + (long) b.length * index, b);
        long v = 0;
        for (int i = b.length - 1; i >= 0; i--) {
            v = v << 8 | b[i] & 0xff;
        }
        return v;
    }

    private static long reservation(PvGuest g, int command, int count, int order) {
        StructView r = g.struct(MemoryOp.RESERVATION);
        r.set("extent_start", g.va(1));
        r.set("nr_extents", count);
        r.set("extent_order", order);
        r.set("domid", SELF);
        g.put(r, g.va(0));
        return g.call(MEMORY_OP, command, g.va(0));
    }

    private static StructView get(PvGuest g, Struct s) {
        StructView v = g.struct(s);
        g.v.access().copyIn(g.va(0), v.data());
        return v;
    }

    // ---- reservation ----

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_balloon_gives_frames_back_and_gets_others(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        assertEquals(PvGuest.PAGES, g.call(MEMORY_OP, 3, domid(g)));
        assertEquals(0, g.remap(PAGE, 0));
        word(g, 1, 0, g.mfn(PAGE));
        assertEquals(1, reservation(g, 1, 1, 0));
        assertEquals(PvGuest.PAGES - 1, g.call(MEMORY_OP, 3, domid(g)));
        assertEquals(-1L, g.m.pfn(g.mfn(PAGE)));
        word(g, 1, 0, PAGE);
        assertEquals(1, reservation(g, 6, 1, 0));
        long fresh = word(g, 1, 0);
        assertEquals(PAGE, g.m.pfn(fresh));
        assertEquals(0, g.remap(PAGE, fresh << 12 | RW_PAGE));
        assertEquals(PvGuest.PAGES, g.call(MEMORY_OP, 3, domid(g)));
        assertEquals(1, reservation(g, 0, 1, 1));
        assertEquals(-1L, g.m.pfn(word(g, 1, 0)));
    }

    private static long domid(PvGuest g) {
        word(g, 0, 0, SELF);
        return g.va(0);
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void no_domain_gets_more_than_its_limit(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        for (int i = 0; i < 20; i++) {
            word(g, 1, i, 1000 + i);
        }
        assertEquals(16, reservation(g, 6, 20, 0));
        assertEquals(0, reservation(g, 0, 1, 0));
        assertEquals(0, reservation(g, 6, 1, 10), "beyond the largest order");
        assertEquals(2, t.host.refusals().get("memory:over_maximum"));
        assertEquals(PvGuest.PAGES + 16, g.d.totalPages());
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void only_own_frames_can_be_given_back(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        PvGuest other = new PvGuest(t, abi);
        for (long mfn : new long[]{0, other.mfn(PAGE), 0x7fff_ffff, t.host.frames().frames() - 1}) {
            word(g, 1, 0, mfn);
            assertEquals(0, reservation(g, 1, 1, 0));
        }
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void exchange_gives_adjacent_frames_for_single_ones(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        int[] pages = {20, 25, 30, 35};
        for (int i = 0; i < pages.length; i++) {
            assertEquals(0, g.remap(pages[i], 0));
            word(g, 1, i, g.mfn(pages[i]));
        }
        word(g, 2, 0, 500);
        StructView e = exchange(g, 4, 0, 1, 2);
        assertEquals(0, g.call(MEMORY_OP, 11, g.va(0)));
        assertEquals(4, get(g, PvMemoryOp.EXCHANGE).get("nr_exchanged"));
        long first = word(g, 2, 0);
        assertEquals(0, first & 3);
        for (int i = 0; i < 4; i++) {
            assertEquals(500 + i, g.m.pfn(first + i));
            assertTrue(g.m.owns(first + i));
        }
        assertFalse(g.m.owns(g.mfn(25)));
        assertEquals(PvGuest.PAGES, g.d.totalPages());
        g.put(e, g.va(0));
        assertEquals(-Errno.EINVAL, g.call(MEMORY_OP, 11, g.va(0)), "the frames are no longer the guest's");
    }

    private static StructView exchange(PvGuest g, int inCount, int inOrder, int outCount, int outOrder) {
        StructView e = g.struct(PvMemoryOp.EXCHANGE);
        e.set("in.extent_start", g.va(1));
        e.set("in.nr_extents", inCount);
        e.set("in.extent_order", inOrder);
        e.set("in.domid", SELF);
        e.set("out.extent_start", g.va(2));
        e.set("out.nr_extents", outCount);
        e.set("out.extent_order", outOrder);
        e.set("out.domid", SELF);
        g.put(e, g.va(0));
        return e;
    }

    @Test
    void a_frame_in_use_or_named_twice_is_not_exchanged() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        word(g, 1, 0, g.mfn(PAGE));
        exchange(g, 1, 0, 1, 0);
        assertEquals(-Errno.EINVAL, g.call(MEMORY_OP, 11, g.va(0)), "it is mapped");
        assertEquals(0, g.remap(PAGE, 0));
        word(g, 1, 1, g.mfn(PAGE));
        exchange(g, 2, 0, 1, 1);
        assertEquals(-Errno.EINVAL, g.call(MEMORY_OP, 11, g.va(0)), "the same twice");
        word(g, 1, 0, g.mfn(L1));
        exchange(g, 1, 0, 1, 0);
        assertEquals(-Errno.EINVAL, g.call(MEMORY_OP, 11, g.va(0)), "a page table");
        exchange(g, 3, 0, 1, 1);
        assertEquals(-Errno.EINVAL, g.call(MEMORY_OP, 11, g.va(0)), "sums differ");
        exchange(g, 1, 10, 1, 10);
        assertEquals(-Errno.EPERM, g.call(MEMORY_OP, 11, g.va(0)), "too large");
        assertTrue(g.m.owns(g.mfn(PAGE)));
    }

    @ParameterizedTest
    @CsvSource({"X86_64, 0xffff800000000000, 0xffff804000000000, 34359738367",
        "X86_32, 0xf5800000, 0xffe00000, 43515903"})
    void the_guest_is_told_where_the_machine_to_physical_table_is(GuestAbi abi, String start, String end, long max) {
        PvGuest g = new PvGuest(t, abi);
        assertEquals(0, g.call(MEMORY_OP, 12, g.va(0)));
        StructView v = get(g, PvMemoryOp.MACHPHYS_MAPPING);
        assertEquals(Long.parseUnsignedLong(start.substring(2), 16), v.get("v_start"));
        assertEquals(Long.parseUnsignedLong(end.substring(2), 16), v.get("v_end"));
        assertEquals(max, v.get("max_mfn"));
    }

    @Test
    void the_local_apic_does_not_hide_a_machine_frame() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        g.v.pv().resetProcessor(g.v.cpu());
        assertFalse(g.v.cpu().apic().mapped(0xfee00));
    }

    @Test
    void calls_on_a_physmap_are_not_for_pv_guests() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        assertEquals(-Errno.EACCES, g.call(MEMORY_OP, 7, g.va(0)));
    }

    // ---- grants ----

    private static long map(PvGuest g, PvGuest from, int ref, int flags, long hostAddr) {
        StructView m = g.struct(GrantTableOp.MAP);
        m.set("host_addr", hostAddr);
        m.set("flags", flags);
        m.set("ref", ref);
        m.set("dom", from.d.domid());
        g.put(m, g.va(0));
        assertEquals(0, g.call(GRANT_TABLE_OP, 0, g.va(0), 1));
        return (short) get(g, GrantTableOp.MAP).get("status");
    }

    private static long unmap(PvGuest g, int operation, long hostAddr, long newAddr, int handle) {
        StructView m = g.struct(GrantTableOp.UNMAP_AND_REPLACE);
        m.set("host_addr", hostAddr);
        m.set("new_addr", newAddr);
        m.set("handle", handle);
        g.put(m, g.va(0));
        assertEquals(0, g.call(GRANT_TABLE_OP, operation, g.va(0), 1));
        return (short) get(g, GrantTableOp.UNMAP_AND_REPLACE).get("status");
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_grant_is_mapped_by_linear_address_and_by_entry(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        PvGuest other = new PvGuest(t, abi);
        other.d.grants().grant(8, g.d.domid(), other.mfn(30));
        other.store(30, 0, 4711);
        assertEquals(GrantStatus.OKAY, map(g, other, 8, 2, g.va(PAGE)));
        assertEquals(4711, g.v.cpu().mmu().read64(g.va(PAGE), CpuState.DS));
        g.store(PAGE, 0, 815);
        assertEquals(815, other.v.cpu().mmu().read64(other.va(30), CpuState.DS));
        assertEquals(GrantStatus.OKAY, map(g, other, 8, 2 | 4 | 16, g.at(L1, 21)));
        assertEquals(815, g.v.cpu().mmu().read64(g.va(21), CpuState.DS));
        assertThrows(GuestFault.class, () -> g.store(21, 0, 1));
        assertEquals(GrantStatus.GENERAL_ERROR, unmap(g, 1, g.va(22), 0, 0));
        assertEquals(GrantStatus.OKAY, unmap(g, 1, g.va(PAGE), 0, 0));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().read64(g.va(PAGE), CpuState.DS));
        assertEquals(GrantStatus.BAD_HANDLE, unmap(g, 1, g.va(PAGE), 0, 0));
        assertEquals(GrantStatus.OKAY, unmap(g, 1, g.at(L1, 21), 0, 1));
        assertEquals(0, other.d.grants().activeCount());
        assertEquals(2, t.host.frames().references(other.mfn(30)));
    }

    @Test
    void unmap_and_replace_moves_another_mapping_there() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        PvGuest other = new PvGuest(t, GuestAbi.X86_32);
        other.d.grants().grant(8, g.d.domid(), other.mfn(30));
        assertEquals(GrantStatus.OKAY, map(g, other, 8, 2, g.va(PAGE)));
        g.store(21, 0, 99);
        assertEquals(GrantStatus.OKAY, unmap(g, 7, g.va(PAGE), g.va(21), 0));
        assertEquals(99, g.v.cpu().mmu().read64(g.va(PAGE), CpuState.DS));
        assertEquals(0, g.peek(g.mfn(L1), 21));
    }

    @Test
    void a_page_table_cannot_be_granted_for_writing_nor_a_granted_page_become_one() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        PvGuest other = new PvGuest(t, GuestAbi.X86_64);
        other.d.grants().grant(8, g.d.domid(), other.mfn(L1));
        assertEquals(GrantStatus.GENERAL_ERROR, map(g, other, 8, 2, g.va(PAGE)));
        assertEquals(GrantStatus.OKAY, map(g, other, 8, 2 | 4, g.va(PAGE)));
        other.d.grants().grant(9, g.d.domid(), other.mfn(30));
        assertEquals(GrantStatus.OKAY, map(g, other, 9, 2, g.va(21)));
        assertEquals(0, other.remap(30, other.entry(30, RO_PAGE)));
        assertEquals(-Errno.EINVAL, other.mmuext(0, other.mfn(30), 0));
        assertEquals(GrantStatus.OKAY, unmap(g, 1, g.va(21), 0, 1));
        assertEquals(0, other.mmuext(0, other.mfn(30), 0));
    }

    @Test
    void a_grant_is_not_mapped_into_a_page_that_is_no_table() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        PvGuest other = new PvGuest(t, GuestAbi.X86_64);
        other.d.grants().grant(8, g.d.domid(), other.mfn(30));
        for (long at : new long[]{g.at(PAGE, 0), g.at(PvGuest.L2, 5), other.at(L1, 5), g.at(L1, 5) + 4, -8L, 8}) {
            assertEquals(GrantStatus.GENERAL_ERROR, map(g, other, 8, 2 | 16, at), () -> Long.toHexString(at));
        }
        assertEquals(GrantStatus.GENERAL_ERROR, map(g, other, 8, 2, 0x1000));
        assertEquals(0, other.d.grants().activeCount());
    }

    @Test
    void a_pv_guest_maps_what_a_guest_with_a_physmap_grants_and_keeps_it_when_that_ends() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        Domain hvm = t.domain(1);
        hvm.write32(0x50_000, 4711);
        hvm.grants().grant(8, g.d.domid(), 0x50);
        StructView m = g.struct(GrantTableOp.MAP);
        m.set("host_addr", g.va(PAGE));
        m.set("flags", 2);
        m.set("ref", 8);
        m.set("dom", hvm.domid());
        g.put(m, g.va(0));
        assertEquals(0, g.call(GRANT_TABLE_OP, 0, g.va(0), 1));
        hvm.destroy();
        assertEquals(4711, g.v.cpu().mmu().read32(g.va(PAGE), CpuState.DS));
        assertEquals(GrantStatus.OKAY, unmap(g, 1, g.va(PAGE), 0, 0));
    }

    @Test
    void the_guest_maps_its_own_grant_table() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        StructView s = g.struct(GrantTableOp.SETUP_TABLE);
        s.set("dom", SELF);
        s.set("nr_frames", 2);
        s.set("frame_list", g.va(1));
        g.put(s, g.va(0));
        assertEquals(0, g.call(GRANT_TABLE_OP, 2, g.va(0), 1));
        assertEquals(0, (short) get(g, GrantTableOp.SETUP_TABLE).get("status"));
        assertEquals(0, g.remap(PAGE, word(g, 1, 1) << 12 | RW_PAGE));
        g.store(PAGE, 0, 1);
        assertEquals(-Errno.EINVAL, g.mmuext(0, word(g, 1, 1), 0));
    }

    private static long transfer(PvGuest g, long mfn, int domid, int ref) {
        StructView v = g.struct(GrantTableOp.TRANSFER);
        v.set("mfn", mfn);
        v.set("domid", domid);
        v.set("ref", ref);
        g.put(v, g.va(0));
        assertEquals(0, g.call(GRANT_TABLE_OP, 4, g.va(0), 1));
        return (short) get(g, GrantTableOp.TRANSFER).get("status");
    }

    @Test
    void a_frame_is_transferred_to_a_domain_that_accepts_it() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        PvGuest other = new PvGuest(t, GuestAbi.X86_32);
        long table = t.memory.hostPage(other.d.grants().sharedFrame(0));
        org.xenolith.memory.RawMemory.put32(table + 8 * 8, 2 | g.d.domid() << 16);
        g.store(PAGE, 0, 4711);
        assertEquals(GrantStatus.BAD_PAGE, transfer(g, g.mfn(PAGE), other.d.domid(), 8), "it is mapped");
        assertEquals(0, g.remap(PAGE, 0));
        assertEquals(GrantStatus.BAD_PAGE, transfer(g, other.mfn(PAGE), other.d.domid(), 8));
        assertEquals(GrantStatus.GENERAL_ERROR, transfer(g, g.mfn(PAGE), other.d.domid(), 9), "not accepted");
        assertEquals(GrantStatus.BAD_DOMAIN, transfer(g, g.mfn(PAGE), 77, 8));
        assertEquals(GrantStatus.OKAY, transfer(g, g.mfn(PAGE), other.d.domid(), 8));
        assertEquals(2 | 4 | 8, other.d.grants().version() == 1
                ? org.xenolith.memory.RawMemory.get16(table + 8 * 8)
                : -1);
        assertEquals(g.mfn(PAGE), org.xenolith.memory.RawMemory.get32(table + 8 * 8 + 4));
        assertEquals(0, other.remap(PAGE, g.entry(PAGE, RW_PAGE)));
        assertEquals(4711, other.v.cpu().mmu().read64(other.va(PAGE), CpuState.DS));
        assertEquals(-Errno.EBUSY, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertEquals(PvGuest.PAGES - 1, g.d.totalPages());
        assertEquals(PvGuest.PAGES + 1, other.d.totalPages());
    }

    // ---- descriptors ----

    @ParameterizedTest
    @CsvSource({
        // code, data, not present, LDT, TSS, call gate to a guest selector, to a selector of the hypervisor
        "00cf9b000000ffff, true, 00cffb000000ffff, true, 00cfbb000000ffff",
        "00af9b000000ffff, true, 00affb000000ffff, false, 0",
        "00cff3000000ffff, true, 00cff3000000ffff, true, 00cff3000000ffff",
        "00000000deadbeef, true, 00000000deadbeef, true, 00000000deadbeef",
        "0000820000000067, false, 0, false, 0",
        "0000890000000067, false, 0, false, 0",
        "12348c0000105678, true, 12348c0000135678, true, 12348c0000115678",
        "12348c00e0085678, false, 0, false, 0",
        "12348c01e0335678, false, 0, false, 0",
        "12348e0000105678, false, 0, false, 0",
        "000080000000ffff, true, 000080000000ffff, true, 000080000000ffff",
        "00cf9b000000ff5f, true, 00cffb000000ff5f, true, 00cfbb000000ffff"})
    void descriptor_rules(String raw, boolean in64, String fixed64, boolean in32, String fixed32) {
        long d = Long.parseUnsignedLong(raw, 16);
        assertEquals(in64, Descriptors.allowed(d, true));
        assertEquals(in32, Descriptors.allowed(d, false));
        if (in64) {
            assertEquals(fixed64, String.format("%016x", Descriptors.fix(d, true)));
        }
        if (in32) {
            assertEquals(fixed32, String.format("%016x", Descriptors.fix(d, false)));
        }
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_gdt_is_checked_shown_to_the_cpu_and_read_only_while_it_is_in_use(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        g.store(PAGE, 5, 0x00cf_9b00_0000_ffffL);
        assertEquals(-Errno.EINVAL, g.m.setGdt(g.v, new long[]{g.mfn(PAGE)}, 100), "mapped writable");
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertEquals(0, g.m.setGdt(g.v, new long[]{g.mfn(PAGE)}, 100));
        long raised = g.wide ? 0x00cf_fb00_0000_ffffL : 0x00cf_bb00_0000_ffffL;
        assertEquals(raised, g.v.cpu().mmu().readSystem(g.m.gdtBase(g.v) + 5 * 8, 64));
        assertEquals(0x00cf_f300_0000_ffffL,
                g.v.cpu().mmu().readSystem(g.m.gdtBase(g.v) + (g.wide ? 0xe028 : 0xe030), 64));
        assertEquals(0, g.v.cpu().mmu().readSystem(g.m.gdtBase(g.v) + 0x5000, 64));
        assertEquals(-Errno.EBUSY, g.remap(PAGE, g.entry(PAGE, RW_PAGE)));
        assertEquals(0, g.m.updateDescriptor(g.at(PAGE, 6), 0x00cf_9300_0000_ffffL));
        assertEquals(-Errno.EINVAL, g.m.updateDescriptor(g.at(PAGE, 6), 0x0000_8900_0000_0067L));
        assertEquals(-Errno.EINVAL, g.m.updateDescriptor(g.at(PAGE, 6) + 4, 0));
        assertEquals(-Errno.EINVAL, g.m.updateDescriptor(g.at(L1, 6), 0));
        assertEquals(-Errno.EINVAL, g.m.setGdt(g.v, new long[]{g.mfn(PAGE)}, 7169));
        assertEquals(0, g.m.setGdt(g.v, new long[0], 0));
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RW_PAGE)));
        assertEquals(PageTypes.WRITABLE, g.m.types().type(g.mfn(PAGE)));
    }

    @Test
    void a_gdt_with_a_system_segment_is_refused() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        g.store(PAGE, 511, 0x0000_8900_0000_0067L);
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertEquals(-Errno.EINVAL, g.m.setGdt(g.v, new long[]{g.mfn(PAGE)}, 100));
        assertTrue(g.m.lastFailure().toString().contains("segment descriptor"), g.m.lastFailure().toString());
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void an_ldt_is_mapped_page_by_page_when_it_is_used(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        g.store(PAGE + 1, 0, 0x00cf_fb00_0000_ffffL);
        assertEquals(0, g.remap(PAGE + 1, g.entry(PAGE + 1, RO_PAGE)));
        assertEquals(0, g.mmuext(13, g.va(PAGE), 1024));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().readSystem(g.m.ldtBase(g.v) + 0x1000, 64));
        assertFalse(g.m.mapLdtPage(g.v, 0x2000), "beyond the limit");
        assertFalse(g.m.mapLdtPage(g.v, 0), "mapped writable");
        assertTrue(g.m.mapLdtPage(g.v, 0x1008));
        assertEquals(0x00cf_fb00_0000_ffffL, g.v.cpu().mmu().readSystem(g.m.ldtBase(g.v) + 0x1000, 64));
        assertEquals(-Errno.EBUSY, g.remap(PAGE + 1, g.entry(PAGE + 1, RW_PAGE)));
        assertEquals(0, g.mmuext(13, 0, 0));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().readSystem(g.m.ldtBase(g.v) + 0x1000, 64));
        assertEquals(0, g.remap(PAGE + 1, g.entry(PAGE + 1, RW_PAGE)));
    }

    @Test
    void a_pin_checks_each_table_once_however_often_it_is_named_and_a_failed_one_leaves_nothing() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        int[] tables = {PAGE, PAGE + 1, PAGE + 2, PAGE + 3};
        for (int level = 1; level <= 4; level++) {
            int table = tables[level - 1];
            for (int slot = 0; slot < 512; slot++) {
                g.store(table, slot, level == 1 ? 0 : g.entry(tables[level - 2], PvGuest.TABLE));
            }
        }
        for (int table : tables) {
            assertEquals(0, g.remap(table, g.entry(table, RO_PAGE)));
        }
        long before = g.m.work();
        assertEquals(0, g.mmuext(3, g.mfn(PAGE + 3), 0));
        assertEquals(4 * 512, g.m.work() - before);
        assertEquals(0, g.mmuext(4, g.mfn(PAGE + 3), 0));
        assertEquals(8 * 512, g.m.work() - before);
        // the last entry that is looked at is for a page that is no table
        assertEquals(0, g.remap(PAGE + 3, g.entry(PAGE + 3, RW_PAGE)));
        g.store(PAGE + 3, 511, g.entry(PAGE + 4, PvGuest.TABLE));
        assertEquals(0, g.remap(PAGE + 3, g.entry(PAGE + 3, RO_PAGE)));
        before = g.m.work();
        assertEquals(-Errno.EINVAL, g.mmuext(3, g.mfn(PAGE + 3), 0));
        assertTrue(g.m.work() - before <= 8 * 512, () -> "work " + g.m.work());
        for (int table : tables) {
            assertEquals(0, g.remap(table, g.entry(table, RW_PAGE)));
        }
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void an_ldt_page_that_the_guest_unmaps_is_free_for_another_use(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertEquals(0, g.mmuext(13, g.va(PAGE), 10));
        assertTrue(g.m.mapLdtPage(g.v, 0));
        assertEquals(0, g.remap(PAGE, 0));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().readSystem(g.m.ldtBase(g.v), 64));
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RW_PAGE)));
        assertEquals(10, g.m.ldtEntries(g.v));
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_domain_for_which_there_is_no_room_takes_nothing(GuestAbi abi) {
        Domain first = t.host.createDomain(DomainConfig.of("first", TestHost.HANDLE, 1, 16).withPv(abi));
        int before = t.host.frames().freeFrames();
        t.host.createDomain(DomainConfig.of("second", TestHost.HANDLE, 20, 16).withPv(abi));
        int each = before - t.host.frames().freeFrames();
        while (t.host.frames().freeFrames() >= each) {
            t.host.frames().allocate(FrameTable.XEN);
        }
        assertEquals(each - 1, t.host.frames().freeFrames());
        assertThrows(ErrnoException.class,
                () -> t.host.createDomain(DomainConfig.of("third", TestHost.HANDLE, 20, 16).withPv(abi)));
        assertEquals(each - 1, t.host.frames().freeFrames());
        assertEquals(first, t.host.domain(first.domid()));
    }

    @Test
    void a_domid_is_not_given_again_while_frames_of_its_last_domain_are_in_use() {
        Domain old = t.host.createDomain(DomainConfig.of("old", TestHost.HANDLE, 1, 16));
        long mfn = old.allocateUnmapped(0);
        t.host.frames().get(mfn);
        old.destroy();
        assertEquals(old.domid(), t.host.frames().owner(mfn));
        List<Long> taken = new java.util.ArrayList<>();
        while (t.host.frames().freeFrames() > 1) {
            taken.add(t.host.frames().allocate(FrameTable.XEN));
        }
        // each attempt uses a domid up
        for (int i = 2; i < 0x7ff0; i++) {
            assertThrows(ErrnoException.class,
                    () -> t.host.createDomain(DomainConfig.of("none", TestHost.HANDLE, 1, 16)));
        }
        taken.forEach(t.host.frames()::put);
        Domain fresh = t.host.createDomain(DomainConfig.of("fresh", TestHost.HANDLE, 1, 16));
        assertEquals(old.domid() + 1, fresh.domid());
        t.host.frames().put(mfn);
    }

    @Test
    void a_page_of_vcpu_info_stays_writable_and_no_table_becomes_one() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64, 2);
        StructView v = g.struct(VcpuOp.REGISTER_VCPU_INFO);
        v.set("mfn", g.mfn(L1));
        g.put(v, g.va(0));
        assertTrue(g.call(24, 10, 1, g.va(0)) < 0);
        v.set("mfn", g.mfn(PAGE));
        g.put(v, g.va(0));
        assertEquals(0, g.call(24, 10, 1, g.va(0)));
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertEquals(-Errno.EINVAL, g.mmuext(0, g.mfn(PAGE), 0));
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.hypervisor.hypercall.PvGuest.L1;
import static org.xenolith.hypervisor.hypercall.PvGuest.L2;
import static org.xenolith.hypervisor.hypercall.PvGuest.L3;
import static org.xenolith.hypervisor.hypercall.PvGuest.L4;
import static org.xenolith.hypervisor.hypercall.PvGuest.RO_PAGE;
import static org.xenolith.hypervisor.hypercall.PvGuest.RW_PAGE;
import static org.xenolith.hypervisor.hypercall.PvGuest.TABLE;

import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.GuestFault;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.pv.mm.PageTypes;
import org.xenolith.hypervisor.pv.mm.PvFailure;

/** What a PV guest may and may not do to its page tables, call by call; after each case everything is looked through. */
final class PvPageTablesTest {
    private static final int PIN_L1 = 0;
    private static final int PIN_L2 = 1;
    private static final int PIN_L3 = 2;
    private static final int PIN_L4 = 3;
    private static final int UNPIN = 4;
    private static final int NEW_BASEPTR = 5;
    private static final int NEW_USER_BASEPTR = 15;
    private static final int CLEAR_PAGE = 16;
    private static final int COPY_PAGE = 17;
    /** An ordinary page that cases work on. */
    private static final int PAGE = 20;

    private final TestHost t = new TestHost();

    @AfterEach
    void close() {
        assertEquals(List.of(), PvInvariant.violations(t));
        t.host.close();
        t.close();
    }

    /** One rule: what is done, and the error that comes of it (0 for none). */
    private record Rule(String name, ToLongFunction<PvGuest> action, int errno) {
        @Override
        public String toString() {
            return name + " -> " + errno;
        }
    }

    private static Rule rule(String name, int errno, ToLongFunction<PvGuest> action) {
        return new Rule(name, action, errno);
    }

    /** Makes a page read-only in the linear map, so that it can become a table. */
    private static void readOnly(PvGuest g, int pfn) {
        assertEquals(0, g.remap(pfn, g.entry(pfn, RO_PAGE)));
    }

    /** A page table of a level with one entry. */
    private static long table(PvGuest g, int pfn, int slot, long entry) {
        g.store(pfn, slot, entry);
        readOnly(g, pfn);
        return g.mfn(pfn);
    }

    /** A frame of the hypervisor: the first one of the M2P. */
    private static long xen(PvGuest g) {
        return g.t.host.machineToPhys().extents(!g.wide)[0];
    }

    private static Stream<Rule> bothAbis() {
        return Stream.of(
                rule("pin an empty level 1 table", 0, g -> g.mmuext(PIN_L1, table(g, PAGE, 0, 0), 0)),
                rule("pin twice", Errno.EINVAL, g -> g.mmuext(PIN_L1, table(g, PAGE, 0, 0), 0)
                        + g.mmuext(PIN_L1, g.mfn(PAGE), 0)),
                rule("pin and unpin", 0, g -> g.mmuext(PIN_L1, table(g, PAGE, 0, 0), 0)
                        + g.mmuext(UNPIN, g.mfn(PAGE), 0)),
                rule("unpin what is not pinned", Errno.EINVAL, g -> g.mmuext(UNPIN, g.mfn(PAGE), 0)),
                rule("unpin a table that is in use but not pinned", Errno.EINVAL,
                        g -> g.mmuext(UNPIN, g.mfn(L1), 0)),
                rule("pin a page that is mapped writable", Errno.EINVAL, g -> g.mmuext(PIN_L1, g.mfn(PAGE), 0)),
                rule("pin a level 1 table as level 2", Errno.EINVAL, g -> g.mmuext(PIN_L2, g.mfn(L1), 0)),
                rule("pin a frame of the hypervisor", Errno.EINVAL, g -> g.mmuext(PIN_L1, xen(g), 0)),
                rule("pin a free frame", Errno.EINVAL, g -> g.mmuext(PIN_L1, g.t.host.frames().frames() - 1, 0)),
                rule("pin outside machine memory", Errno.EINVAL, g -> g.mmuext(PIN_L1, 0x7fff_ffff, 0)),
                rule("pin another domain's frame", Errno.EINVAL,
                        g -> g.mmuext(PIN_L1, new PvGuest(g.t, GuestAbi.X86_64).mfn(PAGE), 0)),
                rule("pin a level 1 table that maps itself writable", Errno.EBUSY,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, g.entry(PAGE, RW_PAGE)), 0)),
                rule("pin a level 1 table that maps itself read-only", 0,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, g.entry(PAGE, RO_PAGE)), 0)),
                rule("pin a level 1 table that maps another table writable", Errno.EBUSY,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, g.entry(L1, RW_PAGE)), 0)),
                rule("pin a level 1 table with a cache attribute", Errno.EINVAL,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, g.entry(21, RW_PAGE | 0x10)), 0)),
                rule("pin a level 1 table that maps no RAM", Errno.EPERM,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, 0xf_0000_0000L | RW_PAGE), 0)),
                rule("pin a level 1 table that maps the frame of all ones", Errno.EINVAL,
                        g -> g.mmuext(PIN_L1, table(g, PAGE, 5, 0x000f_ffff_ffff_f000L | RW_PAGE), 0)),
                rule("pin a level 1 table that maps a free frame", Errno.EBUSY, g -> g.mmuext(PIN_L1,
                        table(g, PAGE, 5, (long) (g.t.host.frames().frames() - 1) << 12 | RO_PAGE), 0)),
                rule("pin a level 2 table with a large page", Errno.EINVAL,
                        g -> g.mmuext(PIN_L2, table(g, PAGE, 5, g.entry(0, TABLE | 0x80)), 0)),
                rule("pin a level 2 table with an ordinary writable page as table", Errno.EINVAL,
                        g -> g.mmuext(PIN_L2, table(g, PAGE, 5, g.entry(21, TABLE)), 0)),
                rule("pin a level 2 table that names itself writable", Errno.EINVAL,
                        g -> g.mmuext(PIN_L2, table(g, PAGE, 5, g.entry(PAGE, TABLE)), 0)),
                rule("pin a level 2 table that names itself read-only", 0,
                        g -> g.mmuext(PIN_L2, table(g, PAGE, 5, g.entry(PAGE, TABLE & ~2)), 0)),
                rule("pin a level 2 table that names a pinned level 2 table read-only", 0, g -> {
                    long other = table(g, 21, 0, 0);
                    return g.mmuext(PIN_L2, other, 0)
                            + g.mmuext(PIN_L2, table(g, PAGE, 5, other << 12 | TABLE & ~2), 0);
                }),
                rule("nest linear tables", Errno.EINVAL, g -> {
                    long a = table(g, 21, 0, 0);
                    assertEquals(0, g.mmuext(PIN_L2, a, 0));
                    long b = table(g, 22, 0, a << 12 | TABLE & ~2);
                    assertEquals(0, g.mmuext(PIN_L2, b, 0));
                    return g.mmuext(PIN_L2, table(g, 23, 0, b << 12 | TABLE & ~2), 0);
                }),
                rule("map a page read-only", 0, g -> g.remap(PAGE, g.entry(21, RO_PAGE))),
                rule("map a page writable twice", 0, g -> g.remap(PAGE, g.entry(21, RW_PAGE))),
                rule("map a level 1 table writable", Errno.EBUSY, g -> g.remap(PAGE, g.entry(L1, RW_PAGE))),
                rule("map a level 2 table writable", Errno.EBUSY, g -> g.remap(PAGE, g.entry(L2, RW_PAGE))),
                rule("map a level 3 table writable", Errno.EBUSY, g -> g.remap(PAGE, g.entry(L3, RW_PAGE))),
                rule("give a read-only mapping of a table write rights", Errno.EBUSY,
                        g -> g.remap(L1, g.entry(L1, RW_PAGE))),
                rule("map nothing", 0, g -> g.remap(PAGE, 0)),
                rule("not-present entries may hold anything", 0, g -> g.remap(PAGE, -2L)),
                rule("map the M2P's frame writable", Errno.EBUSY,
                        g -> g.remap(PAGE, xen(g) << 12 | RW_PAGE)),
                rule("map the M2P's frame read-only", Errno.EBUSY,
                        g -> g.remap(PAGE, xen(g) << 12 | RO_PAGE)),
                rule("map shared_info writable", 0,
                        g -> g.remap(PAGE, g.d.sharedInfo().page().mfn() << 12 | RW_PAGE)),
                rule("pin shared_info", Errno.EINVAL, g -> g.mmuext(PIN_L1, g.d.sharedInfo().page().mfn(), 0)),
                rule("map another domain's frame", Errno.EBUSY,
                        g -> g.remap(PAGE, new PvGuest(g.t, GuestAbi.X86_64).entry(PAGE, RO_PAGE))),
                rule("update without a level 1 table there", Errno.EINVAL,
                        g -> g.updateVa(g.wide ? 0x40_0000 : 0x4000_0000, g.entry(PAGE, RO_PAGE), 0)),
                rule("update in the hypervisor's hole", Errno.EINVAL,
                        g -> g.updateVa(g.wide ? 0xffff_8000_0000_0000L : 0xf580_0000L, 0, 0)),
                rule("update a level 1 entry by machine address", 0,
                        g -> g.mmuUpdate(g.at(L1, PAGE), g.entry(PAGE, RO_PAGE))),
                rule("update with a command that is none", Errno.ENOSYS,
                        g -> g.mmuUpdate(g.at(L1, PAGE) | 4, g.entry(PAGE, RO_PAGE))),
                rule("update an ordinary page", 0, g -> g.mmuUpdate(g.at(PAGE, 7), -1L)),
                rule("update a frame of the hypervisor", Errno.EINVAL, g -> g.mmuUpdate(xen(g) << 12, 0)),
                rule("update outside machine memory", Errno.EINVAL, g -> g.mmuUpdate(-8L, 0)),
                rule("install a level 1 table", 0,
                        g -> g.mmuUpdate(g.at(L2, 1), table(g, PAGE, 0, 0) << 12 | TABLE)),
                rule("install a writable page as level 1 table", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L2, 1), g.entry(PAGE, TABLE))),
                rule("install a level 3 table as level 1 table", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L2, 1), g.entry(L3, TABLE))),
                rule("install a level 1 table twice", 0, g -> g.mmuUpdate(g.at(L2, 1), g.entry(L1, TABLE))),
                rule("install a large page", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L2, 1), g.entry(0, TABLE | 0x80))),
                rule("a table of the table's own level, writable", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L2, 1), g.entry(L2, TABLE))),
                rule("a table of the table's own level, read-only", 0,
                        g -> g.mmuUpdate(g.at(L2, 1), g.entry(L2, TABLE & ~2))),
                rule("machine-to-physical entry of an own frame", 0,
                        g -> g.mmuUpdate(g.mfn(PAGE) << 12 | 1, 4711)),
                rule("machine-to-physical entry of a frame of the hypervisor", Errno.EINVAL,
                        g -> g.mmuUpdate(xen(g) << 12 | 1, 4711)),
                rule("for a domain that does not exist", Errno.ESRCH,
                        g -> g.mmuUpdate(g.at(L1, PAGE), 0, 77)),
                rule("for the control domain", Errno.EPERM, g -> g.mmuUpdate(g.at(L1, PAGE), 0, 0)),
                rule("for itself by number", Errno.ESRCH, g -> g.mmuUpdate(g.at(L1, PAGE), 0, g.d.domid())),
                rule("tables of another domain", Errno.EPERM, g -> {
                    PvGuest o = new PvGuest(g.t, GuestAbi.X86_64);
                    return g.mmuUpdate(o.at(L1, PAGE), 0, o.d.domid() + 1 << 16 | PvGuest.SELF);
                }),
                rule("own tables by number", 0,
                        g -> g.mmuUpdate(g.at(L1, PAGE), 0, g.d.domid() + 1 << 16 | PvGuest.SELF)),
                rule("RAM as a device", Errno.EBUSY,
                        g -> g.mmuUpdate(g.at(L1, PAGE), g.entry(21, RO_PAGE), 0x7ff1)),
                rule("a device", Errno.EPERM, g -> g.mmuUpdate(g.at(L1, PAGE), 0xfee0_0000L | RO_PAGE, 0x7ff1)),
                rule("clear a page", 0, g -> g.mmuext(CLEAR_PAGE, g.mfn(PAGE), 0)),
                rule("clear a page table", Errno.EINVAL, g -> g.mmuext(CLEAR_PAGE, g.mfn(L1), 0)),
                rule("clear another's page", Errno.EINVAL, g -> g.mmuext(CLEAR_PAGE, xen(g), 0)),
                rule("copy a page", 0, g -> g.mmuext(COPY_PAGE, g.mfn(PAGE), g.mfn(L1))),
                rule("copy to a page table", Errno.EINVAL, g -> g.mmuext(COPY_PAGE, g.mfn(L1), g.mfn(PAGE))),
                rule("copy from another's page", Errno.EINVAL, g -> g.mmuext(COPY_PAGE, g.mfn(PAGE), xen(g))),
                rule("mark a superpage", Errno.EOPNOTSUPP, g -> g.mmuext(19, g.mfn(0), 0)),
                rule("unmark a superpage", Errno.EOPNOTSUPP, g -> g.mmuext(20, g.mfn(0), 0)),
                rule("flush caches", Errno.EACCES, g -> g.mmuext(12, 0, 0)),
                rule("flush all caches", Errno.EINVAL, g -> g.mmuext(18, 0, 0)),
                rule("flush the TLB", 0, g -> g.mmuext(6, 0, 0)),
                rule("flush a page from the TLB", 0, g -> g.mmuext(7, -1L, 0)),
                rule("flush the TLBs of a set of vCPUs", 0, g -> g.mmuext(8, 0, g.va(1))),
                rule("flush the TLBs of a set that cannot be read", Errno.EINVAL, g -> g.mmuext(8, 0, 0x1000)),
                rule("flush all TLBs", 0, g -> g.mmuext(10, 0, 0)),
                rule("flush a page everywhere", 0, g -> g.mmuext(11, g.va(PAGE), 0)),
                rule("an operation that is none", Errno.ENOSYS, g -> g.mmuext(14, 0, 0)),
                rule("list that cannot be read", Errno.EFAULT, g -> g.call(1, 0x1000, 1, 0, PvGuest.SELF)),
                rule("an empty list", 0, g -> g.call(1, 0x1000, 0, 0, PvGuest.SELF)),
                rule("LDT that is not on a page", Errno.EINVAL, g -> g.mmuext(13, g.va(PAGE) + 8, 5)),
                rule("LDT that is too long", Errno.EINVAL, g -> g.mmuext(13, g.va(PAGE), 8193)),
                rule("LDT of descriptors yet unseen", 0, g -> g.mmuext(13, g.va(PAGE), 512)),
                rule("no LDT", 0, g -> g.mmuext(13, 1, 0)),
                rule("the same base pointer", 0, g -> g.mmuext(NEW_BASEPTR, g.mfn(g.top()), 0)),
                rule("a base pointer to an ordinary page", Errno.EINVAL,
                        g -> g.mmuext(NEW_BASEPTR, g.mfn(PAGE), 0)),
                rule("a base pointer to a level 2 table", Errno.EINVAL, g -> g.mmuext(NEW_BASEPTR, g.mfn(L2), 0)));
    }

    private static Stream<Rule> only64() {
        return Stream.of(
                rule("pin level 3", 0, g -> g.mmuext(PIN_L3, table(g, PAGE, 3, g.entry(L2, TABLE)), 0)),
                rule("pin level 4", 0, g -> g.mmuext(PIN_L4, table(g, PAGE, 300, g.entry(L3, TABLE)), 0)),
                rule("level 4 with anything in the hypervisor's slots", 0,
                        g -> g.mmuext(PIN_L4, table(g, PAGE, 256, -1L), 0)),
                rule("write to the first of the hypervisor's slots", Errno.EINVAL, g -> g.mmuUpdate(g.at(L4, 256), 0)),
                rule("write to the last of the hypervisor's slots", Errno.EINVAL, g -> g.mmuUpdate(g.at(L4, 271), 0)),
                rule("write to the slots beside them", 0,
                        g -> g.mmuUpdate(g.at(L4, 255), 0) + g.mmuUpdate(g.at(L4, 273), g.entry(L3, TABLE))),
                rule("level 4 of a page with a global entry", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L4, 300), g.entry(L3, TABLE | 0x100))),
                rule("level 3 that is a gigabyte page", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L3, 300), g.entry(0, TABLE | 0x80))),
                rule("user base pointer", 0, g -> g.mmuext(NEW_USER_BASEPTR, g.mfn(L4), 0)),
                rule("user base pointer to none", 0, g -> g.mmuext(NEW_USER_BASEPTR, g.mfn(L4), 0)
                        + g.mmuext(NEW_USER_BASEPTR, 0, 0)),
                rule("user base pointer to an ordinary page", Errno.EINVAL,
                        g -> g.mmuext(NEW_USER_BASEPTR, g.mfn(PAGE), 0)),
                rule("another base pointer", 0, g -> {
                    assertEquals(0, g.mmuext(PIN_L4, table(g, PAGE, 272, g.entry(L3, TABLE)), 0));
                    return g.mmuext(NEW_BASEPTR, g.mfn(PAGE), 0);
                }),
                rule("a base pointer to a table that is not pinned", 0,
                        g -> g.mmuext(NEW_BASEPTR, table(g, PAGE, 272, g.entry(L3, TABLE)), 0)));
    }

    private static Stream<Rule> only32() {
        return Stream.of(
                rule("pinning level 4 is ignored", 0, g -> g.mmuext(PIN_L4, g.mfn(PAGE), 0)),
                rule("PDPT without its last entry", Errno.EINVAL, g -> g.mmuext(PIN_L3, table(g, PAGE, 0, 0), 0)),
                rule("PDPT whose last table another has", Errno.EINVAL,
                        g -> g.mmuext(PIN_L3, table(g, PAGE, 3, g.entry(L2, 1)), 0)),
                rule("PDPT with a table of its own", 0, g -> {
                    table(g, 21, 0, g.entry(L1, TABLE));
                    return g.mmuext(PIN_L3, table(g, PAGE, 3, g.entry(21, 1)), 0);
                }),
                rule("a base pointer to a PDPT of its own", 0, g -> {
                    table(g, 21, 0, g.entry(L1, TABLE));
                    return g.mmuext(NEW_BASEPTR, table(g, PAGE, 3, g.entry(21, 1)), 0);
                }),
                rule("last PDPTE of a PDPT in use", Errno.EINVAL, g -> g.mmuUpdate(g.at(L3, 3), 0)),
                rule("another PDPTE of a PDPT in use", 0, g -> g.mmuUpdate(g.at(L3, 1),
                        table(g, PAGE, 0, g.entry(L1, TABLE)) << 12 | 1)),
                rule("the last table in another PDPTE", Errno.EINVAL,
                        g -> g.mmuUpdate(g.at(L3, 1), g.entry(L2, 1))),
                rule("no-execute in a PDPTE", Errno.EINVAL, g -> g.mmuUpdate(g.at(L3, 1),
                        table(g, PAGE, 0, 0) << 12 | 1 | 1L << 63)),
                rule("write to the hypervisor's part of the last table", Errno.EPERM,
                        g -> g.mmuUpdate(g.at(L2, 428), 0)),
                rule("write beside it", 0, g -> g.mmuUpdate(g.at(L2, 427), g.entry(L1, TABLE))),
                rule("user base pointer", Errno.EINVAL, g -> g.mmuext(NEW_USER_BASEPTR, g.mfn(L3), 0)));
    }

    private static Stream<Rule> rules64() {
        return Stream.concat(bothAbis(), only64());
    }

    private static Stream<Rule> rules32() {
        return Stream.concat(bothAbis(), only32());
    }

    @ParameterizedTest
    @MethodSource("rules64")
    void rule_for_64_bit_guests(Rule r) {
        check(GuestAbi.X86_64, r);
    }

    @ParameterizedTest
    @MethodSource("rules32")
    void rule_for_32_bit_guests(Rule r) {
        check(GuestAbi.X86_32, r);
    }

    private void check(GuestAbi abi, Rule r) {
        PvGuest g = new PvGuest(t, abi);
        assertEquals(-r.errno, r.action.applyAsLong(g), () -> r + " " + g.m.lastFailure());
    }

    // ---- what CPUs see ----

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_page_that_becomes_a_table_is_no_longer_writable_through_the_tlb(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        g.store(PAGE, 0, 0);
        // no flush: the guest "forgets" it
        assertEquals(0, g.updateVa(g.va(PAGE), g.entry(PAGE, RO_PAGE), 0));
        assertEquals(0, g.mmuext(PIN_L1, g.mfn(PAGE), 0));
        assertThrows(GuestFault.class, () -> g.store(PAGE, 0, g.entry(L1, RW_PAGE)));
        assertEquals(0, g.peek(g.mfn(PAGE), 0));
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_page_that_goes_back_to_the_host_is_no_longer_readable_through_the_tlb(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        g.store(PAGE, 0, 4711);
        assertEquals(0, g.updateVa(g.va(PAGE), 0, 0));
        assertEquals(0, g.m.giveBack(g.mfn(PAGE)));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().read64(g.va(PAGE), CpuState.DS));
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_page_given_back_while_it_is_mapped_stays_until_the_mapping_goes(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        int free = t.host.frames().freeFrames();
        assertEquals(0, g.m.giveBack(g.mfn(PAGE)));
        assertEquals(free, t.host.frames().freeFrames());
        assertEquals(0, g.remap(PAGE, 0));
        assertEquals(free + 1, t.host.frames().freeFrames());
        assertTrue(g.m.giveBack(g.mfn(PAGE)) < 0);
    }

    @Test
    void the_kernel_reads_the_machine_to_physical_table_and_cannot_write_to_it() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        long at = 0xffff_8000_0000_0000L + 8 * g.mfn(PAGE);
        assertEquals(PAGE, g.v.cpu().mmu().read64(at, CpuState.DS));
        assertEquals(0, g.mmuUpdate(g.mfn(PAGE) << 12 | 1, 0x1234_5678_9abcL));
        assertEquals(0x1234_5678_9abcL, g.v.cpu().mmu().read64(at, CpuState.DS));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().write64(at, CpuState.DS, 1));
        assertEquals(0, g.mmuext(PIN_L4, table(g, PAGE, 272, g.entry(L3, TABLE)), 0));
        assertEquals(0, g.mmuext(NEW_USER_BASEPTR, g.mfn(PAGE), 0));
        g.m.tlbs().loadBase(0, g.m.cr3(g.v, false) >>> 12, false);
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().read64(at, CpuState.DS));
    }

    @Test
    void a_32_bit_kernel_reads_its_machine_to_physical_table() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_32);
        long at = 0xf580_0000L + 4 * g.mfn(PAGE);
        assertEquals(PAGE, g.v.cpu().mmu().read32(at, CpuState.DS));
        assertThrows(GuestFault.class, () -> g.v.cpu().mmu().write32(at, CpuState.DS, 1));
    }

    @Test
    void entries_of_64_bit_guests_are_user_entries_and_tell_the_kernels() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RW_PAGE)));
        assertEquals(g.entry(PAGE, RW_PAGE | 4 | 1L << 52), g.peek(g.mfn(L1), PAGE));
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RW_PAGE | 4)));
        assertEquals(g.entry(PAGE, RW_PAGE | 4 | 0x100), g.peek(g.mfn(L1), PAGE));
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void accessed_and_dirty_bits_are_kept_when_asked_for(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, 3)));
        g.store(PAGE, 0, 1);
        assertEquals(0x60, g.peek(g.mfn(L1), PAGE) & 0x60);
        assertEquals(0, g.mmuUpdate(g.at(L1, PAGE) | 2, g.entry(PAGE, 1)));
        assertEquals(0x61, g.peek(g.mfn(L1), PAGE) & 0x63);
        assertEquals(0, g.mmuUpdate(g.at(L1, PAGE), g.entry(PAGE, 1)));
        assertEquals(1, g.peek(g.mfn(L1), PAGE) & 0x63);
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_hypercalls_result_is_not_written_to_a_page_table(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        long before = g.peek(g.mfn(L1), 0);
        // the number done would go into the first entry of the level 1 table
        assertEquals(0, g.call(26, g.va(0), 0, g.va(L1), PvGuest.SELF));
        assertEquals(before, g.peek(g.mfn(L1), 0));
        assertEquals(-Errno.EFAULT, g.call(12, 12, g.va(L1)));
        assertEquals(before, g.peek(g.mfn(L1), 0));
        assertFalse(g.d.tryWrite(g.mfn(L1) << 12, new byte[8], 0, 8));
    }

    // ---- writable page tables ----

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_write_to_a_level_1_entry_is_made_for_the_guest(GuestAbi abi) {
        PvGuest g = new PvGuest(t, abi);
        assertTrue(g.m.isPtWrite(g.v, g.va(L1) + 8 * PAGE));
        assertTrue(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE, 8, g.entry(21, RO_PAGE)));
        assertEquals(g.entry(21, RO_PAGE), g.peek(g.mfn(L1), PAGE) & ~(4 | 1L << 52));
        assertFalse(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE, 8, g.entry(L1, RW_PAGE)));
        assertFalse(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE + 4, 8, 0));
        // of 32-bit guests, tables above may be stored to as well
        assertEquals(!g.wide, g.m.isPtWrite(g.v, g.va(L2)));
        assertFalse(g.m.isPtWrite(g.v, g.va(21)));
        assertFalse(g.m.isPtWrite(g.v, 0x1000));
        assertTrue(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE, 1, 0));
        assertEquals(0, g.peek(g.mfn(L1), PAGE) & 1);
    }

    @Test
    void halves_of_a_pae_entry_may_be_written_in_the_wrong_order() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_32);
        assertEquals(0, g.remap(PAGE, g.entry(PAGE, RO_PAGE)));
        assertTrue(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE + 4, 4, 0x10));
        assertEquals(0, g.peek(g.mfn(L1), PAGE) & 1);
        assertTrue(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE + 4, 4, 0));
        assertTrue(g.m.emulatePtWrite(g.v, g.va(L1) + 8 * PAGE, 4, g.entry(21, RO_PAGE)));
        assertEquals(g.entry(21, RO_PAGE), g.peek(g.mfn(L1), PAGE));
    }

    // ---- reasons ----

    @Test
    void a_refusal_says_entry_frame_type_and_count_and_is_counted() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        assertEquals(-Errno.EBUSY, g.remap(PAGE, g.entry(L1, RW_PAGE)));
        PvFailure f = g.m.lastFailure();
        assertNotNull(f);
        assertEquals(PvFailure.Kind.WRITABLE_REFUSED, f.kind());
        assertEquals(1, f.level());
        assertEquals(PAGE, f.slot());
        assertEquals(g.mfn(L1), f.mfn());
        assertTrue(f.toString().contains("L1 table x1"), f.toString());
        assertEquals(1, t.host.refusals().get("pv.mm:writable_refused"));
    }

    @Test
    void counts_follow_the_entries() {
        PvGuest g = new PvGuest(t, GuestAbi.X86_64);
        PageTypes types = g.m.types();
        assertEquals(PageTypes.WRITABLE, types.type(g.mfn(PAGE)));
        assertEquals(1, types.count(g.mfn(PAGE)));
        assertEquals(2, t.host.frames().references(g.mfn(PAGE)));
        assertEquals(0, g.remap(21, g.entry(PAGE, RW_PAGE)));
        assertEquals(2, types.count(g.mfn(PAGE)));
        assertEquals(0, g.remap(21, g.entry(PAGE, RO_PAGE)));
        assertEquals(1, types.count(g.mfn(PAGE)));
        assertEquals(3, t.host.frames().references(g.mfn(PAGE)));
        assertEquals(2, types.count(g.mfn(L4)), "pinned and in use");
        assertTrue(types.pinned(g.mfn(L4)));
    }

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void a_domains_end_gives_every_frame_back(GuestAbi abi) {
        new PvGuest(t, abi).d.destroy();
        int free = t.host.frames().freeFrames();
        PvGuest g = new PvGuest(t, abi, 2);
        assertEquals(0, g.mmuext(PIN_L2, table(g, PAGE, 5, g.entry(PAGE, TABLE & ~2)), 0));
        assertEquals(0, g.mmuext(PIN_L2, table(g, 21, 5, g.entry(22, 0)), 0));
        g.d.destroy();
        assertEquals(free, t.host.frames().freeFrames());
    }
}

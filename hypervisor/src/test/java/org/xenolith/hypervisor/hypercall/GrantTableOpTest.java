package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.GrantStatus;
import org.xenolith.hypervisor.gnttab.PinnedGrant;

/** Grants between two guests and to domain 0: mapping, copying, versions, and what outlives the granter. */
final class GrantTableOpTest {
    private static final int GRANT_TABLE_OP = 20;
    private static final long TABLE = 0x10_0000;
    private static final int PERMIT = 1;
    private static final int READONLY = 4;
    private static final int READING = 8;
    private static final int WRITING = 16;

    private final TestHost t = new TestHost();
    private Domain d;
    private Domain e;
    private Vcpu v;

    @BeforeEach
    void two_domains() {
        d = t.domain(1);
        e = t.domain(1);
        v = d.vcpu(0);
        StructView a = TestHost.struct(v, AddToPhysmap.ADD_TO_PHYSMAP);
        a.set("domid", 0x7ff0);
        a.set("space", 1);
        a.set("gpfn", TABLE >>> 12);
        assertEquals(0, TestHost.call(v, 12, 7, a));
    }

    @AfterEach
    void no_frame_is_lost() {
        t.host.close();
        assertEquals(t.host.frames().frames(), t.host.frames().freeFrames());
        t.close();
    }

    private StructView struct(Struct s) {
        return TestHost.struct(v, s);
    }

    /** Domain d grants a page to domid. */
    private void grant(int ref, int flags, int domid, int gfn) {
        d.write16(TABLE + 8 * ref + 2, domid);
        d.write32(TABLE + 8 * ref + 4, gfn);
        d.write16(TABLE + 8 * ref, flags);
    }

    private StructView map(int ref, int flags, long gpa) {
        StructView m = struct(GrantTableOp.MAP);
        m.set("host_addr", gpa);
        m.set("flags", flags);
        m.set("ref", ref);
        m.set("dom", d.domid());
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 0, m));
        return m;
    }

    private int status(StructView s) {
        return (short) s.get("status");
    }

    private int unmap(StructView mapped, long gpa) {
        StructView u = struct(GrantTableOp.UNMAP);
        u.set("host_addr", gpa);
        u.set("handle", mapped.get("handle"));
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 1, u));
        return status(u);
    }

    @Test
    void mapped_page_is_the_granted_one_and_shows_as_in_use() {
        grant(9, PERMIT, e.domid(), 0x50);
        d.write32(0x50_000, 4711);
        StructView m = map(9, 2, 0x9_0000_000L);
        assertEquals(GrantStatus.OKAY, status(m));
        assertEquals(4711, e.read32(0x9_0000_000L));
        e.write32(0x9_0000_004L, 815);
        assertEquals(815, d.read32(0x50_004));
        assertEquals(PERMIT | READING | WRITING, d.read16(TABLE + 72));
        assertEquals(GrantStatus.BAD_HANDLE, unmap(struct2(77), 0x9_0000_000L));
        assertEquals(GrantStatus.OKAY, unmap(m, 0x9_0000_000L));
        assertFalse(e.isRam(0x9_0000_000L, 1));
        assertEquals(PERMIT, d.read16(TABLE + 72));
        assertEquals(GrantStatus.BAD_HANDLE, unmap(m, 0x9_0000_000L));
    }

    private StructView struct2(int handle) {
        StructView m = struct(GrantTableOp.MAP);
        m.set("handle", handle);
        return m;
    }

    @Test
    void read_only_grant_is_mapped_read_only_or_not_at_all() {
        grant(9, PERMIT | READONLY, e.domid(), 0x50);
        assertEquals(GrantStatus.GENERAL_ERROR, status(map(9, 2, 0x9_0000_000L)));
        StructView m = map(9, 2 | 4, 0x9_0000_000L);
        assertEquals(GrantStatus.OKAY, status(m));
        assertFalse(e.tryWrite(0x9_0000_000L, new byte[1], 0, 1));
        assertEquals(PERMIT | READONLY | READING, d.read16(TABLE + 72));
    }

    @Test
    void foreign_or_wild_references_are_refused() {
        grant(9, PERMIT, 77, 0x50);
        assertEquals(GrantStatus.GENERAL_ERROR, status(map(9, 2, 0x9_0000_000L)));
        grant(9, 0, e.domid(), 0x50);
        assertEquals(GrantStatus.GENERAL_ERROR, status(map(9, 2, 0x9_0000_000L)));
        grant(9, PERMIT, e.domid(), 0x7fff_ffff);
        assertEquals(GrantStatus.BAD_PAGE, status(map(9, 2, 0x9_0000_000L)));
        grant(9, PERMIT, e.domid(), (int) (TABLE >>> 12));
        assertEquals(GrantStatus.BAD_PAGE, status(map(9, 2, 0x9_0000_000L)));
        assertEquals(GrantStatus.BAD_GNTREF, status(map(512, 2, 0x9_0000_000L)));
        assertEquals(GrantStatus.BAD_GNTREF, status(map(-1, 2, 0x9_0000_000L)));
        assertEquals(GrantStatus.BAD_GNTREF, status(map(9, 0, 0x9_0000_000L)));
        grant(9, PERMIT, e.domid(), 0x50);
        assertEquals(GrantStatus.GENERAL_ERROR, status(map(9, 2, -1L)));
        assertEquals(0, d.grants().activeCount());
    }

    @Test
    void granted_page_outlives_the_granter_until_it_is_unmapped() {
        grant(9, PERMIT, e.domid(), 0x50);
        d.write32(0x50_000, 4711);
        StructView m = map(9, 2, 0x9_0000_000L);
        int free = t.host.frames().freeFrames();
        d.destroy();
        assertEquals(4711, e.read32(0x9_0000_000L));
        assertEquals(GrantStatus.OKAY, unmap(m, 0x9_0000_000L));
        assertTrue(t.host.frames().freeFrames() > free + TestHost.PAGES - 1);
    }

    @Test
    void domain_0_maps_through_the_service_interface() throws GrantException {
        grant(10, PERMIT, 0, 0x51);
        try (PinnedGrant p = t.host.control().map(d.domid(), 10, true)) {
            p.page().write32(8, 99);
            assertEquals(99, d.read32(0x51_008));
            assertTrue(d.remove(0x51));
            assertEquals(99, p.page().read32(8));
        }
        assertThrows(GrantException.class, () -> t.host.control().map(d.domid(), 11, true));
        assertThrows(GrantException.class, () -> t.host.control().map(99, 11, true));
    }

    @Test
    void copy_goes_both_ways_and_checks_bounds() {
        grant(9, PERMIT, e.domid(), 0x50);
        d.write32(0x50_010, 1234);
        StructView c = struct(GrantCopy.COPY);
        c.set("source.u.gmfn", 9);
        c.set("source.domid", d.domid());
        c.set("source.offset", 0x10);
        c.set("dest.u.gmfn", 0x20);
        c.set("dest.domid", 0x7ff0);
        c.set("dest.offset", 0x100);
        c.set("len", 4);
        c.set("flags", 1);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.OKAY, status(c));
        assertEquals(1234, e.read32(0x20_100));
        c.set("len", 4096);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.BAD_COPY_ARG, status(c));
        c.set("len", 4);
        c.set("flags", 0);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.PERMISSION_DENIED, status(c));
    }

    @Test
    void table_grows_to_its_limit() {
        StructView q = struct(GrantTableOp.QUERY_SIZE);
        q.set("dom", 0x7ff0);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 6, q));
        assertEquals(1, q.get("nr_frames"));
        assertEquals(64, q.get("max_nr_frames"));
        StructView s = struct(GrantTableOp.SETUP_TABLE);
        s.set("dom", 0x7ff0);
        s.set("nr_frames", 3);
        s.set("frame_list", 0x3000);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 2, s));
        assertEquals(GrantStatus.OKAY, status(s));
        assertEquals(TABLE >>> 12, d.read64(0x3000));
        s.set("nr_frames", 65);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 2, s));
        assertEquals(GrantStatus.GENERAL_ERROR, status(s));
        q.set("dom", e.domid());
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 6, q));
        assertEquals(GrantStatus.PERMISSION_DENIED, status(q));
    }

    private void version2() {
        d.write32(TestHost.ARG, 2);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 8, TestHost.ARG, 1));
    }

    @Test
    void version_2_keeps_reserved_entries_and_has_status_words() {
        grant(1, PERMIT, 0, 0x60);
        version2();
        assertEquals(PERMIT, d.read16(TABLE + 16));
        assertEquals(0x60, d.read64(TABLE + 16 + 8));
        d.write16(TABLE + 16 * 9 + 2, e.domid());
        d.write64(TABLE + 16 * 9 + 8, 0x50);
        d.write16(TABLE + 16 * 9, PERMIT);
        StructView m = map(9, 2, 0x9_0000_000L);
        assertEquals(GrantStatus.OKAY, status(m));
        assertEquals(PERMIT, d.read16(TABLE + 16 * 9));
        assertTrue(d.mapXenPage(0x101, d.grants().statusFrame(0)));
        assertEquals(READING | WRITING, d.read16(0x10_1000 + 18));
        d.write32(TestHost.ARG, 1);
        assertEquals(-Errno.EBUSY, TestHost.call(v, GRANT_TABLE_OP, 8, TestHost.ARG, 1));
        assertEquals(2, d.read32(TestHost.ARG));
        assertEquals(GrantStatus.OKAY, unmap(m, 0x9_0000_000L));
        assertEquals(0, d.read16(0x10_1000 + 18));
        d.write32(TestHost.ARG, 1);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 8, TestHost.ARG, 1));
        assertEquals(0x60, d.read32(TABLE + 8 + 4));
    }

    @Test
    void sub_page_grant_is_for_copies_inside_it_only() {
        version2();
        d.write16(TABLE + 16 * 9 + 2, e.domid());
        d.write16(TABLE + 16 * 9 + 4, 0x10);
        d.write16(TABLE + 16 * 9 + 6, 4);
        d.write64(TABLE + 16 * 9 + 8, 0x50);
        d.write16(TABLE + 16 * 9, PERMIT | 1 << 8);
        assertEquals(GrantStatus.GENERAL_ERROR, status(map(9, 2, 0x9_0000_000L)));
        StructView c = struct(GrantCopy.COPY);
        c.set("source.u.gmfn", 9);
        c.set("source.domid", d.domid());
        c.set("source.offset", 0x10);
        c.set("dest.u.gmfn", 0x20);
        c.set("dest.domid", 0x7ff0);
        c.set("len", 4);
        c.set("flags", 1);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.OKAY, status(c));
        c.set("len", 5);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.GENERAL_ERROR, status(c));
        assertEquals(0, d.grants().activeCount());
    }

    @Test
    void transitive_grant_reaches_the_third_domain() {
        Domain f = t.domain(1);
        // d grants its page to e by ref 9; e passes it on to f by its own ref 8
        grant(9, PERMIT, e.domid(), 0x50);
        d.write32(0x50_000, 31337);
        StructView a = struct(AddToPhysmap.ADD_TO_PHYSMAP);
        a.set("domid", 0x7ff0);
        a.set("space", 1);
        a.set("gpfn", TABLE >>> 12);
        assertEquals(0, TestHost.call(e.vcpu(0), 12, 7, a));
        e.write32(TestHost.ARG, 2);
        assertEquals(0, TestHost.call(e.vcpu(0), GRANT_TABLE_OP, 8, TestHost.ARG, 1));
        e.write16(TABLE + 16 * 8 + 2, f.domid());
        e.write16(TABLE + 16 * 8 + 4, d.domid());
        e.write32(TABLE + 16 * 8 + 8, 9);
        e.write16(TABLE + 16 * 8, 3);
        StructView c = struct(GrantCopy.COPY);
        c.set("source.u.gmfn", 8);
        c.set("source.domid", e.domid());
        c.set("dest.u.gmfn", 0x20);
        c.set("dest.domid", 0x7ff0);
        c.set("len", 4);
        c.set("flags", 1);
        assertEquals(0, TestHost.call(f.vcpu(0), GRANT_TABLE_OP, 5, c));
        assertEquals(GrantStatus.OKAY, status(c));
        assertEquals(31337, f.read32(0x20_000));
        assertEquals(0, d.grants().activeCount());
        assertEquals(PERMIT, d.read16(TABLE + 72));
    }

    @Test
    void swap_exchanges_two_unused_entries() {
        grant(9, PERMIT, e.domid(), 0x50);
        grant(10, PERMIT, 5, 0x51);
        StructView s = struct(GrantTableOp.SWAP);
        s.set("ref_a", 9);
        s.set("ref_b", 10);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 11, s));
        assertEquals(GrantStatus.OKAY, status(s));
        assertEquals(0x51, d.read32(TABLE + 76));
        s.set("ref_b", 4096);
        assertEquals(0, TestHost.call(v, GRANT_TABLE_OP, 11, s));
        assertEquals(GrantStatus.BAD_GNTREF, status(s));
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.mmu.TlbCounts;
import org.xenolith.hypervisor.abi.GuestAbi;

/** What CPUs remember of a 64-bit PV guest's tables across base pointers: never anything that a walk would not find. */
final class PvTlbTest {
    private static final int NEW_BASEPTR = 5;
    private static final int UNPIN = 4;
    private static final int PIN_L4 = 3;
    private static final int NEW_USER_BASEPTR = 15;
    /** The linear map is in this slot of level 4, and in {@link #LOW} where a case puts it there. */
    private static final int HIGH = 272;
    private static final int LOW = 0;
    private static final int PAGE = 20;
    private static final int OTHER = 21;
    /** Becomes a level 4 table. */
    private static final int SECOND = 22;
    private static final int THIRD = 23;

    private final TestHost t = new TestHost();
    private final PvGuest g = new PvGuest(t, GuestAbi.X86_64);
    private final Mmu mmu = g.v.cpu().mmu();

    PvTlbTest() {
        g.v.cpu().setField32(CpuState.GUEST, CpuState.GUEST_KERNEL);
        g.v.cpu().updateMode();
        assertEquals(0, g.mmuUpdate(g.at(PvGuest.L4, LOW), g.entry(PvGuest.L3, PvGuest.TABLE)));
    }

    @AfterEach
    void close() {
        assertEquals(List.of(), PvInvariant.violations(t));
        t.host.close();
        t.close();
    }

    /** Makes a page a level 4 table with the linear map in some slots. */
    private void makeTop(int pfn, int... slots) {
        for (int slot : slots) {
            g.store(pfn, slot, g.entry(PvGuest.L3, PvGuest.TABLE));
        }
        assertEquals(0, g.remap(pfn, g.entry(pfn, PvGuest.RO_PAGE)));
    }

    private long low(int pfn) {
        return (long) pfn << 12;
    }

    private void touch(long va) {
        mmu.read64(va, CpuState.DS);
    }

    private boolean known(long va) {
        return mmu.peekHit(va, 8, false) != 0;
    }

    private int newBaseptr(int pfn) {
        return (int) g.mmuext(NEW_BASEPTR, g.mfn(pfn), 0);
    }

    @Test
    void a_base_pointer_with_the_same_upper_half_keeps_it_and_drops_the_lower() {
        makeTop(SECOND, LOW, HIGH);
        touch(g.va(PAGE));
        touch(low(OTHER));
        TlbCounts before = mmu.counts();
        assertEquals(0, newBaseptr(SECOND));
        assertTrue(known(g.va(PAGE)));
        assertFalse(known(low(OTHER)));
        assertEquals(before.flushes(), mmu.counts().flushes());
        assertEquals(before.programFlushes() + 1, mmu.counts().programFlushes());
    }

    @Test
    void a_base_pointer_with_another_upper_half_drops_all() {
        makeTop(SECOND, HIGH, HIGH + 1);
        touch(g.va(PAGE));
        assertEquals(0, newBaseptr(SECOND));
        assertFalse(known(g.va(PAGE)));
    }

    @Test
    void an_entry_that_changed_without_a_flush_is_not_remembered_under_the_next_base_pointer() {
        makeTop(SECOND, HIGH);
        g.store(PAGE, 0, 1);
        g.store(OTHER, 0, 2);
        touch(g.va(PAGE));
        assertEquals(0, g.updateVa(g.va(PAGE), g.entry(OTHER, PvGuest.RO_PAGE), 0));
        assertEquals(0, newBaseptr(SECOND));
        assertEquals(2, mmu.read64(g.va(PAGE), CpuState.DS));
        assertEquals(0, g.mmuUpdate(g.at(PvGuest.L1, PAGE), g.entry(PAGE, PvGuest.RO_PAGE)));
        assertEquals(0, newBaseptr(PvGuest.L4));
        assertEquals(1, mmu.read64(g.va(PAGE), CpuState.DS));
    }

    @Test
    void right_and_accessed_bit_taken_back_without_a_flush_are_not_remembered() {
        g.store(PAGE, 0, 1);
        assertEquals(0, g.mmuUpdate(g.at(PvGuest.L1, PAGE), g.entry(PAGE, PvGuest.P)));
        assertEquals(0, newBaseptr(PvGuest.L4));
        assertEquals(0, mmu.peekHit(g.va(PAGE), 8, true));
        touch(g.va(PAGE));
        assertEquals(PvGuest.RO_PAGE, g.peek(g.mfn(PvGuest.L1), PAGE) & 0x63);
    }

    @Test
    void another_vcpu_forgets_a_changed_entry_too() {
        PvGuest two = new PvGuest(t, GuestAbi.X86_64, 2);
        Mmu second = two.d.vcpu(1).cpu().mmu();
        second.read64(two.va(PAGE), CpuState.DS);
        assertEquals(0, two.updateVa(two.va(PAGE), two.entry(OTHER, PvGuest.RO_PAGE), 0));
        assertEquals(0, second.peekHit(two.va(PAGE), 8, false));
    }

    @Test
    void a_users_base_pointer_drops_what_programs_saw_and_keeps_the_kernels() {
        makeTop(SECOND, LOW);
        makeTop(THIRD, LOW);
        assertEquals(0, g.mmuext(NEW_USER_BASEPTR, g.mfn(SECOND), 0));
        touch(g.va(PAGE));
        g.v.cpu().setField32(CpuState.GUEST, CpuState.GUEST_USER);
        g.v.cpu().setField(CpuState.CR3, g.m.cr3(g.v, false));
        g.v.cpu().updateMode();
        touch(low(OTHER));
        assertTrue(known(low(OTHER)));
        assertEquals(0, g.mmuext(NEW_USER_BASEPTR, g.mfn(THIRD), 0));
        assertFalse(known(low(OTHER)));
        g.v.cpu().setField32(CpuState.GUEST, CpuState.GUEST_KERNEL);
        g.v.cpu().updateMode();
        assertTrue(known(g.va(PAGE)));
        assertEquals(0, g.mmuext(NEW_USER_BASEPTR, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void after_any_calls_a_walk_finds_all_that_is_remembered(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] tops = {PvGuest.L4, SECOND, THIRD};
        makeTop(SECOND, LOW, HIGH);
        makeTop(THIRD, HIGH, HIGH + 1);
        for (int top : tops) {
            g.mmuext(PIN_L4, g.mfn(top), 0);
        }
        int changes = 0;
        for (int step = 0; step < 20_000; step++) {
            int pfn = 24 + random.nextInt(16);
            int frame = 24 + random.nextInt(16);
            long entry = g.entry(frame, random.nextBoolean() ? PvGuest.RW_PAGE : PvGuest.RO_PAGE);
            int top = tops[random.nextInt(tops.length)];
            long rc = switch (random.nextInt(20)) {
                case 0, 1 -> g.updateVa(g.va(pfn), random.nextInt(4) == 0 ? 0 : entry, 0);
                case 2, 3 -> g.mmuUpdate(g.at(PvGuest.L1, pfn), entry & ~0x60L);
                case 4, 5 -> newBaseptr(top);
                case 6 -> g.mmuext(UNPIN, g.mfn(top), 0);
                case 7 -> g.mmuext(PIN_L4, g.mfn(top), 0);
                case 8 -> g.mmuUpdate(g.at(top, HIGH + 1), random.nextBoolean()
                        ? 0
                        : g.entry(PvGuest.L3, PvGuest.TABLE));
                default -> {
                    long va = switch (random.nextInt(3)) {
                        case 0 -> low(pfn);
                        case 1 -> g.va(pfn);
                        default -> g.va(pfn) + (1L << 39);
                    };
                    mmu.fillForNative(va, 8, random.nextBoolean());
                    yield 1;
                }
            };
            changes += rc == 0 ? 1 : 0;
            for (long area : new long[]{0, g.base, g.base + (1L << 39)}) {
                for (int p = 24; p < 40; p++) {
                    checkPage(area + low(p));
                }
            }
        }
        assertTrue(changes > 2000, "only " + changes + " calls succeeded");
    }

    private void checkPage(long va) {
        long hit = mmu.peekHit(va, 8, false);
        if (hit != 0) {
            assertEquals(mmu.peekRam(va, false), hit);
        }
        if (mmu.peekHit(va, 8, true) != 0) {
            long slot = va >>> 12 & 511;
            assertTrue((g.peek(g.mfn(PvGuest.L1), (int) slot) & PvGuest.RW) != 0);
        }
    }
}

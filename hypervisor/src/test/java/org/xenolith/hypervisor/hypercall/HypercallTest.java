package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.StructView;

/**
 * What guests see of the hypercalls as a whole: the page, the leaves, versions, memory, and that nothing hostile gets
 * through.
 */
final class HypercallTest {
    private static final int MEMORY_OP = 12;
    private static final int MULTICALL = 13;
    private static final int XEN_VERSION = 17;
    private static final int CONSOLE_IO = 18;
    private static final int SCHED_OP = 29;

    private final TestHost t = new TestHost();
    private Domain d;
    private Vcpu v;

    @BeforeEach
    void one_domain() {
        d = t.domain(2);
        v = d.vcpu(0);
    }

    @AfterEach
    void no_frame_is_lost() {
        d.destroy();
        assertEquals(t.host.frames().frames(), t.host.frames().freeFrames());
        t.close();
    }

    @Test
    void hypercall_page_holds_a_stub_for_each_number() {
        assertTrue(v.container().wrmsr(v.cpu(), 0x4000_0000, 0x5000));
        byte[] stub = new byte[9];
        d.read(0x5000 + 32 * MEMORY_OP, stub, 0, 9);
        assertArrayEquals(new byte[]{(byte) 0xb8, MEMORY_OP, 0, 0, 0, 0x0f, 0x01, (byte) 0xc1, (byte) 0xc3}, stub);
        assertEquals(0x0b0f, d.read16(0x5000 + 32 * 23));
        assertFalse(v.container().wrmsr(v.cpu(), 0x4000_0000, 0x5001));
        assertFalse(v.container().wrmsr(v.cpu(), 0x4000_0000, 0x7000_0000L));
    }

    @Test
    void cpuid_shows_xen_and_hides_the_rest_of_the_range() {
        int[] r = new int[4];
        v.container().cpuid(v.cpu(), 0x4000_0000, 0, r);
        assertArrayEquals(new int[]{0x4000_0005, 0x566e_6558, 0x6558_4d4d, 0x4d4d_566e}, r);
        v.container().cpuid(v.cpu(), 0x4000_0001, 0, r);
        assertArrayEquals(new int[]{0x0004_0011, 0, 0, 0}, r);
        v.container().cpuid(v.cpu(), 0x4000_0002, 0, r);
        assertArrayEquals(new int[]{1, 0x4000_0000, 0, 0}, r);
        d.vcpu(1).container().cpuid(d.vcpu(1).cpu(), 0x4000_0004, 0, r);
        assertArrayEquals(new int[]{0x5c, 1, d.domid(), 0}, r);
        v.container().cpuid(v.cpu(), 0x4000_0003, 1, r);
        assertEquals(0xc4ec_4ec4, r[2]);
        assertEquals(-1, r[3]);
        v.container().cpuid(v.cpu(), 0x4000_0100, 0, r);
        assertArrayEquals(new int[4], r);
        r[2] = 0;
        v.container().cpuid(v.cpu(), 1, 0, r);
        assertEquals(1 << 31, r[2]);
    }

    @Test
    void call_from_user_mode_is_refused() {
        v.cpu().setSegment(CpuState.SS, 0, 0, 0xffff_ffffL, 0xc0f3);
        v.cpu().updateMode();
        assertEquals(-Errno.EPERM, TestHost.call(v, XEN_VERSION, 0, 0));
    }

    @Test
    void unknown_calls_return_enosys_and_are_counted_by_name() {
        assertEquals(-Errno.ENOSYS, TestHost.call(v, 1, 0, 0));
        assertEquals(-Errno.ENOSYS, TestHost.call(v, 47));
        assertEquals(-Errno.ENOSYS, TestHost.call(v, -1));
        assertEquals(-Errno.ENOSYS, TestHost.call(v, SCHED_OP, 99, 0));
        assertEquals(List.of("hypercall:4294967295", "hypercall:47", "hypercall:mmu_update", "hypercall:sched_op.99"),
                List.copyOf(t.host.statistics().counts().keySet()));
    }

    @Test
    void version_and_features_are_those_of_debian_12() {
        assertEquals(0x0004_0011, TestHost.call(v, XEN_VERSION, 0, 0));
        assertEquals(0, TestHost.call(v, XEN_VERSION, 1, TestHost.ARG));
        assertEquals(0x37_2e, d.read32(TestHost.ARG));
        StructView f = TestHost.struct(v, XenVersion.FEATURE_INFO);
        assertEquals(0, TestHost.call(v, XEN_VERSION, 6, f));
        assertEquals(0x0001_2305, f.get32("submap"));
        assertEquals(0, TestHost.call(v, XEN_VERSION, 8, TestHost.ARG));
        assertEquals(0x3322_1100, d.read32(TestHost.ARG));
        assertEquals(-Errno.EPERM, TestHost.call(v, XEN_VERSION, 10, 0));
        assertEquals(-Errno.EFAULT, TestHost.call(v, XEN_VERSION, 3, 0x7fff_f000L));
    }

    @Test
    void shared_info_moves_to_where_it_was_mapped_last() {
        StructView a = TestHost.struct(v, AddToPhysmap.ADD_TO_PHYSMAP);
        a.set("domid", 0x7ff0);
        a.set("gpfn", 0x100);
        long before = d.totalPages();
        assertEquals(0, TestHost.call(v, MEMORY_OP, 7, a));
        assertEquals(before - 1, d.totalPages());
        assertEquals(1_767_225_600, d.read32(0x10_0000 + 3076));
        assertEquals(2, d.read32(0x10_0000 + 3072));
        a.set("gpfn", 0xfeff8);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 7, a));
        assertFalse(d.isRam(0x10_0000, 1));
        assertEquals(1_767_225_600, d.read32(0xfeff_8000L + 3076));
        a.set("domid", 3);
        assertEquals(-Errno.ESRCH, TestHost.call(v, MEMORY_OP, 7, a));
        a.set("domid", 0);
        assertEquals(-Errno.EPERM, TestHost.call(v, MEMORY_OP, 7, a));
    }

    @Test
    void memory_map_is_what_the_builder_set() {
        StructView m = TestHost.struct(v, MemoryOp.MEMORY_MAP);
        m.set("nr_entries", 128);
        m.set("buffer", 0x3000);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 9, m));
        assertEquals(2, m.get("nr_entries"));
        assertEquals(0xfeff_8000L, d.read64(0x3000 + 20));
        assertEquals(2, d.read32(0x3000 + 36));
    }

    @Test
    void balloon_gives_pages_back_and_takes_them_again() {
        for (int i = 0; i < 4; i++) {
            d.write64(0x3000 + 8 * i, 0x40 + i);
        }
        StructView r = TestHost.struct(v, MemoryOp.RESERVATION);
        r.set("extent_start", 0x3000);
        r.set("nr_extents", 4);
        r.set("domid", 0x7ff0);
        d.write32(0x40_000, 1234);
        assertEquals(4, TestHost.call(v, MEMORY_OP, 1, r));
        assertFalse(d.isRam(0x40_000, 1));
        assertEquals(TestHost.PAGES - 4, d.totalPages());
        assertEquals(0, TestHost.call(v, MEMORY_OP, 1, r));
        assertEquals(4, TestHost.call(v, MEMORY_OP, 6, r));
        assertEquals(0, d.read32(0x40_000));
        assertEquals(TestHost.PAGES, TestHost.call(v, MEMORY_OP, 3, argDomid(0x7ff0)));
        assertEquals(TestHost.PAGES + 64, TestHost.call(v, MEMORY_OP, 4, argDomid(d.domid())));
    }

    private long argDomid(int domid) {
        d.write16(TestHost.ARG, domid);
        return TestHost.ARG;
    }

    @Test
    void populate_stops_at_the_limit_and_tells_how_far_it_came() {
        for (int i = 0; i < 100; i++) {
            d.write64(0x3000 + 8 * i, 0x8_0000 + i);
        }
        StructView r = TestHost.struct(v, MemoryOp.RESERVATION);
        r.set("extent_start", 0x3000);
        r.set("nr_extents", 100);
        r.set("domid", 0x7ff0);
        assertEquals(64, TestHost.call(v, MEMORY_OP, 6, r));
        r.set("nr_extents", 1L << 40);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 6, r));
        r.set("nr_extents", 1);
        r.set("extent_order", 60);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 6, r));
    }

    @Test
    void long_lists_continue_where_they_stopped() {
        // 2000 entries of decrease on the same 1000 gfns: the first 1000 of a 300-page guest cannot be; so use a batch
        // of moves
        int n = 1500;
        for (int i = 0; i < n; i++) {
            d.write64(0x8000 + 8 * i, i % 2 == 0 ? 0x100 : 0x9_0000);
            d.write64(0x10000 + 8 * i, i % 2 == 0 ? 0x9_0000 : 0x100);
        }
        StructView b = TestHost.struct(v, AddToPhysmap.ADD_TO_PHYSMAP_BATCH);
        b.set("domid", 0x7ff0);
        b.set("space", 2);
        b.set("size", n);
        b.set("idxs", 0x8000);
        b.set("gpfns", 0x10000);
        b.set("errs", 0x18000);
        d.write32(0x18000 + 4 * (n - 1), 77);
        d.write32(0x10_0000, 99);
        TestHost.put(v, b, TestHost.ARG);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 23, TestHost.ARG));
        assertEquals(0, d.read32(0x18000 + 4 * (n - 1)));
        assertEquals(99, d.read32(0x10_0000));
    }

    @Test
    void multicall_stores_each_result() {
        StructView e = TestHost.struct(v, Multicall.ENTRY);
        e.set("op", XEN_VERSION);
        for (int i = 0; i < 100; i++) {
            TestHost.put(v, e, 0x3000 + 64 * i);
        }
        e.set("op", MULTICALL);
        TestHost.put(v, e, 0x3000);
        assertEquals(0, TestHost.call(v, MULTICALL, 0x3000, 100));
        assertEquals(-Errno.EINVAL, d.read64(0x3008));
        assertEquals(0x0004_0011, d.read64(0x3000 + 64 * 99 + 8));
        assertEquals(-Errno.EFAULT, TestHost.call(v, MULTICALL, 0x7000_0000L, 1));
    }

    @Test
    void shutdown_stops_every_vcpu_with_the_first_reason() {
        d.write32(TestHost.ARG, ShutdownReason.CRASH);
        assertEquals(0, TestHost.call(v, SCHED_OP, 2, TestHost.ARG));
        d.shutdown(ShutdownReason.REBOOT);
        assertEquals(ShutdownReason.CRASH, d.shutdownReason());
        assertEquals(org.xenolith.cpu.Cpu.Activity.WAIT_FOR_SIPI, d.vcpu(1).cpu().activity());
        d.resume();
        assertEquals(org.xenolith.cpu.Cpu.Activity.RUNNING, d.vcpu(1).cpu().activity());
    }

    @Test
    void halt_with_interrupts_off_on_all_vcpus_is_poweroff() {
        for (Vcpu each : d.vcpus()) {
            assertEquals(-1, d.shutdownReason());
            each.cpu().setActivity(org.xenolith.cpu.Cpu.Activity.HALTED);
            each.afterRun();
        }
        assertEquals(ShutdownReason.POWEROFF, d.shutdownReason());
    }

    @Test
    void console_io_is_only_for_those_who_may() {
        byte[] text = "hello\nworld".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        d.write(TestHost.ARG, text, 0, text.length);
        assertEquals(-Errno.EPERM, TestHost.call(v, CONSOLE_IO, 0, text.length, TestHost.ARG));
        Domain e = t.domain(DomainConfig.of("loud", TestHost.HANDLE, 1, 600).withConsole(true));
        e.write(TestHost.ARG, text, 0, text.length);
        assertEquals(0, TestHost.call(e.vcpu(0), CONSOLE_IO, 0, text.length, TestHost.ARG));
        assertEquals(List.of("2:hello"), t.log);
        e.destroy();
    }

    @Test
    void watchdog_shuts_down_unless_fed() {
        StructView w = TestHost.struct(v, SchedOp.WATCHDOG);
        w.set("timeout", 10);
        assertEquals(1, TestHost.call(v, SCHED_OP, 6, w));
        t.advance(9_000_000_000L);
        w.set("id", 1);
        assertEquals(0, TestHost.call(v, SCHED_OP, 6, w));
        t.advance(9_000_000_000L);
        assertEquals(-1, d.shutdownReason());
        t.advance(1_000_000_000L);
        assertEquals(ShutdownReason.WATCHDOG, d.shutdownReason());
    }

    @Test
    void a_32_bit_guest_uses_the_compat_layouts() {
        TestHost.longMode(v.cpu(), false);
        StructView a = TestHost.struct(v, AddToPhysmap.ADD_TO_PHYSMAP);
        a.set("domid", 0x7ff0);
        a.set("gpfn", 0x100);
        assertEquals(0, TestHost.call(v, MEMORY_OP, 7, a));
        assertEquals(1_767_225_600, d.read32(0x10_0000 + 2308));
        assertEquals(-Errno.ESRCH, TestHost.call(v, MEMORY_OP, 3, argDomid(77)));
    }

    /** No argument, however wild, may end in an exception or in endless work. */
    @Test
    void random_calls_never_throw() {
        long seed = 20260101;
        Random random = new Random(seed);
        long[] good = {0, 1, 2, 0x7ff0, TestHost.ARG, 0x2ff8, 0x10_0000, -1, 0x7fff_ffffL, 0xffff_ffffL, 1L << 40,
            Long.MIN_VALUE, 4096};
        for (int i = 0; i < 60_000; i++) {
            if (i % 7 == 0) {
                d.write64(TestHost.ARG + 8 * random.nextInt(64), good[random.nextInt(good.length)]);
            }
            if (i % 5 == 0) {
                d.write32(TestHost.ARG + 4 * random.nextInt(16), random.nextInt(70000));
            }
            Vcpu caller = d.vcpu(random.nextInt(2));
            TestHost.longMode(caller.cpu(), random.nextInt(4) != 0);
            long[] args = new long[5];
            args[0] = random.nextInt(3) == 0 ? good[random.nextInt(good.length)] : random.nextInt(32);
            args[1] = random.nextBoolean() ? TestHost.ARG : good[random.nextInt(good.length)];
            args[2] = random.nextBoolean() ? random.nextInt(3) : random.nextBoolean() ? TestHost.ARG : random.nextInt();
            args[3] = random.nextLong();
            int number = random.nextInt(44);
            try {
                once(caller, number, args);
            } catch (RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + " call " + i + ": " + number + java.util.Arrays.toString(args), e);
            }
            t.advance(1000);
            if (!d.runnable()) {
                d.resume();
            }
            if (!d.isRam(TestHost.ARG, 4096)) {
                d.populate(TestHost.ARG >>> 12, 0);
                if (!d.isRam(TestHost.ARG, 4096)) {
                    return;
                }
            }
        }
    }

    private static void once(Vcpu v, int number, long[] args) {
        int[] registers = {CpuState.RDI, CpuState.RSI, CpuState.RDX, 10, 8, CpuState.RBX, CpuState.RCX};
        v.cpu().setReg(CpuState.RAX, number);
        for (int i = 0; i < registers.length; i++) {
            v.cpu().setReg(registers[i], args[i % args.length]);
        }
        v.container().hypercall(v.cpu());
    }
}

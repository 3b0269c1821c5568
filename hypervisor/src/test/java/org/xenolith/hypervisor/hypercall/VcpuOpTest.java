package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Runstate;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.evtchn.Virq;

/** vCPUs, their timers, their shared areas, and time as a guest computes it. */
final class VcpuOpTest {
    private static final int VCPU_OP = 24;
    private static final int SET_TIMER_OP = 15;
    private static final long INFO = 0x5040;

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
        t.host.close();
        assertEquals(t.host.frames().frames(), t.host.frames().freeFrames());
        t.close();
    }

    private long op(int command, int vcpu, long arg) {
        return TestHost.call(v, VCPU_OP, command, vcpu, arg);
    }

    private void registerInfo() {
        StructView r = TestHost.struct(v, VcpuOp.REGISTER_VCPU_INFO);
        r.set("mfn", INFO >>> 12);
        r.set("offset", INFO & 0xfff);
        TestHost.put(v, r, TestHost.ARG);
        assertEquals(0, op(10, 0, TestHost.ARG));
    }

    @Test
    void registered_vcpu_info_holds_time_and_is_marked_pending() {
        registerInfo();
        assertEquals(1, d.read8(INFO));
        assertEquals(-1L, d.read64(INFO + 8));
        assertEquals(0, d.read32(INFO + 32) & 1);
        assertEquals(t.now, d.read64(INFO + 48));
        assertEquals(v.cpu().tsc(), d.read64(INFO + 40));
        assertEquals(-Errno.EINVAL, op(10, 0, TestHost.ARG));
        // vCPU 1 runs, so vCPU 0 may not place its area
        assertEquals(-Errno.EINVAL, op(10, 1, TestHost.ARG));
        // the page stays the hypervisor's although the guest gives it away
        assertTrue(d.remove(INFO >>> 12));
        v.updateTime();
    }

    private long guestTime(long tsc) {
        long delta = tsc - d.read64(INFO + 40);
        int shift = (byte) d.read8(INFO + 60);
        delta = shift < 0 ? delta >>> -shift : delta << shift;
        return d.read64(INFO + 48) + Math.unsignedMultiplyHigh(delta << 32, d.read32(INFO + 56) & 0xffff_ffffL);
    }

    @Test
    void time_of_the_guest_follows_virtual_time_and_never_goes_back() {
        registerInfo();
        long last = 0;
        for (int i = 0; i < 2000; i++) {
            t.advance(i * 37L % 5001 * (i % 50 == 0 ? 1000 : 1));
            long before = guestTime(v.cpu().tsc());
            assertTrue(before <= t.now && before >= t.now - 3, () -> "guest time lags by " + (t.now - before));
            assertTrue(before >= last);
            last = before;
            if (i % 3 == 0) {
                v.updateTime();
                long after = guestTime(v.cpu().tsc());
                assertTrue(after >= before);
                last = after;
            }
        }
    }

    @Test
    void singleshot_timer_raises_virq_timer_at_its_time() {
        int port = d.events().bindVirq(Virq.TIMER, 0);
        StructView s = TestHost.struct(v, VcpuOp.SET_SINGLESHOT);
        s.set("timeout_abs_ns", t.now + 1000);
        TestHost.put(v, s, TestHost.ARG);
        assertEquals(0, op(8, 0, TestHost.ARG));
        assertEquals(-Errno.EINVAL, op(8, 1, TestHost.ARG));
        t.advance(999);
        assertEquals(false, d.events().isPending(port));
        t.advance(1);
        assertTrue(d.events().isPending(port));
        assertEquals(0, op(9, 0, 0));
    }

    @Test
    void set_timer_op_takes_0_as_stop_and_nonsense_as_soon() {
        assertEquals(0, TestHost.call(v, SET_TIMER_OP, t.now + 50));
        assertEquals(t.now + 50, v.timers().singleshotDeadline());
        assertEquals(0, TestHost.call(v, SET_TIMER_OP, -5L));
        assertEquals(t.now + 100_000_000L, v.timers().singleshotDeadline());
        assertEquals(0, TestHost.call(v, SET_TIMER_OP, 0));
        assertEquals(Long.MAX_VALUE, v.timers().singleshotDeadline());
    }

    @Test
    void periodic_timer_ticks_until_it_is_stopped() {
        int port = d.events().bindVirq(Virq.TIMER, 1);
        d.write64(TestHost.ARG, 999_999);
        assertEquals(-Errno.EINVAL, op(6, 1, TestHost.ARG));
        d.write64(TestHost.ARG, 1_000_000);
        assertEquals(0, op(6, 1, TestHost.ARG));
        t.advance(999_999);
        assertEquals(false, d.events().isPending(port));
        t.advance(1);
        assertTrue(d.events().isPending(port));
        assertEquals(t.now + 1_000_000, t.timers.next());
        t.advance(5_500_000);
        assertEquals(t.now + 500_000, t.timers.next());
        assertEquals(0, op(7, 1, 0));
        assertEquals(Long.MAX_VALUE, t.timers.next());
    }

    @Test
    void runstate_sums_up_to_system_time() {
        d.write64(TestHost.ARG, 0x6000);
        assertEquals(0, op(5, 0, TestHost.ARG));
        v.beforeRun();
        assertEquals(Runstate.RUNNING, d.read32(0x6000));
        t.advance(700);
        v.cpu().setRflags(0x202);
        v.cpu().setActivity(Cpu.Activity.HALTED);
        v.afterRun();
        assertEquals(Runstate.BLOCKED, d.read32(0x6000));
        assertEquals(t.now, d.read64(0x6008));
        assertEquals(700, d.read64(0x6010));
        t.advance(300);
        assertEquals(0, op(4, 0, 0x7000));
        assertEquals(300, d.read64(0x7000 + 16 + 8 * Runstate.BLOCKED));
        long sum = 0;
        for (int i = 0; i < 4; i++) {
            sum += d.read64(0x7010 + 8 * i);
        }
        assertEquals(t.now - d.createdAt(), sum);
        d.write64(TestHost.ARG, 0x7fff_0000L);
        assertEquals(-Errno.EFAULT, op(5, 0, TestHost.ARG));
    }

    @Test
    void vcpus_go_down_and_up_and_the_last_one_powers_off() {
        assertEquals(1, op(3, 1, 0));
        assertEquals(0, op(2, 1, 0));
        assertEquals(0, op(3, 1, 0));
        assertEquals(0, op(1, 1, 0));
        assertEquals(1, op(3, 1, 0));
        assertEquals(-Errno.ENOENT, op(3, 2, 0));
        assertEquals(-Errno.ENOENT, op(3, -1, 0));
        d.vcpu(1).takeDown();
        v.takeDown();
        assertEquals(0, d.shutdownReason());
    }

    @Test
    void initialise_starts_a_vcpu_in_long_mode() {
        Domain e = t.host.createDomain(org.xenolith.hypervisor.DomainConfig.of("x", TestHost.HANDLE, 2, 64));
        e.populateRange(0, 64);
        Vcpu boot = e.vcpu(0);
        boot.startPvh(0x1000, 0x2000);
        TestHost.longMode(boot.cpu(), true);
        e.unpause();
        assertEquals(-Errno.EINVAL, TestHost.call(boot, VCPU_OP, 1, 1, 0));
        StructView s = HvmContext.X86_64.view(boot.container().callAbi());
        s.set("rip", 0x1234);
        s.set("rsi", 42);
        s.set("cr0", 0x8000_0011L);
        s.set("cr3", 0x3000);
        s.set("cr4", 0x20);
        s.set("efer", 0x100);
        e.write32(TestHost.ARG, 1);
        e.write(TestHost.ARG + 8, s.data(), 0, s.data().length);
        assertEquals(0, TestHost.call(boot, VCPU_OP, 0, 1, TestHost.ARG));
        assertEquals(-Errno.EEXIST, TestHost.call(boot, VCPU_OP, 0, 1, TestHost.ARG));
        assertEquals(Cpu.Activity.WAIT_FOR_SIPI, e.vcpu(1).cpu().activity());
        assertEquals(0, TestHost.call(boot, VCPU_OP, 1, 1, 0));
        Cpu c = e.vcpu(1).cpu();
        assertEquals(Cpu.Activity.RUNNING, c.activity());
        assertEquals(64, c.codeBits());
        assertEquals(0x1234, c.rip());
        assertEquals(42, c.reg(CpuState.RSI));
    }

    @Test
    void pvh_start_is_flat_protected_mode_without_paging() {
        v.startPvh(0x100_0000L, 0x9000);
        Cpu c = v.cpu();
        assertEquals(0x11, c.cr0());
        assertEquals(0x9000, c.reg(CpuState.RBX));
        assertEquals(0x100_0000L, c.rip());
        assertEquals(2, c.rflags());
        assertEquals(32, c.codeBits());
        assertEquals(0xc09b, c.segmentAttributes(CpuState.CS));
        assertEquals(0xc093, c.segmentAttributes(CpuState.SS));
        assertEquals(0xffff_ffffL, c.segmentLimit(CpuState.DS));
        assertEquals(0x67, c.segmentLimit(CpuState.TR));
        assertEquals(0x8b, c.segmentAttributes(CpuState.TR));
    }

    @Test
    void start_up_message_begins_in_real_mode_at_the_vector_page() {
        Vcpu ap = d.vcpu(1);
        // INIT and start-up from vCPU 0's local APIC, to APIC id 2
        assertTrue(v.cpu().apic().wrmsr(0x1b, 0xfee0_0d00L));
        assertTrue(v.cpu().apic().wrmsr(0x830, 2L << 32 | 0x4500));
        assertTrue(ap.down());
        assertTrue(v.cpu().apic().wrmsr(0x830, 2L << 32 | 0x4600 | 0x9a));
        assertEquals(false, ap.down());
        assertEquals(0x9a000, ap.cpu().segmentBase(CpuState.CS));
        assertEquals(0x9a00, ap.cpu().selector(CpuState.CS));
        assertEquals(0, ap.cpu().rip());
        assertEquals(16, ap.cpu().codeBits());
        assertEquals(Cpu.Activity.RUNNING, ap.cpu().activity());
    }

    @Test
    void paused_domain_holds_its_vcpus_where_they_were() {
        v.cpu().setActivity(Cpu.Activity.HALTED);
        d.pause();
        assertEquals(Cpu.Activity.WAIT_FOR_SIPI, v.cpu().activity());
        d.unpause();
        assertEquals(Cpu.Activity.HALTED, v.cpu().activity());
        assertEquals(Cpu.Activity.RUNNING, d.vcpu(1).cpu().activity());
    }
}

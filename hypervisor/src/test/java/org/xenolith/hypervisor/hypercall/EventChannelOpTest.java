package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.evtchn.Virq;

/** Event channels by both ABIs: binding, sending, masking, waking, and what the guest's shared memory then shows. */
final class EventChannelOpTest {
    private static final int EVENT_CHANNEL_OP = 32;
    private static final int SCHED_OP = 29;
    private static final int HVM_OP = 34;
    private static final long SHARED = 0x10_0000;
    private static final long CONTROL = 0x20;
    private static final long WORDS = 0x30;
    private static final int PENDING = 1 << 31;
    private static final int MASKED = 1 << 30;
    private static final int LINKED = 1 << 29;

    private final TestHost t = new TestHost();
    private Domain d;
    private Vcpu v;

    @BeforeEach
    void one_domain_with_mapped_shared_info() {
        d = t.domain(2);
        v = d.vcpu(0);
        StructView a = TestHost.struct(v, AddToPhysmap.ADD_TO_PHYSMAP);
        a.set("domid", 0x7ff0);
        a.set("gpfn", SHARED >>> 12);
        assertEquals(0, TestHost.call(v, 12, 7, a));
    }

    @AfterEach
    void no_frame_is_lost() {
        t.host.close();
        assertEquals(t.host.frames().frames(), t.host.frames().freeFrames());
        t.close();
    }

    private long op(Vcpu who, int command, StructView s) {
        return TestHost.call(who, EVENT_CHANNEL_OP, command, s);
    }

    private StructView struct(Struct s) {
        return TestHost.struct(v, s);
    }

    private int ipi(int vcpu) {
        StructView s = struct(EventChannelOp.BIND_IPI);
        s.set("vcpu", vcpu);
        assertEquals(0, op(v, 7, s));
        return s.get32("port");
    }

    private long portOp(int command, int port) {
        d.write32(TestHost.ARG, port);
        return TestHost.call(v, EVENT_CHANNEL_OP, command, TestHost.ARG);
    }

    private boolean upcall(int vcpu) {
        return d.read8(SHARED + 64 * vcpu) != 0;
    }

    private void clearUpcall(int vcpu) {
        d.write8(SHARED + 64 * vcpu, 0);
        d.write64(SHARED + 64 * vcpu + 8, 0);
    }

    private void useFifo() {
        StructView s = struct(EventChannelOp.INIT_CONTROL);
        s.set("control_gfn", CONTROL);
        assertEquals(0, op(v, 11, s));
        assertEquals(17, s.get("link_bits"));
        s.set("vcpu", 1);
        s.set("offset", 72);
        assertEquals(0, op(v, 11, s));
        StructView e = struct(EventChannelOp.EXPAND_ARRAY);
        e.set("array_gfn", WORDS);
        assertEquals(0, op(v, 12, e));
    }

    @Test
    void two_level_send_sets_pending_selector_and_upcall() {
        int port = ipi(1);
        assertEquals(0, portOp(4, port));
        assertEquals(1L << port, d.read64(SHARED + 2048));
        assertEquals(1, d.read64(SHARED + 64 + 8));
        assertTrue(upcall(1));
        assertFalse(upcall(0));
    }

    @Test
    void masked_event_waits_for_unmask() {
        int port = ipi(0);
        d.write64(SHARED + 2048 + 512, 1L << port);
        assertEquals(0, portOp(4, port));
        assertFalse(upcall(0));
        assertEquals(0, portOp(9, port));
        assertTrue(upcall(0));
        assertEquals(0, d.read64(SHARED + 2048 + 512));
    }

    @Test
    void virq_is_bound_once_for_each_vcpu() {
        StructView s = struct(EventChannelOp.BIND_VIRQ);
        s.set("virq", Virq.TIMER);
        assertEquals(0, op(v, 1, s));
        assertEquals(-Errno.EEXIST, op(v, 1, s));
        s.set("vcpu", 1);
        assertEquals(0, op(v, 1, s));
        int port = s.get32("port");
        s.set("virq", 3);
        assertEquals(-Errno.EINVAL, op(v, 1, s));
        s.set("virq", 24);
        assertEquals(-Errno.EINVAL, op(v, 1, s));
        s.set("virq", 0);
        s.set("vcpu", 2);
        assertEquals(-Errno.ENOENT, op(v, 1, s));
        assertEquals(-Errno.EINVAL, portOp(4, port));
        d.events().sendVirq(Virq.TIMER, 1);
        assertTrue(upcall(1));
        assertEquals(0, portOp(3, port));
        assertEquals(-Errno.EINVAL, portOp(3, port));
        s.set("vcpu", 1);
        assertEquals(0, op(v, 1, s));
        assertEquals(port, s.get32("port"));
    }

    @Test
    void two_domains_connect_and_disconnect() {
        Domain e = t.domain(1);
        StructView u = struct(EventChannelOp.ALLOC_UNBOUND);
        u.set("dom", 0x7ff0);
        u.set("remote_dom", e.domid());
        assertEquals(0, op(v, 6, u));
        StructView b = struct(EventChannelOp.BIND_INTERDOMAIN);
        b.set("remote_dom", d.domid());
        b.set("remote_port", u.get("port") + 1);
        assertEquals(-Errno.EINVAL, op(e.vcpu(0), 0, b));
        b.set("remote_port", u.get("port"));
        assertEquals(0, op(e.vcpu(0), 0, b));
        assertEquals(-Errno.EINVAL, op(e.vcpu(0), 0, b));
        assertTrue(e.vcpu(0).info().upcallPending());
        d.write32(TestHost.ARG, 0);
        e.write32(TestHost.ARG, b.get32("local_port"));
        assertEquals(0, TestHost.call(e.vcpu(0), EVENT_CHANNEL_OP, 4, TestHost.ARG));
        assertTrue(upcall(0));
        StructView s = struct(EventChannelOp.STATUS);
        s.set("dom", 0x7ff0);
        s.set("port", u.get("port"));
        assertEquals(0, op(v, 5, s));
        assertEquals(2, s.get("status"));
        assertEquals(e.domid(), s.get("u.interdomain.dom"));
        assertEquals(b.get("local_port"), s.get("u.interdomain.port"));
        e.destroy();
        assertEquals(0, op(v, 5, s));
        assertEquals(1, s.get("status"));
        assertEquals(0, portOp(4, u.get32("port")));
        b.set("remote_dom", 77);
        assertEquals(-Errno.ESRCH, op(v, 0, b));
    }

    @Test
    void service_of_domain_0_is_called_and_can_notify() {
        int[] calls = new int[1];
        int port = d.events().allocUnbound(0);
        int local = t.host.control().bind(d.domid(), port, () -> calls[0]++);
        assertEquals(1, calls[0]);
        assertEquals(0, portOp(4, port));
        assertEquals(2, calls[0]);
        t.host.control().notify(local);
        assertTrue(upcall(0));
        assertEquals(0, portOp(3, port));
        t.host.control().notify(local);
        assertEquals(2, calls[0]);
    }

    @Test
    void ports_run_out_at_the_limit_and_not_before() {
        for (int i = 1; i <= 1023; i++) {
            assertEquals(i, ipi(0));
        }
        StructView s = struct(EventChannelOp.BIND_IPI);
        assertEquals(-Errno.ENOSPC, op(v, 7, s));
        d.write16(TestHost.ARG, 0x7ff0);
        assertEquals(0, TestHost.call(v, EVENT_CHANNEL_OP, 10, TestHost.ARG));
        assertEquals(1, ipi(0));
    }

    @Test
    void fifo_links_events_in_the_order_of_sending() {
        int a = ipi(0);
        int b = ipi(0);
        int c = ipi(1);
        useFifo();
        assertEquals(0, portOp(4, b));
        assertEquals(0, portOp(4, a));
        assertEquals(0, portOp(4, c));
        assertEquals(1 << 7, d.read32(CONTROL << 12));
        assertEquals(b, d.read32((CONTROL << 12) + 8 + 4 * 7));
        assertEquals(PENDING | LINKED | a, d.read32((WORDS << 12) + 4 * b));
        assertEquals(PENDING | LINKED, d.read32((WORDS << 12) + 4 * a));
        assertEquals(c, d.read32((CONTROL << 12) + 72 + 8 + 4 * 7));
        assertTrue(upcall(0));
        assertTrue(upcall(1));
        // the guest consumes b and a, then one more event starts a new queue
        d.write32(CONTROL << 12, 0);
        d.write32((WORDS << 12) + 4 * b, 0);
        d.write32((WORDS << 12) + 4 * a, 0);
        clearUpcall(0);
        assertEquals(0, portOp(4, b));
        assertEquals(b, d.read32((CONTROL << 12) + 8 + 4 * 7));
        assertTrue(upcall(0));
    }

    @Test
    void fifo_event_that_was_the_tail_starts_its_queue_anew() {
        int a = ipi(0);
        useFifo();
        for (int i = 0; i < 3; i++) {
            assertEquals(0, portOp(4, a));
            assertEquals(1 << 7, d.read32(CONTROL << 12));
            assertEquals(a, d.read32((CONTROL << 12) + 8 + 4 * 7));
            assertEquals(PENDING | LINKED, d.read32((WORDS << 12) + 4 * a));
            assertTrue(upcall(0));
            d.write32(CONTROL << 12, 0);
            d.write32((WORDS << 12) + 4 * a, 0);
            clearUpcall(0);
        }
    }

    @Test
    void fifo_priority_chooses_the_queue_and_masked_events_stay_out() {
        int a = ipi(0);
        useFifo();
        StructView p = struct(EventChannelOp.SET_PRIORITY);
        p.set("port", a);
        p.set("priority", 2);
        assertEquals(0, op(v, 13, p));
        d.write32((WORDS << 12) + 4 * a, MASKED);
        assertEquals(0, portOp(4, a));
        assertEquals(PENDING | MASKED, d.read32((WORDS << 12) + 4 * a));
        assertFalse(upcall(0));
        assertEquals(0, portOp(9, a));
        assertEquals(1 << 2, d.read32(CONTROL << 12));
        assertEquals(a, d.read32((CONTROL << 12) + 8 + 4 * 2));
        p.set("priority", 16);
        assertEquals(-Errno.EINVAL, op(v, 13, p));
    }

    @Test
    void event_pending_at_the_switch_to_fifo_is_not_lost() {
        int a = ipi(0);
        d.write64(SHARED + 2048 + 512, -1L);
        assertEquals(0, portOp(4, a));
        useFifo();
        assertEquals(PENDING | LINKED, d.read32((WORDS << 12) + 4 * a));
        assertTrue(upcall(0));
    }

    @Test
    void fifo_pages_stay_while_they_are_used_and_bad_ones_are_refused() {
        useFifo();
        StructView e = struct(EventChannelOp.EXPAND_ARRAY);
        e.set("array_gfn", SHARED >>> 12);
        assertEquals(-Errno.EINVAL, op(v, 12, e));
        e.set("array_gfn", -1L);
        assertEquals(-Errno.EINVAL, op(v, 12, e));
        StructView s = struct(EventChannelOp.INIT_CONTROL);
        s.set("control_gfn", CONTROL);
        s.set("offset", 4096 - 64);
        assertEquals(-Errno.EINVAL, op(v, 11, s));
        assertTrue(d.remove(WORDS));
        int a = ipi(0);
        assertEquals(0, portOp(4, a));
        assertEquals(1 << 7, d.read32(CONTROL << 12));
    }

    @Test
    void poll_waits_for_its_port_or_its_timeout() {
        int a = ipi(0);
        int b = ipi(0);
        d.write64(SHARED + 2048 + 512, -1L);
        StructView p = struct(SchedOp.POLL);
        p.set("ports", 0x3000);
        p.set("nr_ports", 1);
        p.set("timeout", t.now + 5000);
        d.write32(0x3000, a);
        assertEquals(0, TestHost.call(v, SCHED_OP, 3, p));
        assertEquals(Cpu.Activity.HALTED, v.cpu().activity());
        d.events().send(b);
        assertEquals(Cpu.Activity.HALTED, v.cpu().activity());
        d.events().send(a);
        assertEquals(Cpu.Activity.RUNNING, v.cpu().activity());
        assertEquals(0, TestHost.call(v, SCHED_OP, 3, p));
        assertEquals(Cpu.Activity.RUNNING, v.cpu().activity());
        d.write64(SHARED + 2048, 0);
        assertEquals(0, TestHost.call(v, SCHED_OP, 3, p));
        t.advance(4999);
        assertEquals(Cpu.Activity.HALTED, v.cpu().activity());
        t.advance(1);
        assertEquals(Cpu.Activity.RUNNING, v.cpu().activity());
        d.write32(0x3000, 500);
        assertEquals(-Errno.EINVAL, TestHost.call(v, SCHED_OP, 3, p));
    }

    @Test
    void block_ends_with_the_next_event() {
        int a = ipi(0);
        assertEquals(0, TestHost.call(v, SCHED_OP, 1, 0));
        assertEquals(Cpu.Activity.HALTED, v.cpu().activity());
        v.afterRun();
        assertEquals(2, v.runstate().state());
        d.events().send(a);
        assertEquals(Cpu.Activity.RUNNING, v.cpu().activity());
        assertEquals(0, TestHost.call(v, SCHED_OP, 1, 0));
        assertEquals(Cpu.Activity.RUNNING, v.cpu().activity());
    }

    @Test
    void callback_vector_stays_asserted_until_the_flag_is_cleared() {
        StructView p = struct(HvmOp.PARAM);
        p.set("domid", 0x7ff0);
        p.set("index", HvmParams.CALLBACK_IRQ);
        p.set("value", 2L << 56 | 0xf3);
        assertEquals(0, TestHost.call(v, HVM_OP, 0, p));
        assertEquals(-1, v.container().externalInterrupt(v.cpu()));
        d.events().send(ipi(0));
        assertTrue(v.container().hasExternalInterrupt(v.cpu()));
        assertEquals(0xf3, v.container().externalInterrupt(v.cpu()));
        assertEquals(0xf3, v.container().externalInterrupt(v.cpu()));
        clearUpcall(0);
        assertEquals(-1, v.container().externalInterrupt(v.cpu()));
    }

    @Test
    void upcall_vector_reaches_an_apic_that_is_enabled_later() {
        StructView u = struct(HvmOp.UPCALL_VECTOR);
        u.set("vector", 0x0f);
        assertEquals(-Errno.EINVAL, TestHost.call(v, HVM_OP, 23, u));
        u.set("vector", 0xf3);
        u.set("vcpu", 2);
        assertEquals(-Errno.ENOENT, TestHost.call(v, HVM_OP, 23, u));
        u.set("vcpu", 0);
        assertEquals(0, TestHost.call(v, HVM_OP, 23, u));
        d.events().send(ipi(0));
        assertFalse(v.cpu().apic().pending());
        assertFalse(v.container().hasExternalInterrupt(v.cpu()));
        v.cpu().apic().mmioWrite(0xf0, 4, 0x1ff);
        assertTrue(v.cpu().apic().pending());
        assertEquals(0xf3, v.cpu().apic().acknowledge());
    }

    @Test
    void vcpu_of_an_ipi_port_cannot_be_changed_but_that_of_others_can() {
        StructView b = struct(EventChannelOp.BIND_VCPU);
        b.set("port", ipi(0));
        b.set("vcpu", 1);
        assertEquals(-Errno.EINVAL, op(v, 8, b));
        b.set("port", d.events().allocUnbound(0));
        assertEquals(0, op(v, 8, b));
        b.set("vcpu", 2);
        assertEquals(-Errno.ENOENT, op(v, 8, b));
    }
}

package org.xenolith.cpu.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Cpu.Activity;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Msr;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/**
 * The local APIC without a guest: delivery and priorities, both register interfaces with their refusals, mode transitions, messages
 * between CPUs, the timer's three modes, and errors.
 */
class LocalApicTest {
    private static final long BASE = 0xfee0_0000L;
    private static final long ENABLE = 1 << 11;
    private static final long EXTD = 1 << 10;
    private static final int CPUS = 4;

    private final PhysicalMemory memory = new PhysicalMemory(1 << 20);
    private final Timers timers = new Timers();
    private final Cpu[] cpus = new Cpu[CPUS];
    private final ApicBus bus = new ApicBus();
    private final List<Integer> ended = new ArrayList<>();
    private long now;
    private LocalApic a;

    @BeforeEach
    void start() {
        for (int n = 0; n < CPUS; n++) {
            cpus[n] = new Cpu(n, 2 * n, CpuModels.named("x86-64-v2").withTopology(CPUS, 1), memory, gfn -> gfn,
                    new CpuEnvironment() {}, () -> now, timers);
            bus.add(cpus[n].apic());
            cpus[n].apic().mmioWrite(0xf0, 4, 0x1ff);
        }
        bus.setEoiListener(ended::add);
        a = cpus[0].apic();
    }

    @AfterEach
    void close() {
        for (Cpu c : cpus) {
            c.close();
        }
        memory.close();
    }

    private void x2apic() {
        for (Cpu c : cpus) {
            assertTrue(c.apic().wrmsr(Msr.APIC_BASE, BASE | ENABLE | EXTD | (c.id() == 0 ? 0x100 : 0)));
        }
    }

    private long msr(int reg) {
        long[] v = new long[1];
        assertTrue(a.rdmsr(0x800 + reg, v), "RDMSR " + Integer.toHexString(0x800 + reg));
        return v[0];
    }

    private void advance(long to) {
        now = to;
        timers.expire(now);
    }

    private static int take(LocalApic apic) {
        return apic.pending() ? apic.acknowledge() : -1;
    }

    // ---- priorities ----

    @Test
    void higher_class_interrupts_lower_and_eoi_returns_to_it() {
        a.post(0x31);
        assertEquals(0x31, take(a));
        a.post(0x3f);
        assertEquals(-1, take(a), "same class waits");
        a.post(0x41);
        assertEquals(0x41, take(a));
        a.mmioWrite(0xb0, 4, 0);
        assertFalse(a.pending(), "31h is still in service");
        a.mmioWrite(0xb0, 4, 0);
        assertEquals(0x3f, take(a));
    }

    @Test
    void task_priority_holds_back_its_class_and_below() {
        a.setTpr(0x40);
        a.post(0x4f);
        a.post(0x50);
        assertEquals(0x50, take(a));
        assertEquals(-1, take(a));
        a.mmioWrite(0xb0, 4, 0);
        a.mmioWrite(0x80, 4, 0x3f);
        assertEquals(0x4f, take(a));
    }

    @Test
    void processor_priority_is_the_higher_of_task_and_service() {
        a.setTpr(0x25);
        assertEquals(0x25, a.mmioRead(0xa0, 4));
        a.post(0x66);
        take(a);
        assertEquals(0x60, a.mmioRead(0xa0, 4));
        a.setTpr(0x65);
        assertEquals(0x65, a.mmioRead(0xa0, 4));
    }

    @Test
    void request_service_and_trigger_registers_show_the_vector() {
        a.receive(0, 0x91, true);
        assertEquals(1 << 17, a.mmioRead(0x240, 4));
        assertEquals(1 << 17, a.mmioRead(0x1c0, 4));
        take(a);
        assertEquals(0, a.mmioRead(0x240, 4));
        assertEquals(1 << 17, a.mmioRead(0x140, 4));
        a.mmioWrite(0xb0, 4, 0);
        assertEquals(List.of(0x91), ended, "level-triggered: the I/O APICs hear of it");
    }

    @Test
    void software_disabled_apic_loses_messages_and_keeps_the_hypervisors() {
        a.mmioWrite(0xf0, 4, 0xff);
        a.post(0x40);
        a.receive(0, 0x41, false);
        a.postOrKeep(0x42);
        assertFalse(a.pending());
        a.mmioWrite(0xf0, 4, 0x1ff);
        assertEquals(0x42, take(a));
        assertEquals(-1, take(a));
    }

    // ---- registers ----

    @Test
    void registers_after_reset() {
        a.reset();
        assertEquals(0, a.mmioRead(0x20, 4));
        assertEquals(0x0005_0014, a.mmioRead(0x30, 4));
        assertEquals(0xff, a.mmioRead(0xf0, 4));
        assertEquals(0xffff_ffffL, a.mmioRead(0xe0, 4));
        for (int lvt = 0x320; lvt <= 0x370; lvt += 0x10) {
            assertEquals(0x1_0000, a.mmioRead(lvt, 4), Integer.toHexString(lvt));
        }
        assertEquals(6L << 24, cpus[3].apic().mmioRead(0x20, 4));
    }

    @Test
    void local_vectors_stay_masked_while_software_disabled() {
        a.mmioWrite(0x350, 4, 0x700);
        assertEquals(0x700, a.mmioRead(0x350, 4));
        assertTrue(a.acceptsExternal());
        a.mmioWrite(0xf0, 4, 0);
        assertEquals(0x1_0700, a.mmioRead(0x350, 4));
        a.mmioWrite(0x350, 4, 0x700);
        assertEquals(0x1_0700, a.mmioRead(0x350, 4));
        assertFalse(a.acceptsExternal());
    }

    @Test
    void missing_register_sets_the_error_status() {
        a.mmioRead(0x40, 4);
        assertEquals(0, a.mmioRead(0x280, 4));
        a.mmioWrite(0x280, 4, 0);
        assertEquals(0x80, a.mmioRead(0x280, 4));
        a.mmioWrite(0x280, 4, 0);
        assertEquals(0, a.mmioRead(0x280, 4));
    }

    @Test
    void sending_a_vector_below_16_is_an_error_that_may_interrupt() {
        a.mmioWrite(0x370, 4, 0xfe);
        a.mmioWrite(0x300, 4, 0x4_0005);
        assertEquals(0xfe, take(a));
        a.mmioWrite(0x280, 4, 0);
        assertEquals(0x20, a.mmioRead(0x280, 4));
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 0", "8, 0", "4, 4"})
    void access_that_is_not_an_aligned_dword_changes_nothing(int size, int offset) {
        a.mmioWrite(0x80 + offset, size, 0x50);
        assertEquals(0, a.tpr());
    }

    // ---- x2APIC ----

    @Test
    void x2apic_ids() {
        x2apic();
        a = cpus[3].apic();
        assertEquals(6, msr(0x02));
        assertEquals(1 << 6, msr(0x0d));
    }

    @ParameterizedTest
    @CsvSource({"80b", "80e", "831", "83f", "82f", "800", "804", "8ff"})
    void x2apic_register_that_cannot_be_read(String number) {
        x2apic();
        assertFalse(a.rdmsr(Integer.parseInt(number, 16), new long[1]));
    }

    @ParameterizedTest
    @CsvSource({"802, 0", "803, 0", "80a, 0", "80d, 0", "80e, 0", "810, 0", "839, 0", "831, 0", "82f, 0", "808, 100",
        "808, 100000000", "80b, 1", "828, 1", "80f, 400", "830, 1000", "830, 100000", "830, 2000", "832, 8000",
        "835, 800", "837, 100", "83e, 4", "838, 100000000", "83f, 100", "833, 2000"})
    void x2apic_refuses(String number, String value) {
        x2apic();
        assertFalse(a.wrmsr(Integer.parseInt(number, 16), Long.parseLong(value, 16)));
    }

    @ParameterizedTest
    @CsvSource({"808, f0", "80b, 0", "828, 0", "80f, 1ff", "832, 700ff", "835, 1a7ff", "837, 100ff", "83e, b",
        "838, ffffffff", "830, 20000040000"})
    void x2apic_accepts(String number, String value) {
        x2apic();
        assertTrue(a.wrmsr(Integer.parseInt(number, 16), Long.parseLong(value, 16)));
    }

    @Test
    void self_ipi() {
        x2apic();
        assertTrue(a.wrmsr(0x83f, 0x77));
        assertEquals(0x77, take(a));
    }

    @Test
    void x2apic_registers_do_not_exist_in_xapic_mode() {
        assertFalse(a.rdmsr(0x802, new long[1]));
        assertFalse(a.wrmsr(0x808, 0));
    }

    // ---- modes ----

    /** From, to, allowed: the figure of SDM vol. 3, 11.12.5. */
    @ParameterizedTest
    @CsvSource({"off, xapic, true", "off, x2apic, false", "off, invalid, false", "xapic, off, true",
        "xapic, x2apic, true",
        "xapic, invalid, false", "x2apic, off, true", "x2apic, xapic, false", "x2apic, invalid, false",
        "x2apic, x2apic, true"})
    void mode_transitions(String from, String to, boolean allowed) {
        if (from.equals("off")) {
            assertTrue(a.wrmsr(Msr.APIC_BASE, BASE));
        } else if (from.equals("x2apic")) {
            x2apic();
        }
        long bits = switch (to) {
            case "off" -> 0;
            case "xapic" -> ENABLE;
            case "x2apic" -> ENABLE | EXTD;
            default -> EXTD;
        };
        assertEquals(allowed, a.wrmsr(Msr.APIC_BASE, BASE | bits));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 1 << 7, 1 << 9, 1L << 46, 1L << 63})
    void base_register_refuses_reserved_bits(long bit) {
        assertFalse(a.wrmsr(Msr.APIC_BASE, BASE | ENABLE | bit));
    }

    @Test
    void register_page_follows_the_base_and_goes_away_in_x2apic_mode() {
        assertTrue(a.mapped(0xfee00));
        a.wrmsr(Msr.APIC_BASE, 0xfed0_0000L | ENABLE);
        assertTrue(a.mapped(0xfed00));
        assertFalse(a.mapped(0xfee00));
        a.wrmsr(Msr.APIC_BASE, 0xfed0_0000L | ENABLE | EXTD);
        assertFalse(a.mapped(0xfed00));
    }

    @Test
    void guest_loads_and_stores_reach_the_register_page_over_ram() {
        a.wrmsr(Msr.APIC_BASE, 0x8000 | ENABLE);
        cpus[0].setField(CpuState.CR0, 0x11);
        cpus[0].updateMode();
        cpus[0].mmu().write32(0x8080, CpuState.DS, 0x70);
        assertEquals(0x70, a.tpr());
        assertEquals(0x0005_0014, cpus[0].mmu().read32(0x8030, CpuState.DS));
    }

    @Test
    void turning_the_apic_off_clears_it_and_cpuid() {
        a.post(0x55);
        a.wrmsr(Msr.APIC_BASE, BASE);
        assertFalse(a.pending());
        assertEquals(0, cpus[0].cpuid(1, 0)[3] >>> 9 & 1);
        a.wrmsr(Msr.APIC_BASE, BASE | ENABLE);
        assertEquals(1, cpus[0].cpuid(1, 0)[3] >>> 9 & 1);
        assertEquals(0, a.mmioRead(0x220, 4));
    }

    // ---- messages ----

    private String received(int vector) {
        StringBuilder s = new StringBuilder();
        for (int n = 0; n < CPUS; n++) {
            if (take(cpus[n].apic()) == vector) {
                s.append(n);
                cpus[n].apic().mmioWrite(0xb0, 4, 0);
            }
        }
        return s.toString();
    }

    private void logicalIds(int dfr) {
        for (int n = 0; n < CPUS; n++) {
            cpus[n].apic().mmioWrite(0xe0, 4, dfr);
            cpus[n].apic().mmioWrite(0xd0, 4, dfr == -1 ? 1 << 24 + n : (n / 2 << 4 | 1 << n % 2) << 24);
        }
    }

    @ParameterizedTest
    @CsvSource({"physical id 4, 4, 0, 2", "physical id of nobody, 5, 0, ''", "physical broadcast, ff, 0, 0123",
        "self, 0, 40000, 0", "all, 0, 80000, 0123", "all but self, 0, c0000, 123", "logical two, 6, 800, 12",
        "logical broadcast, ff, 800, 0123", "lowest priority of all, ff, 900, 0"})
    void xapic_destinations(String what, String destination, String bits, String to) {
        logicalIds(-1);
        a.mmioWrite(0x310, 4, Long.parseLong(destination, 16) << 24);
        a.mmioWrite(0x300, 4, Long.parseLong(bits, 16) | 0x60);
        assertEquals(to, received(0x60), what);
    }

    @ParameterizedTest
    @CsvSource({"11, 2", "13, 23", "03, 01", "01, 0", "f1, ''", "23, ''"})
    void xapic_cluster_destinations(String destination, String to) {
        logicalIds(0x0fff_ffff);
        a.mmioWrite(0x310, 4, Long.parseLong(destination, 16) << 24);
        a.mmioWrite(0x300, 4, 0x860);
        assertEquals(to, received(0x60));
    }

    @ParameterizedTest
    @CsvSource({"physical, 4, 0, 2", "broadcast, ffffffff, 0, 0123", "ff is nobody, ff, 0, ''", "logical, 14, 800, 12",
        "other cluster, 10014, 800, ''", "logical broadcast, ffffffff, 800, 0123", "all but self, 0, c0000, 123"})
    void x2apic_destinations(String what, String destination, String bits, String to) {
        x2apic();
        assertTrue(a.wrmsr(0x830, Long.parseLong(destination, 16) << 32 | Long.parseLong(bits, 16) | 0x60));
        StringBuilder s = new StringBuilder();
        for (int n = 0; n < CPUS; n++) {
            if (take(cpus[n].apic()) == 0x60) {
                s.append(n);
            }
        }
        assertEquals(to, s.toString(), what);
    }

    @Test
    void lowest_priority_goes_to_the_cpu_with_the_lowest_processor_priority() {
        logicalIds(-1);
        a.setTpr(0x20);
        cpus[1].apic().setTpr(0x10);
        cpus[2].apic().setTpr(0x10);
        cpus[3].apic().setTpr(0x30);
        a.mmioWrite(0x310, 4, 0xff00_0000L);
        a.mmioWrite(0x300, 4, 0x960);
        assertEquals("1", received(0x60));
    }

    @Test
    void nmi_message() {
        a.mmioWrite(0x310, 4, 2L << 24);
        a.mmioWrite(0x300, 4, 0x400);
        assertTrue(cpus[1].nmiPending());
        assertFalse(cpus[2].nmiPending());
    }

    @Test
    void init_then_start_up_runs_the_other_cpu_in_real_mode_at_the_vectors_page() {
        Cpu ap = cpus[1];
        ap.setReg(CpuState.RBX, 5);
        ap.setYmm(3, 0, 99);
        ap.setField(CpuState.LSTAR, 77);
        ap.apic().post(0x40);
        a.mmioWrite(0x310, 4, 2L << 24);
        a.mmioWrite(0x300, 4, 0xc500);
        assertEquals(Activity.WAIT_FOR_SIPI, ap.activity());
        assertEquals(0, ap.reg(CpuState.RBX));
        assertEquals(99, ap.ymm(3, 0), "INIT keeps vector registers");
        assertEquals(77, ap.field(CpuState.LSTAR), "and MSRs");
        assertFalse(ap.apic().pending());
        a.mmioWrite(0x300, 4, 0x8500);
        assertEquals(Activity.WAIT_FOR_SIPI, ap.activity(), "level de-assert is ignored");
        a.mmioWrite(0x300, 4, 0x69a);
        assertEquals(Activity.RUNNING, ap.activity());
        assertEquals(0x9a00, ap.selector(CpuState.CS));
        assertEquals(0x9_a000, ap.segmentBase(CpuState.CS));
        assertEquals(0, ap.rip());
        ap.setRip(0x123);
        a.mmioWrite(0x300, 4, 0x69b);
        assertEquals(0x123, ap.rip(), "a second start-up message is ignored");
    }

    @Test
    void event_posted_to_a_cpu_that_was_never_started_survives_init() {
        Cpu ap = cpus[1];
        ap.reset();
        ap.setActivity(Activity.WAIT_FOR_SIPI);
        ap.apic().postOrKeep(0xf3);
        StartUp.init(ap);
        StartUp.sipi(ap, 0x9a);
        assertFalse(ap.apic().pending());
        ap.apic().mmioWrite(0xf0, 4, 0x1ff);
        assertEquals(0xf3, take(ap.apic()));
    }

    @Test
    void init_of_the_bootstrap_processor_starts_at_the_reset_vector() {
        cpus[1].apic().mmioWrite(0x300, 4, 0xc500);
        assertEquals(Activity.RUNNING, cpus[0].activity());
        assertEquals(0xfff0, cpus[0].rip());
        assertEquals(0xffff_0000L, cpus[0].segmentBase(CpuState.CS));
    }

    @Test
    void msi_goes_to_the_apic_in_its_address() {
        assertTrue(bus.msi(0xfee0_4000L, 0x61));
        assertEquals("2", received(0x61));
        assertFalse(bus.msi(0xfee0_9000L, 0x61));
        logicalIds(-1);
        assertTrue(bus.msi(0xfee0_c00cL, 0x62), "redirection hint: one of CPUs 2 and 3");
        assertEquals("2", received(0x62));
    }

    @Test
    void pins_follow_their_local_vectors() {
        a.mmioWrite(0x360, 4, 0x400);
        a.pin(1);
        assertTrue(cpus[0].nmiPending());
        a.mmioWrite(0x350, 4, 0x45);
        a.pin(0);
        assertEquals(0x45, take(a));
        a.mmioWrite(0x350, 4, 0x1_0045);
        a.pin(0);
        assertEquals(-1, take(a));
    }

    // ---- timer ----

    @ParameterizedTest
    @CsvSource({"0, 2", "1, 4", "2, 8", "3, 16", "8, 32", "9, 64", "a, 128", "b, 1"})
    void one_shot_fires_once_after_count_times_divider_crystal_ticks(String code, int divider) {
        now = 1000;
        a.mmioWrite(0x320, 4, 0xec);
        a.mmioWrite(0x3e0, 4, Integer.parseInt(code, 16));
        a.mmioWrite(0x380, 4, 100);
        long due = 1000 + 100L * divider * 40;
        assertEquals(due, timers.next());
        advance(due - 1);
        assertFalse(a.pending());
        assertEquals(1, a.mmioRead(0x390, 4));
        advance(due);
        assertEquals(0xec, take(a));
        assertEquals(0, a.mmioRead(0x390, 4));
        assertEquals(Timers.NEVER, timers.next());
    }

    @Test
    void periodic_timer_keeps_its_rhythm() {
        a.mmioWrite(0x320, 4, 0x2_00ec);
        a.mmioWrite(0x3e0, 4, 0xb);
        a.mmioWrite(0x380, 4, 25);
        for (int k = 1; k <= 3; k++) {
            advance(1000L * k + 3);
            assertEquals(0xec, take(a));
            a.mmioWrite(0xb0, 4, 0);
            assertEquals(1000L * (k + 1), timers.next());
        }
        a.mmioWrite(0x380, 4, 0);
        assertEquals(Timers.NEVER, timers.next());
    }

    @Test
    void masked_timer_counts_but_does_not_interrupt() {
        a.mmioWrite(0x320, 4, 0x1_00ec);
        a.mmioWrite(0x3e0, 4, 0xb);
        a.mmioWrite(0x380, 4, 25);
        advance(400);
        assertEquals(15, a.mmioRead(0x390, 4));
        advance(1000);
        assertFalse(a.pending());
    }

    @Test
    void tsc_deadline() {
        a.mmioWrite(0x320, 4, 0x4_00ec);
        a.mmioWrite(0x380, 4, 100);
        assertEquals(Timers.NEVER, timers.next(), "the initial count does nothing in this mode");
        assertTrue(a.wrmsr(Msr.TSC_DEADLINE, 5000));
        long[] v = new long[1];
        a.rdmsr(Msr.TSC_DEADLINE, v);
        assertEquals(5000, v[0]);
        advance(4999);
        assertFalse(a.pending());
        advance(5000);
        assertEquals(0xec, take(a));
        a.rdmsr(Msr.TSC_DEADLINE, v);
        assertEquals(0, v[0]);
    }

    @Test
    void tsc_deadline_in_the_past_fires_at_once_and_zero_disarms() {
        now = 9000;
        a.mmioWrite(0x320, 4, 0x4_00ec);
        a.wrmsr(Msr.TSC_DEADLINE, 5000);
        assertEquals(0xec, take(a));
        a.wrmsr(Msr.TSC_DEADLINE, 10_000);
        a.wrmsr(Msr.TSC_DEADLINE, 0);
        assertEquals(Timers.NEVER, timers.next());
    }

    @Test
    void tsc_deadline_follows_a_write_of_the_tsc() {
        a.mmioWrite(0x320, 4, 0x4_00ec);
        a.wrmsr(Msr.TSC_DEADLINE, 5000);
        cpus[0].msrs().write(Msr.TSC, 4000);
        assertEquals(1000, timers.next());
        a.wrmsr(Msr.TSC_DEADLINE, -1L);
        assertEquals(Timers.NEVER, timers.next(), "too far to come");
    }

    @Test
    void leaving_tsc_deadline_mode_disarms() {
        a.mmioWrite(0x320, 4, 0x4_00ec);
        a.wrmsr(Msr.TSC_DEADLINE, 5000);
        a.mmioWrite(0x320, 4, 0xec);
        assertEquals(Timers.NEVER, timers.next());
        assertTrue(a.wrmsr(Msr.TSC_DEADLINE, 5000), "a write in another mode is ignored");
        assertEquals(Timers.NEVER, timers.next());
    }

    @Test
    void without_a_bus_the_environment_hears_the_command_in_x2apic_layout() {
        List<Long> sent = new ArrayList<>();
        try (Cpu alone = new Cpu(0, 0, CpuModels.named("x86-64-v2"), memory, gfn -> gfn, new CpuEnvironment() {
            @Override
            public void ipi(Cpu from, long icr) {
                sent.add(icr);
            }
        }, () -> now, timers)) {
            LocalApic apic = alone.apic();
            apic.mmioWrite(0xf0, 4, 0x1ff);
            apic.mmioWrite(0x310, 4, 3L << 24);
            apic.mmioWrite(0x300, 4, 0x4040);
            apic.mmioWrite(0x300, 4, 0x4_4041);
            assertEquals(List.of(3L << 32 | 0x4040), sent);
            assertEquals(0x41, take(apic), "to itself without help");
        }
    }
}

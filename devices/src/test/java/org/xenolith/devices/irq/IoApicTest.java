package org.xenolith.devices.irq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.cpu.apic.LocalApic;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.testing.TestBoard;
import org.xenolith.memory.PhysicalMemory;

/** The I/O APIC and the lines of a PC, with the local APIC of a CPU at the other end. */
final class IoApicTest {
    private static final int LEVEL = 1 << 15;
    private static final int REMOTE_IRR = 1 << 14;
    private static final int MASKED = 1 << 16;

    private final TestBoard b = new TestBoard();
    private final PhysicalMemory memory = new PhysicalMemory(1 << 20);
    private final ApicBus bus = new ApicBus();
    private final Interrupts interrupts = new Interrupts(b.board(), bus, b.board().unimplemented());
    private final Cpu cpu = new Cpu(0, 0, CpuModels.named("x86-64-v2"), memory, gfn -> gfn, new CpuEnvironment() {},
            b.board().clock(), b.board().timers());
    private final LocalApic apic = cpu.apic();

    @BeforeEach
    void enable() {
        bus.add(apic);
        apic.mmioWrite(0xf0, 4, 0x1ff);
    }

    @AfterEach
    void close() {
        cpu.close();
        memory.close();
        b.close();
    }

    private long read(int register) {
        b.board().mmio().write(IoApic.ADDRESS, 4, register);
        return b.board().mmio().read(IoApic.ADDRESS + 0x10, 4) & 0xffff_ffffL;
    }

    private void write(int register, long value) {
        b.board().mmio().write(IoApic.ADDRESS, 4, register);
        b.board().mmio().write(IoApic.ADDRESS + 0x10, 4, value);
    }

    private void route(int pin, long low) {
        write(0x11 + 2 * pin, 0);
        write(0x10 + 2 * pin, low);
    }

    @Test
    void it_is_an_82093AA_with_24_masked_inputs() {
        assertEquals(0x0017_0011, read(1));
        assertEquals(MASKED, read(0x10 + 2 * 23));
        write(0, 0x0f00_0000);
        assertEquals(0x0f00_0000, read(0));
        assertEquals(0x0f00_0000, read(2));
        route(5, 0xffff_ffffL & ~MASKED);
        assertEquals(0xafff, read(0x1a));
    }

    @Test
    void an_edge_is_a_message_with_the_vector_of_the_entry() {
        route(4, 0x55);
        IrqLine irq4 = interrupts.line(4);
        irq4.set(true);
        assertTrue(apic.pending());
        assertEquals(0x55, apic.acknowledge());
        apic.mmioWrite(0xb0, 4, 0);
        assertFalse(apic.pending());
        irq4.set(false);
        irq4.set(true);
        assertEquals(0x55, apic.acknowledge());
    }

    @Test
    void an_edge_at_a_masked_input_is_lost() {
        route(4, MASKED | 0x55);
        interrupts.line(4).set(true);
        route(4, 0x55);
        assertFalse(apic.pending());
    }

    @Test
    void irq_0_leads_to_input_2() {
        route(2, 0x31);
        interrupts.line(0).pulse();
        assertEquals(0x31, apic.acknowledge());
    }

    @Test
    void a_level_comes_again_after_eoi_while_any_source_asserts_the_line() {
        route(11, LEVEL | 0x61);
        IrqLine one = interrupts.line(11);
        IrqLine other = interrupts.line(11);
        one.set(true);
        other.set(true);
        assertEquals(0x61, apic.acknowledge());
        assertEquals(REMOTE_IRR, read(0x10 + 22) & REMOTE_IRR);
        one.set(false);
        apic.mmioWrite(0xb0, 4, 0);
        assertTrue(apic.pending());
        assertEquals(0x61, apic.acknowledge());
        other.set(false);
        apic.mmioWrite(0xb0, 4, 0);
        assertFalse(apic.pending());
        assertEquals(0, read(0x10 + 22) & REMOTE_IRR);
    }

    @Test
    void a_level_waits_while_its_input_is_masked() {
        route(11, LEVEL | MASKED | 0x61);
        interrupts.line(11).set(true);
        assertFalse(apic.pending());
        route(11, LEVEL | 0x61);
        assertTrue(apic.pending());
    }

    @Test
    void switching_to_edge_and_back_ends_a_level_triggered_interrupt() {
        route(11, LEVEL | 0x61);
        interrupts.line(11).set(true);
        assertEquals(REMOTE_IRR, read(0x10 + 22) & REMOTE_IRR);
        write(0x10 + 22, MASKED | 0x61);
        assertEquals(0, read(0x10 + 22) & REMOTE_IRR);
    }

    @Test
    void an_extint_entry_is_reported() {
        route(3, 7 << 8);
        interrupts.line(3).pulse();
        assertFalse(apic.pending());
        assertEquals(1, b.unimplemented().get("ioapic:mode7"));
    }

    @Test
    void the_pic_reaches_the_cpu_through_lint0_in_extint_mode_only() {
        b.out(0x20, 1, 0x13);
        b.out(0x21, 1, 0x20);
        b.out(0x21, 1, 1);
        assertFalse(apic.acceptsExternal());
        apic.mmioWrite(0x350, 4, 0x700);
        cpu.clearAttention();
        interrupts.line(1).set(true);
        assertTrue(cpu.attention());
        assertTrue(interrupts.pic().pending() && apic.acceptsExternal());
        assertEquals(0x21, interrupts.pic().acknowledge());
        // in fixed mode the PIC's output is an interrupt of the local APIC
        b.out(0x20, 1, 0x20);
        apic.mmioWrite(0x350, 4, 0x44);
        assertFalse(apic.acceptsExternal());
        interrupts.line(3).set(true);
        assertEquals(0x44, apic.acknowledge());
    }
}

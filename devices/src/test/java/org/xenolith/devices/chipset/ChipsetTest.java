package org.xenolith.devices.chipset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.irq.Interrupts;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;
import org.xenolith.time.Timers;

/** Host bridge, ISA bridge, power management and the control ports. */
final class ChipsetTest {
    private static final int ISA = 1 << 3;
    private static final int POWER = 1 << 3 | 3;

    private final TestBoard b = new TestBoard();
    private final PciBus pci = new PciBus(b.board());
    private final List<String> events = new ArrayList<>();

    @AfterEach
    void close() {
        b.close();
    }

    private static byte[] image(int bytes) {
        byte[] rom = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            rom[i] = (byte) (i >>> 12 ^ i);
        }
        return rom;
    }

    private byte[] peek(long gpa, int bytes) {
        byte[] to = new byte[bytes];
        return b.memory().tryRead(gpa, to, 0, bytes) ? to : new byte[0];
    }

    private boolean poke(long gpa, int value) {
        return b.memory().tryWrite(gpa, new byte[]{(byte) value}, 0, 1);
    }

    // ---- host bridge ----

    @Test
    void firmware_shows_below_4_gib_and_its_end_below_1_mib() {
        byte[] rom = image(0x4_0000);
        pci.add(0, new HostBridge(b.board(), new SystemRom(b.board().windows(), rom)));
        assertArrayEquals(Arrays.copyOfRange(rom, 0x2_0000, 0x4_0000), peek(0xe_0000, 0x2_0000));
        assertArrayEquals(Arrays.copyOfRange(rom, 0, 4096), peek(0xfffc_0000L, 4096));
        assertFalse(poke(0xf_0000, 1));
        assertEquals(0, peek(0xc_0000, 1).length);
        assertEquals(0x8086, b.readConfig(0, 0, 2));
        assertEquals(0x1237, b.readConfig(0, 2, 2));
    }

    @Test
    void small_firmware_leaves_the_rest_below_1_mib_empty() {
        pci.add(0, new HostBridge(b.board(), new SystemRom(b.board().windows(), new byte[]{1, 2, 3})));
        assertArrayEquals(new byte[]{0, 1, 2, 3}, peek(0xf_fffc, 4));
        assertEquals(0, peek(0xf_e000, 1).length);
        assertEquals(0, peek(0xe_0000, 1).length);
        assertThrows(IllegalArgumentException.class, () -> new SystemRom(b.board().windows(), new byte[0]));
    }

    @Test
    void pam_registers_choose_ram_or_rom_for_reads_and_writes() {
        byte[] rom = image(0x4_0000);
        pci.add(0, new HostBridge(b.board(), new SystemRom(b.board().windows(), rom)));
        b.writeConfig(0, 0x59, 1, 0x30);
        assertTrue(poke(0xf_0000, 0x77));
        b.writeConfig(0, 0x59, 1, 0x10);
        assertEquals(0x77, peek(0xf_0000, 1)[0]);
        assertFalse(poke(0xf_0000, 0x78));
        // reads from ROM, writes to RAM
        b.writeConfig(0, 0x59, 1, 0x20);
        assertEquals(rom[0x3_0000], peek(0xf_0000, 1)[0]);
        b.board().mmio().write(0xf_0000, 2, 0x1234);
        assertEquals(rom[0x3_0000], peek(0xf_0000, 1)[0]);
        b.writeConfig(0, 0x59, 1, 0x10);
        assertArrayEquals(new byte[]{0x34, 0x12}, peek(0xf_0000, 2));
        // CC000h is the high half of 5Bh
        b.writeConfig(0, 0x5b, 1, 0x30);
        assertTrue(poke(0xc_c000, 1));
        assertFalse(poke(0xc_bfff, 1));
        assertFalse(poke(0xd_0000, 1));
        pci.reset();
        assertArrayEquals(Arrays.copyOfRange(rom, 0x3_0000, 0x4_0000), peek(0xf_0000, 0x1_0000));
        assertEquals(0, peek(0xc_c000, 1).length);
    }

    @Test
    void without_firmware_ram_shows() {
        pci.add(0, new HostBridge(b.board(), null));
        assertTrue(poke(0xc_0000, 1));
        assertTrue(poke(0xf_ffff, 1));
    }

    @Test
    void smram_is_locked_until_reset_and_its_opening_is_reported() {
        pci.add(0, new HostBridge(b.board(), null));
        b.writeConfig(0, 0x72, 1, 0x4a);
        assertEquals(0x4a, b.readConfig(0, 0x72, 1));
        assertEquals(1, b.unimplemented().get("82441fx:smram"));
        b.writeConfig(0, 0x72, 1, 0x5a);
        assertEquals(0x1a, b.readConfig(0, 0x72, 1));
        b.writeConfig(0, 0x72, 1, 0x4a);
        assertEquals(0x1a, b.readConfig(0, 0x72, 1));
        pci.reset();
        assertEquals(2, b.readConfig(0, 0x72, 1));
    }

    // ---- ISA bridge ----

    /** A function with pin INTB#. */
    private static final class Interrupter extends PciFunction {
        private final IrqLine line = intx();

        Interrupter(TestBoard board) {
            super(board.board(), new PciIdentity(1, 2, 0, 0, 0, 0));
            interruptPin(2);
        }
    }

    private IsaBridge isaBridge() {
        Interrupts interrupts = new Interrupts(b.board(), new ApicBus(), b.board().unimplemented());
        IsaBridge isa = new IsaBridge(b.board(), pci, interrupts::line, () -> events.add("reset"));
        pci.add(ISA, isa);
        return isa;
    }

    /** Interrupts that the 8259A pair sees. */
    private int requested() {
        b.out(0x20, 1, 0x0a);
        b.out(0xa0, 1, 0x0a);
        return (int) (b.in(0x20, 1) & ~4 | b.in(0xa0, 1) << 8);
    }

    @Test
    void pins_are_routed_to_isa_interrupts_and_move_with_the_route() {
        isaBridge();
        b.out(0x4d0, 1, 0xf8);
        b.out(0x4d1, 1, 0xde);
        Interrupter f = new Interrupter(b);
        // INTB# of device 3 is PIRQD#
        pci.add(3 << 3, f);
        f.line.set(true);
        assertEquals(0, requested());
        b.writeConfig(ISA, 0x63, 1, 11);
        assertEquals(1 << 11, requested());
        b.writeConfig(ISA, 0x63, 1, 10);
        assertEquals(1 << 10, requested());
        // IRQ 8 cannot be routed to
        b.writeConfig(ISA, 0x63, 1, 8);
        assertEquals(0, requested());
        b.writeConfig(ISA, 0x60, 4, 0x0505_0505);
        assertEquals(1 << 5, requested());
        f.line.set(false);
        assertEquals(0, requested());
    }

    @Test
    void reset_control_resets_at_a_rising_edge_of_bit_2() {
        isaBridge();
        b.out(0xcf9, 1, 2);
        assertEquals(List.of(), events);
        b.out(0xcf9, 1, 6);
        b.out(0xcf9, 1, 6);
        assertEquals(List.of("reset"), events);
        assertEquals(6, b.in(0xcf9, 1));
        b.out(0xcf8, 4, 0x8000_0804L);
        assertEquals(0x8000_0804L, b.in(0xcf8, 4));
        assertEquals(List.of("reset"), events);
    }

    // ---- power management ----

    private PowerManagement power() {
        PowerManagement pm = new PowerManagement(b.board(), b.irq("sci"), () -> events.add("off"));
        pci.add(POWER, pm);
        b.writeConfig(POWER, 0x40, 4, 0x601);
        b.writeConfig(POWER, 0x80, 1, 1);
        return pm;
    }

    @Test
    void soft_off_turns_the_power_off() {
        power();
        b.out(0x604, 2, 0);
        assertEquals(List.of(), events);
        b.out(0x604, 2, 0x2000);
        assertEquals(List.of("off"), events);
        b.out(0x604, 2, 0x2000 | 1 << 10);
        assertEquals(1, b.unimplemented().get("pm:suspend1"));
        assertEquals(0x8000, b.in(0x600, 2) & 0x8000);
    }

    @Test
    void the_timer_counts_24_bits_of_its_frequency() {
        power();
        b.advance(1_000_000_000L);
        assertEquals(3_579_545, b.in(0x608, 4));
        b.advance(4_000_000_000L);
        assertEquals(5L * 3_579_545 & 0xff_ffff, b.in(0x608, 4));
        assertEquals(0x11, b.in(0x60a, 1));
    }

    @Test
    void the_power_button_is_an_sci_while_acpi_is_on() {
        PowerManagement pm = power();
        b.out(0x602, 2, 0x100);
        pm.pressPowerButton();
        assertFalse(b.asserted("sci"));
        b.out(0xb2, 1, 0xf1);
        assertEquals(1, b.in(0x604, 2));
        assertTrue(b.asserted("sci"));
        assertEquals(0x100, b.in(0x600, 2));
        b.out(0x601, 1, 1);
        assertFalse(b.asserted("sci"));
        assertEquals(0, b.in(0x600, 2));
        b.out(0xb2, 1, 0xf0);
        assertEquals(0, b.in(0x604, 2));
    }

    @Test
    void the_timer_overflows_every_time_its_top_bit_changes() {
        power();
        b.out(0xb2, 1, 0xf1);
        b.out(0x602, 2, 1);
        b.advance(2_343_400_000L);
        assertFalse(b.asserted("sci"));
        b.advance(200_000);
        assertTrue(b.asserted("sci"));
        b.out(0x600, 2, 1);
        assertFalse(b.asserted("sci"));
        b.advance(2_343_600_000L);
        assertTrue(b.asserted("sci"));
    }

    @Test
    void general_purpose_events_answer_at_both_places() {
        PowerManagement pm = power();
        b.out(0xb2, 1, 0xf1);
        b.out(0xafe2, 1, 2);
        pm.generalPurposeEvent(1);
        assertTrue(b.asserted("sci"));
        assertEquals(2, b.in(0x60c, 2));
        assertEquals(2, b.in(0x60e, 2));
        b.out(0xafe0, 1, 2);
        assertFalse(b.asserted("sci"));
        assertEquals(0, b.in(0x60c, 2));
    }

    @Test
    void its_ports_follow_the_base_register() {
        power();
        b.writeConfig(POWER, 0x40, 4, 0xb001);
        b.advance(1_000_000);
        assertEquals(3579, b.in(0xb008, 4));
        assertEquals(0xffff_ffffL, b.in(0x608, 4));
        b.writeConfig(POWER, 0x80, 1, 0);
        assertEquals(0xffff_ffffL, b.in(0xb008, 4));
        pci.reset();
        assertEquals(Timers.NEVER, b.board().timers().next());
    }

    // ---- ports ----

    @Test
    void port_92h_resets_and_opens_the_gate_that_others_share() {
        SystemControlA a = new SystemControlA(b.board(), open -> events.add("a20 " + open),
                () -> events.add("reset"));
        assertEquals(2, b.in(0x92, 1));
        b.out(0x92, 1, 0);
        a.a20(true);
        a.a20(true);
        b.out(0x92, 1, 3);
        assertEquals(List.of("a20 false", "a20 true", "reset"), events);
        a.a20(false);
        assertEquals(1, b.in(0x92, 1));
        a.reset();
        assertTrue(a.a20());
    }

    @Test
    void the_coprocessor_error_is_irq_13_until_port_f0h_is_written() {
        CoprocessorError c = new CoprocessorError(b.board(), b.irq("irq13"));
        c.assertError();
        assertTrue(b.asserted("irq13"));
        b.out(0xf0, 1, 0);
        assertFalse(b.asserted("irq13"));
    }

    @Test
    void dma_registers_are_read_in_two_bytes() {
        Dma8237 dma = new Dma8237(b.board());
        b.out(0x0c, 1, 0);
        b.out(4, 1, 0x34);
        b.out(4, 1, 0x12);
        assertEquals(0x34, b.in(4, 1));
        assertEquals(0x12, b.in(4, 1));
        b.out(0xd8, 1, 0);
        b.out(0xc6, 1, 0xff);
        b.out(0xc6, 1, 0x01);
        assertEquals(0xff, b.in(0xc6, 1));
        b.out(0xd8, 1, 0);
        assertEquals(0xff, b.in(0xc6, 1));
        assertEquals(0x01, b.in(0xc6, 1));
        assertEquals(0xff, b.in(0x0f, 1));
        b.out(0x0a, 1, 2);
        assertEquals(0xfb, b.in(0x0f, 1));
        b.out(9, 1, 4);
        assertEquals(1, b.unimplemented().get("dma8237:software-request"));
        b.out(0x80, 1, 0xaa);
        assertEquals(0xaa, dma.postCode());
        b.out(0x87, 1, 5);
        assertEquals(5, b.in(0x87, 1));
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(board -> {
            PciBus bus = new PciBus(board.board());
            bus.add(0, new HostBridge(board.board(), new SystemRom(board.board().windows(), image(0x2_0000))));
            bus.add(ISA, new IsaBridge(board.board(), bus, irq -> board.irq("irq" + irq), () -> {}));
            bus.add(POWER, new PowerManagement(board.board(), board.irq("sci"), () -> {}));
            new SystemControlA(board.board(), open -> {}, () -> {});
            new Dma8237(board.board());
            new CoprocessorError(board.board(), board.irq("irq13"));
            return bus;
        }).pci(0).pci(ISA).pci(POWER).ports(0, 16).ports(0x80, 0x80).ports(0xcf8, 8).ports(0x600, 64)
                .ports(0xafe0, 4).mmio(0xc_0000, 0x4_0000)
                .guided((r, into) -> into.add(FuzzStep.out(0xcf8, 4, 0x8000_0b40L)))
                .run(1, 60, 300);
    }
}

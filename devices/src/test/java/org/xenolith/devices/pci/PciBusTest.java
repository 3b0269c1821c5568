package org.xenolith.devices.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

final class PciBusTest {
    private static final int DEVFN = 3 << 3;

    private final TestBoard board = new TestBoard();
    private final PciBus bus = new PciBus(board.board());
    private final List<String> pins = new ArrayList<>();
    private final Card card = new Card(board.board());

    /** 32 ports in BAR 0, 4 KiB of memory in BAR 1; each answers with its number and the offset. */
    private static final class Card extends PciFunction implements MmioHandler {
        private final List<String> log = new ArrayList<>();
        private final IrqLine pin = intx();

        Card(Board board) {
            super(board, new PciIdentity(0x1234, 0x5678, 3, 0x020000, 0x1af4, 0x1100));
            ioBar(0, 32, this);
            memoryBar(1, 4096, false, this);
            interruptPin(1);
        }

        @Override
        public long read(long offset, int size) {
            return 0x1100 + offset;
        }

        @Override
        public void write(long offset, int size, long value) {
            log.add(offset + ":" + size + "=" + Long.toHexString(value));
        }

        @Override
        protected void barMoved(int n, long base) {
            log.add("bar" + n + "@" + Long.toHexString(base));
        }
    }

    @BeforeEach
    void plug() {
        bus.setRouter((device, pin, asserted) -> pins.add(device + "." + pin + (asserted ? "+" : "-")));
        bus.add(DEVFN, card);
        card.reset();
        card.log.clear();
        pins.clear();
    }

    @AfterEach
    void close() {
        board.close();
    }

    @Test
    void identity_is_read_in_any_width_and_absent_functions_are_ones() {
        assertEquals(0x5678_1234L, board.readConfig(DEVFN, 0, 4));
        assertEquals(0x56, board.readConfig(DEVFN, 3, 1));
        assertEquals(0x0200_0003L, board.readConfig(DEVFN, 8, 4));
        assertEquals(0x1100_1af4L, board.readConfig(DEVFN, 0x2c, 4));
        assertEquals(0xffff_ffffL, board.readConfig(DEVFN + 1, 0, 4));
        board.out(0xcf8, 4, 0x8001_0000L | DEVFN << 8);
        assertEquals(0xffff, board.in(0xcfc, 2));
        board.out(0xcf8, 4, DEVFN << 8);
        assertEquals(0xffff, board.in(0xcfc, 2));
    }

    @Test
    void the_address_register_takes_doublewords_only() {
        board.out(0xcf8, 4, 0x8000_0007L);
        board.out(0xcf8, 1, 0x55);
        assertEquals(0x8000_0004L, board.in(0xcf8, 4));
        assertEquals(0xff, board.in(0xcf9, 1));
    }

    @Test
    void a_bar_tells_its_size_and_keeps_its_type_bits() {
        board.writeConfig(DEVFN, 0x10, 4, 0xffff_ffffL);
        board.writeConfig(DEVFN, 0x14, 4, 0xffff_ffffL);
        assertEquals(0xffff_ffe1L, board.readConfig(DEVFN, 0x10, 4));
        assertEquals(0xffff_f000L, board.readConfig(DEVFN, 0x14, 4));
        assertEquals(0, board.readConfig(DEVFN, 0x18, 4));
        assertEquals(List.of(), card.log);
    }

    @Test
    void a_bar_being_sized_while_it_is_on_decodes_nothing() {
        board.writeConfig(DEVFN, 0x14, 4, 0xe000_0000L);
        board.writeConfig(DEVFN, 4, 2, 3);
        board.writeConfig(DEVFN, 0x14, 4, 0xffff_ffffL);
        assertEquals(List.of("bar1@e0000000", "bar1@ffffffffffffffff"), card.log);
        assertEquals(-1L, board.board().mmio().read(0xffff_f000L, 4));
    }

    @Test
    void a_bar_answers_where_it_is_and_only_while_the_command_register_lets_it() {
        board.writeConfig(DEVFN, 0x10, 4, 0xc000);
        board.writeConfig(DEVFN, 0x14, 4, 0xe000_0000L);
        assertEquals(0xffff, board.in(0xc004, 2));
        board.writeConfig(DEVFN, 4, 2, 1);
        assertEquals(0x1104, board.in(0xc004, 2));
        assertEquals(-1L, board.board().mmio().read(0xe000_0010L, 4));
        board.writeConfig(DEVFN, 4, 2, 2);
        assertEquals(0xffff, board.in(0xc004, 2));
        assertEquals(0x1110, board.board().mmio().read(0xe000_0010L, 4));
        board.writeConfig(DEVFN, 0x14, 4, 0xe100_0000L);
        assertEquals(-1L, board.board().mmio().read(0xe000_0010L, 4));
        card.log.clear();
        board.board().mmio().write(0xe100_0020L, 2, 0x12_3456L);
        assertEquals(List.of("32:2=3456"), card.log);
    }

    @Test
    void what_a_bar_covered_comes_back_when_it_moves_away() {
        board.board().ports().map(0xc000, 8, new PortHandler.Bytes() {
            @Override
            public int in8(int port) {
                return 0x77;
            }

            @Override
            public void out8(int port, int value) {
            }
        });
        board.writeConfig(DEVFN, 4, 2, 1);
        board.writeConfig(DEVFN, 0x10, 4, 0xc000);
        assertEquals(0x00, board.in(0xc000, 1));
        board.writeConfig(DEVFN, 0x10, 4, 0xc100);
        assertEquals(0x7777, board.in(0xc000, 2));
    }

    @Test
    void interrupts_follow_the_level_and_the_disable_bit() {
        card.pin.set(true);
        assertEquals(List.of("3.1+"), pins);
        assertEquals(8, board.readConfig(DEVFN, 6, 2) & 8);
        board.writeConfig(DEVFN, 4, 2, 0x400);
        assertEquals(List.of("3.1+", "3.1-"), pins);
        assertEquals(8, board.readConfig(DEVFN, 6, 2) & 8, "pending is told even while disabled");
        board.writeConfig(DEVFN, 4, 2, 0);
        card.pin.set(false);
        assertEquals(List.of("3.1+", "3.1-", "3.1+", "3.1-"), pins);
        assertEquals(0, board.readConfig(DEVFN, 6, 2) & 8);
    }

    @Test
    void functions_of_one_device_share_a_pin() {
        Card second = new Card(board.board());
        bus.add(DEVFN + 1, second);
        card.pin.set(true);
        second.pin.set(true);
        card.pin.set(false);
        assertEquals(List.of("3.1+"), pins);
        second.pin.set(false);
        assertEquals(List.of("3.1+", "3.1-"), pins);
    }

    @Test
    void status_bits_are_cleared_by_ones_and_others_are_read_only() {
        card.setConfig(PciFunction.STATUS, 2, 0xf900 | 0x280);
        board.writeConfig(DEVFN, 6, 2, 0x8000);
        assertEquals(0x7b80, board.readConfig(DEVFN, 6, 2));
        board.writeConfig(DEVFN, 4, 4, 0xffff_0000L);
        assertEquals(0x0280, board.readConfig(DEVFN, 6, 2));
        board.writeConfig(DEVFN, 0, 4, 0);
        assertEquals(0x5678_1234L, board.readConfig(DEVFN, 0, 4));
    }

    @Test
    void only_a_bus_master_sees_memory() {
        assertNull(card.dma());
        board.writeConfig(DEVFN, 4, 2, 4);
        assertEquals(board.memory(), card.dma());
    }

    @Test
    void a_function_that_is_unplugged_is_gone_with_its_interrupt_and_its_bars() {
        board.writeConfig(DEVFN, 0x10, 4, 0xc000);
        board.writeConfig(DEVFN, 4, 2, 1);
        card.pin.set(true);
        card.unplug();
        assertEquals(List.of("3.1+", "3.1-"), pins);
        assertEquals(0xffff_ffffL, board.readConfig(DEVFN, 0, 4));
        assertEquals(0xff, board.in(0xc000, 1));
        assertNull(bus.function(DEVFN));
        card.unplug();
    }

    @Test
    void a_place_is_taken_once() {
        assertThrows(IllegalStateException.class, () -> bus.add(DEVFN, new Card(board.board())));
    }

    @Test
    void reset_turns_everything_off() {
        board.writeConfig(DEVFN, 0x10, 4, 0xc000);
        board.writeConfig(DEVFN, 4, 2, 1);
        card.pin.set(true);
        bus.reset();
        assertEquals(0, board.readConfig(DEVFN, 4, 2));
        assertEquals(1, board.readConfig(DEVFN, 0x10, 4));
        assertEquals(0xffff, board.in(0xc000, 2));
        assertEquals(List.of("3.1+", "3.1-"), pins);
    }

    @Test
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            PciBus pci = new PciBus(b.board());
            pci.add(DEVFN, new Card(b.board()));
            return pci;
        }).pci(DEVFN).ports(0xcf8, 8).run(1, 50, 300);
    }
}

package org.xenolith.devices.xen;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

final class XenPlatformTest {
    private static final int DEVFN = 2 << 3;

    private final TestBoard board = new TestBoard();
    private final PciBus bus = new PciBus(board.board());
    private final List<String> gone = new ArrayList<>();
    private final List<Boolean> pin = new ArrayList<>();
    private final XenPlatform platform = new XenPlatform(board.board(), unplug(gone),
            Set.of(new XenPlatform.Refused(3, 77)));

    private static XenPlatform.Unplug unplug(List<String> gone) {
        return new XenPlatform.Unplug() {
            @Override
            public void disks() {
                gone.add("disks");
            }

            @Override
            public void nics() {
                gone.add("nics");
            }

            @Override
            public void auxDisks() {
                gone.add("aux");
            }
        };
    }

    @BeforeEach
    void plug() {
        bus.add(DEVFN, platform);
        bus.setRouter((device, p, asserted) -> pin.add(asserted));
    }

    @AfterEach
    void close() {
        board.close();
    }

    @Test
    void identity_is_that_of_the_xen_platform_device() {
        assertEquals(0x0001_5853L, board.readConfig(DEVFN, 0, 4));
        assertEquals(0xff80_0001L, board.readConfig(DEVFN, 8, 4));
        board.writeConfig(DEVFN, 0x10, 4, 0xffff_ffffL);
        assertEquals(0xff01L, board.readConfig(DEVFN, 0x10, 4) & 0xffff);
        board.writeConfig(DEVFN, 0x14, 4, 0xffff_ffffL);
        assertEquals(0xff00_0008L, board.readConfig(DEVFN, 0x14, 4));
    }

    @Test
    void a_linux_guest_unplugs_disks_and_cards() {
        assertEquals(0x49d2, board.in(0x10, 2) & 0xffff);
        assertEquals(1, board.in(0x12, 1) & 0xff);
        board.out(0x12, 2, 3);
        board.out(0x10, 4, 0x20000);
        assertEquals(0x49d2, board.in(0x10, 2) & 0xffff);
        board.out(0x10, 2, 3);
        board.out(0x10, 2, 4);
        assertEquals(List.of("disks", "nics", "aux"), gone);
        board.out(0x10, 2, 8);
        assertEquals(1, board.unimplemented().size());
    }

    @Test
    void a_refused_driver_sees_no_magic_number_until_reset() {
        board.out(0x12, 2, 3);
        board.out(0x10, 4, 77);
        assertEquals(0xffff, board.in(0x10, 2) & 0xffff);
        platform.reset();
        assertEquals(0x49d2, board.in(0x10, 2) & 0xffff);
    }

    @Test
    void the_callback_is_the_pin() {
        platform.callback().set(true);
        platform.callback().set(true);
        platform.callback().set(false);
        assertEquals(List.of(true, false), pin);
    }

    @Test
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            PciBus on = new PciBus(b.board());
            on.add(DEVFN, new XenPlatform(b.board(), unplug(new ArrayList<>()), Set.of()));
            return on;
        }).pci(DEVFN).ports(0x10, 6).run(1, 50, 1000);
    }
}

package org.xenolith.devices.vga;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;

final class StdVgaTest {
    private static final long TEXT = 0xb8000;
    private static final long WINDOW = 0xa0000;

    @Test
    void text_mode_3_shows_characters_of_code_page_437() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            byte[] text = {'H', 'i', (byte) 0xc9, (byte) 0xe1, 1};
            for (int i = 0; i < text.length; i++) {
                m.write(TEXT + 160 * 24 + 2 * i, text[i] & 0xff);
                m.write(TEXT + 160 * 24 + 2 * i + 1, 0x1f);
            }
            Screen s = m.screen();
            assertEquals("text 80x25", s.mode());
            assertEquals(List.of(720, 400), List.of(s.width(), s.height()));
            assertEquals("Hi\u2554\u00df\u263a" + " ".repeat(75), s.text().get(24));
            assertEquals(25, s.text().size());
            assertEquals(0x1f48, s.cells()[24 * 80]);
            assertEquals('H', m.read(TEXT + 160 * 24));
        }
    }

    @Test
    void eight_lines_a_character_make_50_rows() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            m.crtc(9, 0x47);
            m.write(TEXT + 160 * 49, 'x');
            assertEquals("text 80x50", m.screen().mode());
            assertEquals("x", m.screen().text().get(49).strip());
        }
    }

    @Test
    void glyphs_come_from_plane_2_and_line_graphics_have_a_ninth_column() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            // the BIOS's way to load a font: plane 2, sequential, at A0000h
            m.sequencer(2, 4);
            m.sequencer(4, 7);
            m.graphics(4, 2);
            m.graphics(5, 0);
            m.graphics(6, 4);
            for (int c : new int[]{'A', 0xc4}) {
                m.write(WINDOW + c * 32 + 3, 0x81);
            }
            m.sequencer(2, 3);
            m.sequencer(4, 2);
            m.graphics(4, 0);
            m.graphics(5, 0x10);
            m.graphics(6, 0x0e);
            m.crtc(0x0a, 0x20);
            m.write(TEXT, 'A');
            m.write(TEXT + 1, 0x1e);
            m.write(TEXT + 2, 0xc4);
            m.write(TEXT + 3, 0x1e);
            // attribute registers Eh and 1 of mode 3: DAC 3Eh and 1
            int f = VgaMachine.color(0x3e);
            int b = VgaMachine.color(1);
            int[] line = Arrays.copyOfRange(m.picture(), 3 * 720, 3 * 720 + 18);
            assertEquals(List.of(f, b, b, b, b, b, b, f, b, f, b, b, b, b, b, b, f, f),
                    Arrays.stream(line).boxed().toList());
            assertEquals(b, m.pixel(0, 2));
        }
    }

    @Test
    void the_cursor_is_a_block_of_its_scan_lines_and_blinks_every_8_frames() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            m.crtc(0x0e, 0);
            m.crtc(0x0f, 81);
            m.write(TEXT + 2 * 81 + 1, 0x07);
            assertEquals(81, m.screen().cursor());
            int on = VgaMachine.color(7);
            int off = VgaMachine.color(0);
            assertEquals(off, m.pixel(9, 16 + 12));
            assertEquals(on, m.pixel(9, 16 + 13));
            assertEquals(on, m.pixel(17, 16 + 14));
            assertEquals(off, m.pixel(9, 16 + 15));
            assertEquals(off, m.pixel(8, 16 + 13));
            long before = m.screen().version();
            // 70 Hz: 8 frames take 114 ms
            m.board().advance(120_000_000);
            assertEquals(off, m.pixel(9, 16 + 13));
            assertNotEquals(before, m.screen().version());
            m.crtc(0x0a, 0x2d);
            assertEquals(-1, m.screen().cursor());
        }
    }

    @Test
    void blinking_characters_vanish_and_intensity_is_a_background_color_without_blinking() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            m.crtc(0x0a, 0x20);
            m.write(TEXT + 1, 0x97);
            assertEquals(VgaMachine.color(1), m.pixel(0, 0));
            m.attribute(0x10, 4);
            assertEquals(VgaMachine.color(0x39), m.pixel(0, 0));
        }
    }

    @Test
    void mode_13h_has_a_byte_for_each_pixel() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.MODE_13H);
            m.write(WINDOW + 199 * 320 + 317, 0xa7);
            m.write(WINDOW + 3, 0x55);
            assertEquals("graphics 320x200, 256 colors", m.screen().mode());
            assertEquals(VgaMachine.color(0xa7), m.pixel(317, 199));
            assertEquals(VgaMachine.color(0x55), m.pixel(3, 0));
            assertEquals(0xa7, m.read(WINDOW + 199 * 320 + 317));
        }
    }

    @Test
    void mode_x_addresses_four_neighbours_at_once() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.MODE_13H);
            m.sequencer(4, 6);
            m.crtc(0x14, 0);
            m.crtc(0x17, 0xe3);
            m.sequencer(2, 0x0a);
            m.write(WINDOW + 80 + 2, 0x33);
            int black = VgaMachine.color(0);
            int c = VgaMachine.color(0x33);
            int[] p = m.picture();
            assertEquals(List.of(black, c, black, c, black),
                    List.of(p[320 + 8], p[320 + 9], p[320 + 10], p[320 + 11], p[320 + 12]));
            m.graphics(4, 3);
            assertEquals(0x33, m.read(WINDOW + 82));
            m.graphics(4, 2);
            assertEquals(0, m.read(WINDOW + 82));
        }
    }

    @Test
    void cga_graphics_put_odd_lines_8_kib_further() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.CGA_320X200);
            m.write(TEXT, 0x1b);
            m.write(TEXT + 0x2000 + 1, 0xc0);
            m.write(TEXT + 80, 0x40);
            int[] p = m.picture();
            assertEquals(320 * 200, p.length);
            int[] c = {VgaMachine.color(0), VgaMachine.color(0x13), VgaMachine.color(0x15), VgaMachine.color(0x17)};
            assertEquals(List.of(c[0], c[1], c[2], c[3]), List.of(p[0], p[1], p[2], p[3]));
            assertEquals(c[3], p[320 + 4]);
            assertEquals(c[1], p[640]);
            m.mode(VgaMachine.CGA_640X200);
            m.write(TEXT + 0x2000 + 79, 0x01);
            p = m.picture();
            assertEquals(640 * 200, p.length);
            assertEquals(VgaMachine.color(0x17), p[640 + 639]);
            assertEquals(VgaMachine.color(0), p[640 + 638]);
        }
    }

    @Test
    void ega_graphics_take_a_bit_from_each_plane() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.EGA_320X200);
            m.sequencer(2, 0x0a);
            m.write(WINDOW + 40 * 199 + 39, 0x01);
            assertEquals(List.of(320, 200), List.of(m.screen().width(), m.screen().height()));
            assertEquals(VgaMachine.color(0x12), m.pixel(319, 199));
            assertEquals(VgaMachine.color(0), m.pixel(318, 199));
        }
    }

    /** Latches hold 0F 33 55 FF in planes 0 to 3. */
    private static VgaMachine planar() {
        VgaMachine m = new VgaMachine();
        m.mode(VgaMachine.VGA_640X480);
        int[] bytes = {0x0f, 0x33, 0x55, 0xff};
        for (int plane = 0; plane < 4; plane++) {
            m.sequencer(2, 1 << plane);
            m.write(WINDOW + 100, bytes[plane]);
        }
        m.sequencer(2, 0x0f);
        m.read(WINDOW + 100);
        return m;
    }

    private static List<Integer> planes(VgaMachine m, long gpa) {
        ArrayList<Integer> l = new ArrayList<>();
        for (int plane = 0; plane < 4; plane++) {
            m.graphics(4, plane);
            l.add(m.read(gpa));
        }
        return l;
    }

    @Test
    void write_mode_0_rotates_sets_combines_and_masks() {
        try (VgaMachine m = planar()) {
            m.graphics(3, 4);
            m.write(WINDOW, 0x1c);
            assertEquals(List.of(0xc1, 0xc1, 0xc1, 0xc1), planes(m, WINDOW));
            m.read(WINDOW + 100);
            m.graphics(3, 0x18);
            m.graphics(8, 0xf0);
            m.graphics(0, 0x01);
            m.graphics(1, 0x03);
            // plane 0 from set/reset 1: FF xor 0F, plane 1 from set/reset 0: 00 xor 33; others AA xor latch; low half from the latches
            m.write(WINDOW + 1, 0xaa);
            assertEquals(List.of(0xff, 0x33, 0xf5, 0x5f), planes(m, WINDOW + 1));
            m.read(WINDOW + 100);
            m.graphics(1, 0);
            m.graphics(8, 0xff);
            m.graphics(3, 0x08);
            m.write(WINDOW + 2, 0x3c);
            assertEquals(List.of(0x0c, 0x30, 0x14, 0x3c), planes(m, WINDOW + 2));
            m.read(WINDOW + 100);
            m.graphics(3, 0x10);
            m.write(WINDOW + 3, 0x3c);
            assertEquals(List.of(0x3f, 0x3f, 0x7d, 0xff), planes(m, WINDOW + 3));
        }
    }

    @Test
    void write_modes_1_2_and_3_use_latches_color_and_mask() {
        try (VgaMachine m = planar()) {
            m.graphics(5, 1);
            m.write(WINDOW + 7, 0xee);
            assertEquals(List.of(0x0f, 0x33, 0x55, 0xff), planes(m, WINDOW + 7));
            m.read(WINDOW + 100);
            m.graphics(5, 2);
            m.graphics(8, 0xcc);
            m.write(WINDOW + 8, 0x05);
            assertEquals(List.of(0xcf, 0x33 & ~0xcc, 0x55 | 0xcc, 0x33), planes(m, WINDOW + 8));
            m.read(WINDOW + 100);
            m.graphics(5, 3);
            m.graphics(8, 0x3f);
            m.graphics(0, 0x06);
            m.graphics(3, 1);
            // 81h rotated by 1 is C0h, with the mask 3Fh none is left but bit 6..7: 00h
            m.write(WINDOW + 9, 0x81);
            assertEquals(List.of(0x0f, 0x33, 0x55, 0xff), planes(m, WINDOW + 9));
            m.read(WINDOW + 100);
            m.write(WINDOW + 10, 0x0e);
            assertEquals(List.of(0x0f & ~7, 0x33 | 7, 0x55 | 7, 0xff & ~7), planes(m, WINDOW + 10));
        }
    }

    @Test
    void read_mode_1_compares_colors_in_the_planes_that_count() {
        try (VgaMachine m = planar()) {
            m.graphics(5, 8);
            m.graphics(2, 0x0a);
            m.graphics(7, 0x0f);
            // plane 0 clear, 1 set, 2 clear, 3 set
            assertEquals(~0x0f & 0x33 & ~0x55 & 0xff, m.read(WINDOW + 100));
            m.graphics(7, 0x02);
            assertEquals(0x33, m.read(WINDOW + 100));
            m.graphics(7, 0);
            assertEquals(0xff, m.read(WINDOW + 100));
        }
    }

    @Test
    void memory_map_select_chooses_the_addresses() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.VGA_640X480);
            m.write(WINDOW + 5, 0x77);
            assertEquals(0xff, m.read(TEXT + 5));
            m.graphics(6, 0x0d);
            assertEquals(0x77, m.read(TEXT + 5));
            assertEquals(0xff, m.read(WINDOW + 5));
            m.graphics(6, 0x09);
            assertEquals(0x77, m.read(0xb0005));
            m.out(0x3c2, 0xe1);
            assertEquals(0xff, m.read(0xb0005));
        }
    }

    @Test
    void the_screen_scrolls_by_start_address_splits_and_pans() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.VGA_640X480);
            m.write(WINDOW + 80 * 3, 0x80);
            m.write(WINDOW, 0x40);
            m.crtc(0x0d, 80);
            int white = VgaMachine.color(0x3f);
            assertEquals(white, m.pixel(0, 2));
            // line compare 9: line 10 shows address 0
            m.crtc(0x18, 9);
            m.crtc(7, 0x2e);
            m.crtc(9, 0);
            assertEquals(white, m.pixel(1, 10));
            assertEquals(white, m.pixel(0, 13));
            m.attribute(0x13, 1);
            assertEquals(white, m.pixel(0, 10));
            m.attribute(0x10, 0x21);
            assertEquals(white, m.pixel(1, 10));
        }
    }

    @Test
    void registers_read_back_and_the_crtc_protects_its_timing() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            m.crtc(0, 0x11);
            m.crtc(7, 0xef);
            m.out(0x3d4, 0);
            assertEquals(0x5f, m.in(0x3d5));
            m.out(0x3d4, 7);
            assertEquals(0x0f, m.in(0x3d5));
            assertEquals(0xff, m.in(0x3b5));
            assertEquals(0x67, m.in(0x3cc));
            m.out(0x3c7, 5);
            assertEquals(3, m.in(0x3c7) & 3);
            assertEquals(List.of(5, 10, 15, 6), List.of(m.in(0x3c9), m.in(0x3c9), m.in(0x3c9), m.in(0x3c9)));
            m.in(0x3da);
            m.out(0x3c0, 0x33);
            assertEquals(0x08, m.in(0x3c1));
            m.out(0x3c0, 0x02);
            assertEquals(0x02, m.in(0x3c1));
        }
    }

    @Test
    void retrace_comes_70_times_a_second_for_two_lines() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.TEXT_80X25);
            int frames = 0;
            int ticks = 0;
            boolean before = false;
            for (int us = 0; us < 1_000_000; us += 10) {
                int status = m.in(0x3da);
                boolean vertical = (status & 8) != 0;
                if (vertical) {
                    ticks++;
                    assertTrue((status & 1) != 0);
                }
                frames += vertical && !before ? 1 : 0;
                before = vertical;
                m.board().advance(10_000);
            }
            assertEquals(70, frames);
            // 70 times two lines of 31.8 us
            assertTrue(ticks > 70 * 6 - 80 && ticks < 70 * 7, () -> "in retrace for a time");
        }
    }

    @Test
    void the_function_is_the_standard_vga_and_shows_memory_and_rom() {
        byte[] rom = new byte[39 * 512];
        rom[0] = 0x55;
        rom[1] = (byte) 0xaa;
        rom[rom.length - 1] = 0x5a;
        try (VgaMachine m = new VgaMachine(rom)) {
            int f = VgaMachine.DEVFN;
            assertEquals(0x1111_1234L, m.board().readConfig(f, 0, 4));
            assertEquals(0x030000, m.board().readConfig(f, 8, 4) >> 8);
            m.board().writeConfig(f, 0x30, 4, 0xffff_fffe);
            assertEquals(0xffff_8000L, m.board().readConfig(f, 0x30, 4));
            m.board().writeConfig(f, 0x30, 4, 0xfd00_0001L);
            assertEquals(0xaa55, m.board().memory().read16(0xfd00_0000L));
            assertEquals(0x5a, m.board().memory().read8(0xfd00_0000L + rom.length - 1));
            m.board().writeConfig(f, 0x30, 4, 0xfd00_0000L);
            assertEquals(0, m.board().memory().hostPage(0xfd000));
            m.board().writeConfig(f, 0x10, 4, 0xffff_ffffL);
            assertEquals(0xff00_0008L, m.board().readConfig(f, 0x10, 4));
            m.board().writeConfig(f, 0x10, 4, VgaMachine.FRAMEBUFFER);
            assertEquals(0xb0c5, m.dispi(0));
            assertEquals(256, m.dispi(10));
            assertEquals(0xb0c5, m.board().board().mmio().read(VgaMachine.REGISTERS + 0x500, 2));
        }
    }

    @Test
    void linear_framebuffers_have_8_to_32_bits() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.MODE_13H);
            m.vbe(800, 600, 32);
            assertEquals("graphics 800x600, 32 bits", m.screen().mode());
            long before = m.screen().version();
            m.board().memory().write32(VgaMachine.FRAMEBUFFER + 4 * (800 * 599 + 799), 0x12345678);
            assertNotEquals(before, m.screen().version());
            assertEquals(0xff345678, m.pixel(799, 599));
            m.vbe(640, 480, 24);
            m.board().memory().write32(VgaMachine.FRAMEBUFFER + 3 * 641, 0x00aabbcc);
            assertEquals(0xffaabbcc, m.pixel(1, 1));
            m.vbe(640, 480, 16);
            m.board().memory().write16(VgaMachine.FRAMEBUFFER + 2 * 640, 0xf81f);
            assertEquals(0xffff00ff, m.pixel(0, 1));
            m.board().memory().write16(VgaMachine.FRAMEBUFFER + 2 * 640, 0x0400);
            assertEquals(0xff008200, m.pixel(0, 1));
            m.vbe(640, 480, 15);
            m.board().memory().write16(VgaMachine.FRAMEBUFFER, 0x7c00);
            assertEquals(0xffff0000, m.pixel(0, 0));
            m.vbe(640, 480, 8);
            m.board().memory().write8(VgaMachine.FRAMEBUFFER + 640, 0x21);
            assertEquals(VgaMachine.color(0x21), m.pixel(0, 1));
        }
    }

    @Test
    void vbe_modes_have_banks_virtual_sizes_and_offsets() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.MODE_13H);
            m.vbe(1024, 768, 8);
            m.dispi(5, 3);
            m.write(WINDOW + 0x10, 0x44);
            assertEquals(0x44, m.board().memory().read8(VgaMachine.FRAMEBUFFER + 0x30010));
            m.dispi(6, 2048);
            assertEquals(8192, m.dispi(7));
            m.dispi(8, 16);
            m.dispi(9, 0x30000 / 2048);
            assertEquals(VgaMachine.color(0x44), m.pixel(0, 0));
            m.dispi(9, 9000);
            assertEquals(8192 - 768, m.dispi(9));
            m.dispi(4, 2);
            assertEquals(List.of(2560, 1600, 32), List.of(m.dispi(1), m.dispi(2), m.dispi(3)));
        }
    }

    @Test
    void planar_vbe_modes_are_written_through_the_window() {
        try (VgaMachine m = new VgaMachine()) {
            m.mode(VgaMachine.VGA_640X480);
            m.vbe(1024, 768, 4);
            m.dispi(5, 1);
            m.sequencer(2, 0x04);
            m.write(WINDOW + 128, 0x80);
            assertEquals(VgaMachine.color(4), m.pixel(0, 513));
        }
    }

    @Test
    void a_linear_framebuffer_that_a_guest_has_just_enabled_is_black() {
        try (VgaMachine m = new VgaMachine()) {
            m.board().memory().write32(VgaMachine.FRAMEBUFFER + 400, -1);
            m.mode(VgaMachine.MODE_13H);
            m.vbe(320, 200, 32);
            assertEquals(0xff000000, m.pixel(100, 0));
            m.board().memory().write32(VgaMachine.FRAMEBUFFER + 400, -1);
            m.dispi(4, 0);
            m.dispi(4, 0xc1);
            assertEquals(0xffffffff, m.pixel(100, 0));
        }
    }

    @Test
    void without_palette_access_the_screen_is_dark() {
        try (VgaMachine m = new VgaMachine()) {
            assertEquals("blank", m.screen().mode());
            m.mode(VgaMachine.TEXT_80X25);
            m.sequencer(1, 0x20);
            assertEquals("blank", m.screen().mode());
            assertEquals(List.of(), m.screen().text());
        }
    }

    @Test
    void random_programs_do_no_harm_and_every_state_has_a_picture() {
        DeviceFuzz fuzz = new DeviceFuzz(b -> {
            PciBus bus = new PciBus(b.board());
            StdVga vga = new StdVga(b.board(), new byte[5000]);
            bus.add(VgaMachine.DEVFN, vga);
            // an access to port 300h draws the screen
            b.board().ports().map(0x300, 1, new PortHandler.Bytes() {
                private int[] argb = new int[0];

                @Override
                public int in8(int port) {
                    Screen s = vga.screen();
                    int size = s.width() * s.height();
                    argb = argb.length < size ? new int[size] : argb;
                    s.render(argb, s.height() / 2, 24);
                    s.render(argb, 0, 8);
                    s.text();
                    s.version();
                    return s.cursor() + s.mode().length();
                }

                @Override
                public void out8(int port, int value) {
                    in8(port);
                }
            });
            return vga;
        });
        fuzz.ports(0x3b0, 0x30).ports(0x3c0, 16).ports(0x1ce, 3).ports(0x300, 1).mmio(0xa0000, 0x20000)
                .pci(VgaMachine.DEVFN)
                .guided((r, into) -> {
                    int[] index = {0x3c4, 0x3ce, 0x3d4};
                    into.add(FuzzStep.out(index[r.nextInt(3)], 2, r.nextInt(0x10000) & 0xff1f));
                })
                .guided((r, into) -> {
                    into.add(FuzzStep.in(0x3da, 1));
                    into.add(FuzzStep.out(0x3c0, 1, r.nextInt(0x15)));
                    into.add(FuzzStep.out(0x3c0, 1, r.nextInt(256)));
                    into.add(FuzzStep.out(0x3c0, 1, 0x20));
                    into.add(FuzzStep.in(0x300, 1));
                })
                .guided((r, into) -> {
                    into.add(FuzzStep.out(0x1ce, 2, r.nextInt(11)));
                    into.add(FuzzStep.out(0x1cf, 2, r.nextBoolean() ? r.nextInt(0x10000) : 1 << r.nextInt(12)));
                })
                .run(1, 40, 400);
    }
}

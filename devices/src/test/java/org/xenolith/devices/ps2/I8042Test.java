package org.xenolith.devices.ps2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.PointerSink;
import org.xenolith.devices.input.TypedKeys;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;

/** Expected bytes are those of IBM's Technical Reference and of Microsoft's description of scan codes. */
final class I8042Test {
    private static final long MS = 1_000_000;

    private final TestBoard board = new TestBoard();
    private final List<String> lines = new ArrayList<>();
    private final I8042 controller = new I8042(board.board(), board.irq("kbd"), board.irq("aux"), new I8042.Lines() {
        @Override
        public void resetPulse() {
            lines.add("reset");
        }

        @Override
        public void a20(boolean enabled) {
            lines.add("a20=" + enabled);
        }
    });

    @AfterEach
    void close() {
        board.close();
    }

    private int status() {
        return (int) board.in(0x64, 1);
    }

    private void command(int value) {
        board.out(0x64, 1, value);
    }

    private void data(int value) {
        board.out(0x60, 1, value);
    }

    /** All bytes that come within a while; from the mouse they are written as {@code m08}. */
    private String read() {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            if ((status() & 1) != 0) {
                String from = (status() & 0x20) != 0 ? "m" : "";
                s.append(s.isEmpty() ? "" : " ").append(from).append(String.format("%02x", board.in(0x60, 1)));
            }
            board.advance(200_000);
        }
        return s.toString();
    }

    private String keyboard(int... bytes) {
        for (int b : bytes) {
            data(b);
        }
        return read();
    }

    private String mouse(int... bytes) {
        StringBuilder all = new StringBuilder();
        for (int b : bytes) {
            command(0xd4);
            data(b);
            all.append(all.isEmpty() ? "" : " ").append(read());
        }
        return all.toString();
    }

    private void mode(int value) {
        command(0x60);
        data(value);
    }

    @Test
    void self_test_and_interface_tests_pass() {
        command(0xaa);
        assertEquals(1, status() & 1);
        assertEquals("55", read());
        assertEquals(4, status() & 4);
        command(0xab);
        assertEquals("00", read());
        command(0xa9);
        assertEquals("00", read());
    }

    @Test
    void controller_memory_reads_back_and_mouse_interface_is_switched() {
        mode(0x47);
        command(0xa7);
        command(0x20);
        assertEquals("67", read());
        command(0xa8);
        command(0x20);
        assertEquals("47", read());
        command(0x71);
        data(0xab);
        command(0x31);
        assertEquals("ab", read());
    }

    @Test
    void a20_and_reset_hang_on_the_output_port() {
        lines.clear();
        command(0xd1);
        data(0xdd);
        command(0xdf);
        command(0xd0);
        assertEquals(0x02, Integer.parseInt(read(), 16) & 2);
        command(0xfe);
        command(0xff);
        command(0xd1);
        data(0xdc);
        assertEquals(List.of("a20=false", "a20=true", "reset", "a20=false", "reset"), lines);
    }

    @Test
    void keys_arrive_with_an_interrupt_each_in_set_2_or_translated() {
        mode(0x01);
        board.interrupts();
        controller.keyboard().press(Key.A);
        controller.keyboard().release(Key.A);
        assertEquals("1c f0 1c", read());
        assertEquals(List.of("kbd+", "kbd-", "kbd+", "kbd-", "kbd+", "kbd-"), board.interrupts());
        mode(0x41);
        controller.keyboard().press(Key.A);
        controller.keyboard().release(Key.A);
        assertEquals("1e 9e", read());
        controller.keyboard().press(Key.DELETE);
        controller.keyboard().release(Key.DELETE);
        assertEquals("e0 53 e0 d3", read());
        controller.keyboard().press(Key.PAUSE);
        controller.keyboard().release(Key.PAUSE);
        assertEquals("e1 1d 45 e1 9d c5", read());
        controller.keyboard().press(Key.PRINT_SCREEN);
        controller.keyboard().release(Key.PRINT_SCREEN);
        assertEquals("e0 2a e0 37 e0 b7 e0 aa", read());
        controller.keyboard().press(Key.ALT_LEFT);
        controller.keyboard().press(Key.PRINT_SCREEN);
        controller.keyboard().press(Key.F7);
        controller.keyboard().press(Key.F11);
        assertEquals("38 54 41 57", read());
    }

    @Test
    void the_byte_stays_until_the_next_one_arrives() {
        mode(0x41);
        controller.keyboard().press(Key.ESCAPE);
        controller.keyboard().release(Key.ESCAPE);
        assertFalse(board.asserted("kbd"));
        board.advance(MS);
        assertTrue(board.asserted("kbd"));
        assertEquals(1, board.in(0x60, 1));
        assertFalse(board.asserted("kbd"));
        assertEquals(1, board.in(0x60, 1));
        board.advance(MS);
        assertEquals(0x81, board.in(0x60, 1));
    }

    @Test
    void a_disabled_keyboard_keeps_its_keys_and_writing_to_it_enables_it() {
        mode(0x51);
        controller.keyboard().press(Key.Z);
        assertEquals("", read());
        assertEquals("ee 2c", keyboard(0xee));
    }

    @Test
    void the_keyboard_answers_its_commands() {
        mode(0x01);
        assertEquals("fa ab 83", keyboard(0xf2));
        assertEquals("fa fa", keyboard(0xed, 0x06));
        assertEquals(6, controller.keyboard().leds());
        assertEquals("fa fa 02", keyboard(0xf0, 0));
        assertEquals("fa fa", keyboard(0xf0, 3));
        controller.keyboard().press(Key.CONTROL_RIGHT);
        controller.keyboard().release(Key.CONTROL_RIGHT);
        assertEquals("58 f0 58", read());
        assertEquals("fa fa", keyboard(0xf0, 1));
        controller.keyboard().press(Key.CONTROL_RIGHT);
        controller.keyboard().release(Key.CONTROL_RIGHT);
        assertEquals("e0 1d e0 9d", read());
        assertEquals("fa", keyboard(0xf5));
        controller.keyboard().press(Key.B);
        assertEquals("", read());
        assertEquals("fa aa", keyboard(0xff));
        controller.keyboard().press(Key.C);
        assertEquals("21", read());
        assertEquals("fe", keyboard(0x12));
        assertEquals("fe", keyboard(0xfe));
        mode(0x41);
        assertEquals("fa ab 41", keyboard(0xf2));
    }

    @Test
    void a_key_held_down_repeats_at_the_typematic_rate() {
        mode(0x41);
        // a delay of 250 ms, then 30 a second
        keyboard(0xf3, 0x00);
        controller.keyboard().press(Key.X);
        assertEquals("2d", read());
        int n = 0;
        for (int ms = 20; ms < 1250; ms++) {
            board.advance(MS);
            if ((status() & 1) != 0) {
                assertEquals(0x2d, board.in(0x60, 1));
                n++;
            }
        }
        assertEquals(30, n);
        controller.keyboard().release(Key.X);
        assertEquals("ad", read());
        board.advance(2000 * MS);
        assertEquals("", read());
    }

    @Test
    void a_full_keyboard_says_that_keys_were_lost() {
        mode(0x11);
        Key[] keys = Key.values();
        for (int i = 1; i < 11; i++) {
            controller.keyboard().press(keys[i]);
            controller.keyboard().release(keys[i]);
        }
        mode(0x01);
        assertEquals("05 f0 05 06 f0 06 04 f0 04 0c f0 0c 03 f0 03 00", read());
    }

    @Test
    void the_mouse_reports_its_movement_in_packets_of_three_bytes() {
        mode(0x03);
        assertEquals("mfa maa m00", mouse(0xff));
        assertEquals("mfa m00", mouse(0xf2));
        controller.mouse().move(5, 5, 0, 1);
        assertEquals("", read());
        assertEquals("mfa", mouse(0xf4));
        board.interrupts();
        controller.mouse().move(3, -2, 0, PointerSink.LEFT);
        assertEquals("m29 m03 mfe", read());
        assertEquals(6, board.interrupts().stream().filter(s -> s.startsWith("aux")).count());
        controller.mouse().move(-300, 0, 0, PointerSink.RIGHT | PointerSink.MIDDLE);
        assertEquals("m1e m01 m00 m1e md3 m00", read());
        assertEquals("mfa m23 m02 m64", mouse(0xe9));
    }

    @Test
    void sample_rates_turn_it_into_a_wheel_mouse() {
        mode(0x03);
        assertEquals("mfa mfa mfa mfa mfa mfa mfa m03", mouse(0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2));
        mouse(0xf4);
        controller.mouse().move(0, 1, -1, 0);
        assertEquals("m08 m00 m01 mff", read());
        assertEquals("mfa mfa mfa mfa mfa mfa mfa m04", mouse(0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf2));
        controller.mouse().move(0, 0, 1, 8);
        assertEquals("m08 m00 m00 m11", read());
    }

    @Test
    void in_remote_mode_the_mouse_speaks_when_asked() {
        mode(0x03);
        assertEquals("mfa mfa", mouse(0xf0, 0xf4));
        controller.mouse().move(1, 1, 0, 0);
        assertEquals("", read());
        assertEquals("mfa m08 m01 m01", mouse(0xeb));
        assertEquals("mfa m60 m02 m64", mouse(0xe9));
        assertEquals("mfa m12 mfa", mouse(0xee, 0x12, 0xec));
        assertEquals("mfa mfc", mouse(0xe8, 0x09));
    }

    @Test
    void typed_text_arrives_as_scan_codes_at_virtual_times() {
        mode(0x41);
        TypedKeys.of("aB\\n<ctrl-alt-del><wait:2s>1").start(board.board().timers(), controller.keyboard());
        List<String> got = new ArrayList<>();
        for (int i = 0; i < 40_000; i++) {
            board.advance(100_000);
            if ((status() & 1) != 0) {
                got.add(String.format("%02x", board.in(0x60, 1)));
            }
        }
        assertEquals("1e 9e 2a 30 b0 aa 1c 9c 1d 38 e0 53 e0 d3 b8 9d 02 82", String.join(" ", got));
    }

    @Test
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            I8042 c = new I8042(b.board(), b.irq("k"), b.irq("m"), new I8042.Lines() {
                @Override
                public void resetPulse() {
                    // the machine would be reset
                }

                @Override
                public void a20(boolean enabled) {
                    // a test has no A20
                }
            });
            b.board().ports().map(0x300, 2, new PortHandler.Bytes() {
                @Override
                public int in8(int port) {
                    return 0;
                }

                @Override
                public void out8(int port, int value) {
                    Key key = Key.values()[(value & 0x7f) % Key.values().length];
                    if (port == 0x301) {
                        c.mouse().move(value * 7 - 900, 500 - value * 3, value & 3, value >> 3);
                    } else if (value < 0x80) {
                        c.keyboard().press(key);
                    } else {
                        c.keyboard().release(key);
                    }
                }
            });
            return c;
        }).ports(0x60, 1).ports(0x64, 1).ports(0x60, 5).ports(0x300, 2)
                .guided((r, into) -> into.add(FuzzStep.out(0x60, 1, 0xe6 + r.nextInt(26))))
                .guided((r, into) -> {
                    into.add(FuzzStep.out(0x64, 1, 0xd4));
                    into.add(FuzzStep.out(0x60, 1, 0xe6 + r.nextInt(26)));
                    into.add(FuzzStep.in(0x60, 1));
                })
                .guided((r, into) -> into.add(FuzzStep.out(0x300 + r.nextInt(2), 1, r.nextInt(256))))
                .guided((r, into) -> into.add(FuzzStep.advance(r.nextInt(20_000_000))))
                .run(1, 100, 300);
    }
}

package org.xenolith.devices.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.time.Timers;

final class KeysTest {
    @Test
    void every_printable_character_is_on_the_keyboard() {
        for (char c = 0x20; c < 0x7f; c++) {
            char character = c;
            assertTrue(Keys.ofCharacter(c).isPresent(), () -> "no key for " + character);
        }
        assertEquals(Optional.of(new Keys.Stroke(Key.DIGIT_2, true)), Keys.ofCharacter('@'));
        assertEquals(Optional.of(new Keys.Stroke(Key.MINUS, true)), Keys.ofCharacter('_'));
        assertEquals(Optional.of(new Keys.Stroke(Key.QUOTE, true)), Keys.ofCharacter('"'));
        assertEquals(Optional.empty(), Keys.ofCharacter('\u00e4'));
    }

    @Test
    void keysyms_of_x11_name_keys() {
        assertEquals(Optional.of(Key.Q), Keys.ofKeysym('Q'));
        assertEquals(Optional.of(Key.ENTER), Keys.ofKeysym(0xff0d));
        assertEquals(Optional.of(Key.F12), Keys.ofKeysym(0xffc9));
        assertEquals(Optional.of(Key.PAD_5), Keys.ofKeysym(0xffb5));
        assertEquals(Optional.of(Key.PAD_7), Keys.ofKeysym(0xff95));
        assertEquals(Optional.of(Key.DELETE), Keys.ofKeysym(0xffff));
        assertEquals(Optional.empty(), Keys.ofKeysym(0x1_0000_ff0dL));
        assertEquals(Optional.empty(), Keys.ofKeysym(-1));
    }

    @Test
    void keys_go_up_in_the_reverse_order_and_waiting_takes_its_time() {
        Timers timers = new Timers();
        List<String> events = new ArrayList<>();
        long[] now = {0};
        TypedKeys.of("<wait:1m>\\<<CTRL-c>").start(timers, new KeySink() {
            @Override
            public void press(Key key) {
                events.add(now[0] / 1_000_000 + " +" + key);
            }

            @Override
            public void release(Key key) {
                events.add(now[0] / 1_000_000 + " -" + key);
            }
        });
        while (timers.next() != Timers.NEVER) {
            now[0] = timers.next();
            timers.expire(now[0]);
        }
        assertEquals(List.of("61030 +SHIFT_LEFT", "61030 +COMMA", "61060 -COMMA", "61060 -SHIFT_LEFT",
                "61090 +CONTROL_LEFT", "61090 +C", "61120 -C", "61120 -CONTROL_LEFT"), events);
    }

    @ParameterizedTest
    @ValueSource(strings = {"<enter", "<nokey>", "<ctrl->", "\\x", "\\", "\u20ac", "<wait:5>"})
    void what_cannot_be_typed_is_refused(String text) {
        assertThrows(IllegalArgumentException.class, () -> TypedKeys.of(text));
    }
}

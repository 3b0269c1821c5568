package org.xenolith.host.screen;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.Keys;

/**
 * Turns the bytes that a terminal sends (ECMA-48 with xterm's function keys) into strokes of a keyboard. A control character is Ctrl with a
 * letter, a character after ESC is typed with Alt, ESC at the end of what has come is the key itself.
 */
public final class TerminalKeys {
    private static final int ESC = 0x1b;
    private static final Map<String, Key> SEQUENCES = Map.ofEntries(Map.entry("A", Key.UP), Map.entry("B", Key.DOWN),
            Map.entry("C", Key.RIGHT), Map.entry("D", Key.LEFT), Map.entry("H", Key.HOME), Map.entry("F", Key.END),
            Map.entry("P", Key.F1), Map.entry("Q", Key.F2), Map.entry("R", Key.F3), Map.entry("S", Key.F4),
            Map.entry("1~", Key.HOME), Map.entry("2~", Key.INSERT), Map.entry("3~", Key.DELETE),
            Map.entry("4~", Key.END), Map.entry("5~", Key.PAGE_UP), Map.entry("6~", Key.PAGE_DOWN),
            Map.entry("7~", Key.HOME), Map.entry("8~", Key.END), Map.entry("11~", Key.F1), Map.entry("12~", Key.F2),
            Map.entry("13~", Key.F3), Map.entry("14~", Key.F4), Map.entry("15~", Key.F5), Map.entry("17~", Key.F6),
            Map.entry("18~", Key.F7), Map.entry("19~", Key.F8), Map.entry("20~", Key.F9), Map.entry("21~", Key.F10),
            Map.entry("23~", Key.F11), Map.entry("24~", Key.F12));
    private static final int MAX_SEQUENCE = 16;

    private final Consumer<List<Key>> typist;

    /** @param typist hears of each stroke: the keys that are held together, modifiers first */
    public TerminalKeys(Consumer<List<Key>> typist) {
        this.typist = typist;
    }

    /** Takes what the terminal has sent. */
    public void input(byte[] bytes, int length) {
        int at = 0;
        while (at < length) {
            at = bytes[at] == ESC ? escape(bytes, at, length) : character(bytes[at] & 0xff, false, at);
        }
    }

    private int character(int c, boolean alt, int at) {
        List<Key> keys = new ArrayList<>();
        if (alt) {
            keys.add(Key.ALT_LEFT);
        }
        if (c == 0) {
            keys.add(Key.CONTROL_LEFT);
            keys.add(Key.SPACE);
        } else if (c >= 1 && c <= 26 && c != '\r' && c != '\t') {
            keys.add(Key.CONTROL_LEFT);
            keys.add(Keys.ofCharacter((char) (c + 'a' - 1)).orElseThrow().key());
        } else {
            Keys.Stroke s = Keys.ofCharacter((char) c).orElse(null);
            if (s == null) {
                return at + 1;
            }
            if (s.shift()) {
                keys.add(Key.SHIFT_LEFT);
            }
            keys.add(s.key());
        }
        typist.accept(keys);
        return at + 1;
    }

    private int escape(byte[] bytes, int at, int length) {
        if (at + 1 == length || bytes[at + 1] == ESC) {
            typist.accept(List.of(Key.ESCAPE));
            return at + 1;
        }
        if (bytes[at + 1] != '[' && bytes[at + 1] != 'O' || at + 2 == length) {
            return character(bytes[at + 1] & 0xff, true, at + 1);
        }
        int end = at + 2;
        while (end < length && end < at + MAX_SEQUENCE && bytes[end] >= 0x20 && bytes[end] < 0x40) {
            end++;
        }
        if (end >= length) {
            return length;
        }
        StringBuilder sequence = new StringBuilder();
        for (int i = at + 2; i <= end; i++) {
            sequence.append((char) (bytes[i] & 0x7f));
        }
        sequence(sequence.toString());
        return end + 1;
    }

    /** A sequence after CSI or SS3, perhaps with xterm's modifiers: {@code 1;5A}, {@code 3;2~}. */
    private void sequence(String s) {
        List<Key> keys = new ArrayList<>();
        String plain = s;
        int semicolon = s.indexOf(';');
        if (semicolon >= 0 && s.length() == semicolon + 3) {
            int modifiers = s.charAt(semicolon + 1) - '1';
            if ((modifiers & 1) != 0) {
                keys.add(Key.SHIFT_LEFT);
            }
            if ((modifiers & 2) != 0) {
                keys.add(Key.ALT_LEFT);
            }
            if ((modifiers & 4) != 0) {
                keys.add(Key.CONTROL_LEFT);
            }
            String last = s.substring(s.length() - 1);
            plain = last.equals("~") ? s.substring(0, semicolon) + last : last;
        }
        Key key = SEQUENCES.get(plain);
        if (key != null) {
            keys.add(key);
            typist.accept(keys);
        } else if (plain.equals("Z")) {
            typist.accept(List.of(Key.SHIFT_LEFT, Key.TAB));
        }
    }
}

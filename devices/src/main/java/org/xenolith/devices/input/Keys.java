package org.xenolith.devices.input;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Characters, names and X11 keysyms that stand for keys of a US keyboard. */
public final class Keys {
    private static final String PLAIN = "`1234567890-=[]\\;',./";
    private static final String SHIFTED = "~!@#$%^&*()_+{}|:\"<>?";
    private static final Key[] PUNCTUATION = {Key.BACKQUOTE, Key.DIGIT_1, Key.DIGIT_2, Key.DIGIT_3, Key.DIGIT_4,
        Key.DIGIT_5, Key.DIGIT_6, Key.DIGIT_7, Key.DIGIT_8, Key.DIGIT_9, Key.DIGIT_0, Key.MINUS, Key.EQUALS,
        Key.BRACKET_LEFT, Key.BRACKET_RIGHT, Key.BACKSLASH, Key.SEMICOLON, Key.QUOTE, Key.COMMA, Key.PERIOD,
        Key.SLASH};
    /** Keysyms FF00h to FFFFh (X11/keysymdef.h) and a few above them. */
    private static final Map<Integer, Key> KEYSYMS = keysyms();
    private static final Map<String, Key> NAMES = names();

    private Keys() {
    }

    /**
     * How a character is typed.
     *
     * @param shift whether with the shift key
     */
    public record Stroke(Key key, boolean shift) {
    }

    /** How a character is typed; empty for one that is not on the keyboard. */
    public static Optional<Stroke> ofCharacter(char c) {
        if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
            return Optional.of(new Stroke(Key.valueOf(String.valueOf(c).toUpperCase(Locale.ROOT)), c < 'a'));
        }
        switch (c) {
            case ' ' -> {
                return Optional.of(new Stroke(Key.SPACE, false));
            }
            case '\n', '\r' -> {
                return Optional.of(new Stroke(Key.ENTER, false));
            }
            case '\t' -> {
                return Optional.of(new Stroke(Key.TAB, false));
            }
            case '\b', 0x7f -> {
                return Optional.of(new Stroke(Key.BACKSPACE, false));
            }
            case 0x1b -> {
                return Optional.of(new Stroke(Key.ESCAPE, false));
            }
            default -> {
                int plain = PLAIN.indexOf(c);
                int shifted = SHIFTED.indexOf(c);
                return plain < 0 && shifted < 0
                        ? Optional.empty()
                        : Optional.of(new Stroke(PUNCTUATION[Math.max(plain, shifted)], plain < 0));
            }
        }
    }

    /** The key of an X11 keysym; the state of shift is told by keys of their own. */
    public static Optional<Key> ofKeysym(long keysym) {
        if (keysym >= 0x20 && keysym < 0x7f) {
            return ofCharacter((char) keysym).map(Stroke::key);
        }
        return keysym < 0 || keysym > 0xffff_ffffL ? Optional.empty() : Optional.ofNullable(KEYSYMS.get((int) keysym));
    }

    /** The key of a name such as {@code enter}, {@code f1}, {@code ctrl}, {@code pageup} or {@code a}. */
    public static Optional<Key> ofName(String name) {
        return name.length() == 1
                ? ofCharacter(name.charAt(0)).map(Stroke::key)
                : Optional.ofNullable(NAMES.get(name.toLowerCase(Locale.ROOT)));
    }

    private static Map<Integer, Key> keysyms() {
        Map<Integer, Key> m = new TreeMap<>();
        m.put(0xff08, Key.BACKSPACE);
        m.put(0xff09, Key.TAB);
        m.put(0xff0d, Key.ENTER);
        m.put(0xff13, Key.PAUSE);
        m.put(0xff14, Key.SCROLL_LOCK);
        m.put(0xff15, Key.PRINT_SCREEN);
        m.put(0xff1b, Key.ESCAPE);
        m.put(0xff50, Key.HOME);
        m.put(0xff51, Key.LEFT);
        m.put(0xff52, Key.UP);
        m.put(0xff53, Key.RIGHT);
        m.put(0xff54, Key.DOWN);
        m.put(0xff55, Key.PAGE_UP);
        m.put(0xff56, Key.PAGE_DOWN);
        m.put(0xff57, Key.END);
        m.put(0xff61, Key.PRINT_SCREEN);
        m.put(0xff63, Key.INSERT);
        m.put(0xff67, Key.MENU);
        m.put(0xff6b, Key.PAUSE);
        m.put(0xff7e, Key.ALT_RIGHT);
        m.put(0xff7f, Key.NUM_LOCK);
        m.put(0xff8d, Key.PAD_ENTER);
        Key[] navigation = {Key.PAD_7, Key.PAD_4, Key.PAD_8, Key.PAD_6, Key.PAD_2, Key.PAD_9, Key.PAD_3, Key.PAD_1,
            Key.PAD_5, Key.PAD_0, Key.PAD_PERIOD};
        for (int i = 0; i < navigation.length; i++) {
            m.put(0xff95 + i, navigation[i]);
        }
        m.put(0xffaa, Key.PAD_MULTIPLY);
        m.put(0xffab, Key.PAD_PLUS);
        m.put(0xffac, Key.PAD_PERIOD);
        m.put(0xffad, Key.PAD_MINUS);
        m.put(0xffae, Key.PAD_PERIOD);
        m.put(0xffaf, Key.PAD_DIVIDE);
        for (int i = 0; i < 10; i++) {
            m.put(0xffb0 + i, Key.valueOf("PAD_" + i));
        }
        for (int i = 0; i < 12; i++) {
            m.put(0xffbe + i, Key.valueOf("F" + (i + 1)));
        }
        m.put(0xffe1, Key.SHIFT_LEFT);
        m.put(0xffe2, Key.SHIFT_RIGHT);
        m.put(0xffe3, Key.CONTROL_LEFT);
        m.put(0xffe4, Key.CONTROL_RIGHT);
        m.put(0xffe5, Key.CAPS_LOCK);
        m.put(0xffe7, Key.ALT_LEFT);
        m.put(0xffe8, Key.ALT_RIGHT);
        m.put(0xffe9, Key.ALT_LEFT);
        m.put(0xffea, Key.ALT_RIGHT);
        m.put(0xffeb, Key.META_LEFT);
        m.put(0xffec, Key.META_RIGHT);
        m.put(0xffff, Key.DELETE);
        // ISO_Left_Tab, which shift and Tab give, and ISO_Level3_Shift, which is AltGr
        m.put(0xfe20, Key.TAB);
        m.put(0xfe03, Key.ALT_RIGHT);
        return m;
    }

    private static Map<String, Key> names() {
        Map<String, Key> m = new TreeMap<>();
        for (Key k : Key.values()) {
            m.put(k.name().toLowerCase(Locale.ROOT).replace("_", ""), k);
        }
        m.put("esc", Key.ESCAPE);
        m.put("return", Key.ENTER);
        m.put("ret", Key.ENTER);
        m.put("del", Key.DELETE);
        m.put("ins", Key.INSERT);
        m.put("bs", Key.BACKSPACE);
        m.put("ctrl", Key.CONTROL_LEFT);
        m.put("control", Key.CONTROL_LEFT);
        m.put("shift", Key.SHIFT_LEFT);
        m.put("alt", Key.ALT_LEFT);
        m.put("altgr", Key.ALT_RIGHT);
        m.put("meta", Key.META_LEFT);
        m.put("win", Key.META_LEFT);
        m.put("pgup", Key.PAGE_UP);
        m.put("pgdn", Key.PAGE_DOWN);
        m.put("print", Key.PRINT_SCREEN);
        m.put("minus", Key.MINUS);
        m.put("plus", Key.PAD_PLUS);
        return m;
    }
}

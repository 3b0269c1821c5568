package org.xenolith.guests.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A small assembler for AML (ACPI 6.4, chapter 20): each method gives the encoding of one term, and terms nest.
 *
 * <p>Names are segments of up to four characters, padded with underscores; {@code \} leads to the root. What a term
 * holds is given as already encoded terms.
 */
public final class Aml {
    private static final int NAME_OP = 0x08;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int METHOD_OP = 0x14;
    private static final int EXT_PREFIX = 0x5b;
    private static final int DEVICE_OP = 0x82;

    private Aml() {}

    /**
     * A scope that adds to an existing one.
     *
     * @param name for example {@code \_SB_}
     * @param terms its content
     */
    public static byte[] scope(String name, byte[]... terms) {
        return concat(bytes(SCOPE_OP), packaged(concat(nameString(name), concat(terms))));
    }

    /**
     * A device object.
     *
     * @param name its segment
     * @param terms its content
     */
    public static byte[] device(String name, byte[]... terms) {
        return concat(bytes(EXT_PREFIX, DEVICE_OP), packaged(concat(nameString(name), concat(terms))));
    }

    /**
     * A control method that is not serialized.
     *
     * @param name its segment
     * @param arguments how many it takes, 0 to 7
     * @param terms its body
     */
    public static byte[] method(String name, int arguments, byte[]... terms) {
        if (arguments < 0 || arguments > 7) {
            throw new IllegalArgumentException("a method takes 0 to 7 arguments, not " + arguments);
        }
        return concat(bytes(METHOD_OP), packaged(concat(nameString(name), bytes(arguments), concat(terms))));
    }

    /**
     * A named object.
     *
     * @param name its segment
     * @param value an encoded data object
     */
    public static byte[] name(String name, byte[] value) {
        return concat(bytes(NAME_OP), nameString(name), value);
    }

    /**
     * An integer in its shortest form.
     *
     * @param value unsigned
     */
    public static byte[] integer(long value) {
        if (value == 0 || value == 1) {
            return bytes((int) value);
        }
        if (value >>> 8 == 0) {
            return concat(bytes(0x0a), little(value, 1));
        }
        if (value >>> 16 == 0) {
            return concat(bytes(0x0b), little(value, 2));
        }
        if (value >>> 32 == 0) {
            return concat(bytes(0x0c), little(value, 4));
        }
        return concat(bytes(0x0e), little(value, 8));
    }

    /**
     * A string.
     *
     * @param text ASCII without zeros
     */
    public static byte[] string(String text) {
        return concat(bytes(0x0d), text.getBytes(StandardCharsets.US_ASCII), bytes(0));
    }

    /** A package of up to 255 data objects. */
    public static byte[] packageOf(byte[]... elements) {
        return concat(bytes(PACKAGE_OP), packaged(concat(bytes(elements.length), concat(elements))));
    }

    /** A buffer with these bytes. */
    public static byte[] buffer(byte[] content) {
        return concat(bytes(BUFFER_OP), packaged(concat(integer(content.length), content)));
    }

    /**
     * A compressed EISA identifier.
     *
     * @param id for example {@code PNP0A03}
     */
    public static byte[] eisaId(String id) {
        int letters = (id.charAt(0) - '@') << 10 | (id.charAt(1) - '@') << 5 | id.charAt(2) - '@';
        int number = Integer.parseInt(id.substring(3), 16);
        return integer(Integer.toUnsignedLong(Integer.reverseBytes(letters << 16 | number)));
    }

    /** {@return the terms one after the other} */
    public static byte[] concat(byte[]... terms) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] term : terms) {
            out.writeBytes(term);
        }
        return out.toByteArray();
    }

    private static byte[] nameString(String name) {
        boolean root = name.startsWith("\\");
        String rest = root ? name.substring(1) : name;
        boolean right = !rest.isEmpty() && rest.length() <= 4 && rest.charAt(0) > '9';
        for (int i = 0; i < rest.length(); i++) {
            char c = rest.charAt(i);
            right &= c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_';
        }
        if (!right) {
            throw new IllegalArgumentException("not a name segment: " + name);
        }
        byte[] segment = (rest + "___").substring(0, 4).getBytes(StandardCharsets.US_ASCII);
        return root ? concat(bytes('\\'), segment) : segment;
    }

    /** PkgLength counts itself: one byte up to 63, else a lead byte with the low nibble and 1 to 3 bytes more. */
    private static byte[] packaged(byte[] content) {
        if (content.length + 1 <= 0x3f) {
            return concat(bytes(content.length + 1), content);
        }
        int more = content.length + 2 < 1 << 12 ? 1 : content.length + 3 < 1 << 20 ? 2 : 3;
        int length = content.length + 1 + more;
        return concat(bytes(more << 6 | length & 0xf), little(length >>> 4, more), content);
    }

    /** The low bytes of a value, the lowest first. */
    static byte[] little(long value, int count) {
        byte[] out = new byte[count];
        for (int i = 0; i < count; i++) {
            out[i] = (byte) (value >>> 8 * i);
        }
        return out;
    }

    private static byte[] bytes(int... values) {
        byte[] out = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            out[i] = (byte) values[i];
        }
        return out;
    }
}

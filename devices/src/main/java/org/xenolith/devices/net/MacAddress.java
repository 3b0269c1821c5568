package org.xenolith.devices.net;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * A 48-bit Ethernet address.
 *
 * @param bits the address, its first octet in bits 47 to 40
 */
public record MacAddress(long bits) {
    /** Octets of an address. */
    public static final int LENGTH = 6;
    /** All ones: every station. */
    public static final MacAddress BROADCAST = new MacAddress(0xffff_ffff_ffffL);

    /** Xen's vendor part, 00:16:3e. */
    private static final long XEN = 0x0016_3eL << 24;
    private static final Pattern TEXT = Pattern.compile("([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}");

    public MacAddress {
        if (bits < 0 || bits > 0xffff_ffff_ffffL) {
            throw new IllegalArgumentException("no MAC address: 0x" + Long.toHexString(bits));
        }
    }

    /** The address at {@code at} of a frame. */
    public static MacAddress of(byte[] frame, int at) {
        return new MacAddress(bits(frame, at));
    }

    /** As {@link #of}, as a number. */
    public static long bits(byte[] frame, int at) {
        long v = 0;
        for (int i = 0; i < LENGTH; i++) {
            v = v << 8 | frame[at + i] & 0xff;
        }
        return v;
    }

    /** Parses {@code 00:16:3e:01:02:03}; empty for other text. */
    public static Optional<MacAddress> parse(String text) {
        return TEXT.matcher(text).matches()
                ? Optional.of(new MacAddress(Long.parseLong(text.replace(":", ""), 16)))
                : Optional.empty();
    }

    /** An address of Xen's vendor part that follows from a name alone, so that runs are alike. */
    public static MacAddress derive(String name) {
        long hash = UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8)).getLeastSignificantBits();
        return new MacAddress(XEN | hash & 0x7f_ffffL);
    }

    /** True for an address of a group of stations, the broadcast address among them. */
    public boolean isGroup() {
        return isGroup(bits);
    }

    static boolean isGroup(long bits) {
        return (bits >>> 40 & 1) != 0;
    }

    /** Stores the address into a frame. */
    public void put(byte[] frame, int at) {
        for (int i = 0; i < LENGTH; i++) {
            frame[at + i] = (byte) (bits >>> 8 * (LENGTH - 1 - i));
        }
    }

    @Override
    public String toString() {
        StringBuilder s = new StringBuilder();
        for (int i = LENGTH - 1; i >= 0; i--) {
            s.append(String.format("%02x", bits >>> 8 * i & 0xff)).append(i > 0 ? ":" : "");
        }
        return s.toString();
    }
}

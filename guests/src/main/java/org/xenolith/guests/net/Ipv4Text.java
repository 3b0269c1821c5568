package org.xenolith.guests.net;

import java.util.OptionalInt;

/** IPv4 addresses as text. */
final class Ipv4Text {
    private Ipv4Text() {
    }

    /** The address of four decimal numbers with dots between, its first octet highest; empty for other text. */
    static OptionalInt parse(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length != 4) {
            return OptionalInt.empty();
        }
        int address = 0;
        for (String p : parts) {
            if (!p.matches("[0-9]{1,3}") || Integer.parseInt(p) > 255) {
                return OptionalInt.empty();
            }
            address = address << 8 | Integer.parseInt(p);
        }
        return OptionalInt.of(address);
    }
}

package org.xenolith.hypervisor;

import java.util.function.Consumer;

/** Gathers what a guest writes to the hypervisor's console, or to debug port E9h, into lines. */
public final class GuestLines {
    private static final int LONGEST = 128;

    private final Consumer<String> sink;
    private final StringBuilder line = new StringBuilder();

    GuestLines(Consumer<String> sink) {
        this.sink = sink;
    }

    /** Takes one byte; control characters other than line feed and tab are left out, a long line is broken. */
    public void put(int b) {
        if (b == '\n') {
            flush();
        } else if (b >= ' ' && b < 0x7f || b == '\t') {
            line.append((char) b);
            if (line.length() >= LONGEST) {
                flush();
            }
        }
    }

    /** Passes on an unfinished line. */
    public void flush() {
        if (!line.isEmpty()) {
            sink.accept(line.toString());
            line.setLength(0);
        }
    }
}

package org.xenolith.emulator;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What a guest has written to its console, as statistics tell it, and the console that it goes to. */
final class ConsoleLog {
    private final Console console;
    private final MessageDigest digest;
    private long bytes;
    private boolean closed;
    private boolean talked;

    ConsoleLog(Console console) {
        this.console = console;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    Console console() {
        return console;
    }

    /** Takes what the guest writes; returns {@code length}. */
    int output(byte[] data, int offset, int length) {
        digest.update(data, offset, length);
        bytes += length;
        talked = true;
        if (!console.output(data, offset, length)) {
            closed = true;
        }
        return length;
    }

    /** Typed bytes, as many as there are and fit. */
    int input(byte[] into, int length) {
        int n = console.input(into, 0, length);
        talked |= n > 0;
        return n;
    }

    /** True once since the guest last wrote or read. */
    boolean takeTalked() {
        boolean t = talked;
        talked = false;
        return t;
    }

    /** Nobody reads any more. */
    boolean closed() {
        return closed;
    }

    long bytes() {
        return bytes;
    }

    /** Digest of all output in lower-case hex; to be asked once, at the end. */
    String sha256() {
        return HexFormat.of().formatHex(digest.digest());
    }
}

package org.xenolith.cli;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.xenolith.emulator.Console;
import org.xenolith.host.StreamConsole;

/** One of several guests on a stream: whole lines, each with the guest's name in front; nothing to type. */
final class LineConsole implements Console {
    /** A line is cut here, so that one without an end does not stay unseen. */
    private static final int MAX_LINE = 4096;

    private final StreamConsole stream;
    private final byte[] prefix;
    private byte[] pending = new byte[MAX_LINE];
    private int lineStart;
    private int length;

    LineConsole(StreamConsole stream, String name) {
        this.stream = stream;
        this.prefix = ("[" + name + "] ").getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public boolean output(byte[] bytes, int offset, int count) {
        for (int i = 0; i < count; i++) {
            if (length == lineStart) {
                append(prefix);
            }
            append(bytes[offset + i]);
            if (bytes[offset + i] == '\n') {
                lineStart = length;
            } else if (length - lineStart == MAX_LINE) {
                append((byte) '\n');
                lineStart = length;
            }
        }
        boolean taken = stream.output(pending, 0, lineStart);
        System.arraycopy(pending, lineStart, pending, 0, length - lineStart);
        length -= lineStart;
        lineStart = 0;
        return taken;
    }

    /** Puts out a line that has not ended. */
    void finish() {
        if (length > 0) {
            append((byte) '\n');
            stream.output(pending, 0, length);
            length = 0;
        }
    }

    private void append(byte... bytes) {
        if (length + bytes.length > pending.length) {
            pending = Arrays.copyOf(pending, Math.max(2 * pending.length, length + bytes.length));
        }
        System.arraycopy(bytes, 0, pending, length, bytes.length);
        length += bytes.length;
    }

    @Override
    public int input(byte[] into, int offset, int count) {
        return 0;
    }

    @Override
    public void await(long millis) {
        stream.await(millis);
    }

    @Override
    public void interrupt() {
        stream.interrupt();
    }
}

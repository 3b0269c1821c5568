package org.xenolith.emulator;

import java.util.ArrayDeque;
import java.util.Queue;
import org.xenolith.devices.CharBackend;

/** A guest's console at the end of a serial cable: lines go out when they end, or between two rounds. */
final class SerialConsole implements CharBackend {
    private static final int LINE = 256;
    /** Most typed bytes that wait for the guest. */
    private static final int TYPED = 1024;

    private final ConsoleLog log;
    private final byte[] line = new byte[LINE];
    private final byte[] typed = new byte[TYPED];
    private final Queue<Byte> waiting = new ArrayDeque<>();
    private Runnable listener = () -> {};
    private int length;

    SerialConsole(ConsoleLog log) {
        this.log = log;
    }

    @Override
    public void send(int b) {
        line[length++] = (byte) b;
        if (b == '\n' || length == LINE) {
            flush();
        }
    }

    /** Hands on what has been written; to be called between two rounds. */
    void flush() {
        if (length > 0) {
            log.output(line, 0, length);
            length = 0;
        }
    }

    /** Lets in what has been typed; between two rounds. */
    void pollInput() {
        if (!waiting.isEmpty()) {
            return;
        }
        int n = log.input(typed, TYPED);
        for (int i = 0; i < n; i++) {
            waiting.add(typed[i]);
        }
        if (n > 0) {
            listener.run();
        }
    }

    @Override
    public int poll() {
        Byte b = waiting.poll();
        return b == null ? -1 : b & 0xff;
    }

    @Override
    public void setInputListener(Runnable to) {
        listener = to;
    }
}

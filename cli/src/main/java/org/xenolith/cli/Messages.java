package org.xenolith.cli;

import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;

/**
 * What we say to the user, on standard error: whole lines that begin with {@code "xenolith: "}, and on a terminal one line
 * of progress that the next message or {@link #clear} takes away.
 */
final class Messages {
    private final PrintStream err;
    private final boolean terminal;
    private boolean progressShown;

    /**
     * Messages to a stream.
     *
     * @param err where to
     * @param terminal whether somebody watches, so that progress is worth showing
     */
    Messages(PrintStream err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    /** Says one line. */
    synchronized void say(String line) {
        clear();
        err.println("xenolith: " + line);
        err.flush();
    }

    /** Passes on text of several lines as it is. */
    synchronized void text(String lines) {
        clear();
        err.println(lines.stripTrailing());
        err.flush();
    }

    /** Shows what is going on, if somebody watches. */
    synchronized void progress(String what) {
        if (terminal) {
            err.print("\r\033[Kxenolith: " + what);
            err.flush();
            progressShown = true;
        }
    }

    /** Takes the line of progress away. */
    synchronized void clear() {
        if (progressShown) {
            err.print("\r\033[K");
            err.flush();
            progressShown = false;
        }
    }

    /**
     * A stream to standard error that ends lines as a raw terminal needs it.
     *
     * @param raw whether the terminal is raw at the moment
     */
    static PrintStream standardError(FileOutputStream target, BooleanSupplier raw) {
        return new PrintStream(new LineEnds(target, raw), true, StandardCharsets.UTF_8);
    }

    private static final class LineEnds extends FilterOutputStream {
        private final BooleanSupplier raw;

        LineEnds(OutputStream out, BooleanSupplier raw) {
            super(out);
            this.raw = raw;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (!raw.getAsBoolean()) {
                out.write(bytes, offset, length);
                return;
            }
            byte[] converted = new byte[length * 2];
            int n = 0;
            for (int i = offset; i < offset + length; i++) {
                if (bytes[i] == '\n') {
                    converted[n++] = '\r';
                }
                converted[n++] = bytes[i];
            }
            out.write(converted, 0, n);
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[]{(byte) b}, 0, 1);
        }
    }
}

package org.xenolith.host;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * The terminal that the process was started in: POSIX {@code isatty}, {@code tcgetattr}, {@code tcsetattr} and
 * {@code cfmakeraw} (glibc, musl and the BSDs have it), so that no layout of {@code struct termios} is needed.
 */
public final class Terminal {
    /** File descriptor of standard input. */
    public static final int STDIN = 0;
    /** File descriptor of standard output. */
    public static final int STDOUT = 1;
    /** File descriptor of standard error. */
    public static final int STDERR = 2;

    /** More than any system's {@code struct termios} (Linux 60 bytes, macOS 72). */
    private static final int TERMIOS_ROOM = 256;
    private static final int TCSADRAIN = 1;
    private static final int TCSANOW = 0;
    private static final long TIOCGWINSZ = System.getProperty("os.name").startsWith("Mac") ? 0x4008_7468L : 0x5413L;

    private final MethodHandle isatty;
    private final MethodHandle tcgetattr;
    private final MethodHandle tcsetattr;
    private final MethodHandle cfmakeraw;
    private final MethodHandle ioctl;
    private MemorySegment saved;

    /**
     * A window's size in characters.
     *
     * @param columns its width, above 0
     * @param rows its height, above 0
     */
    public record Size(int columns, int rows) {
    }

    /** Finds the C library's functions. */
    public Terminal() {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        // SAFETY: the signatures are those of POSIX termios.h and unistd.h (ioctl takes its third argument variadically);
        // every pointer passed is to memory of TERMIOS_ROOM bytes, more than the callee writes, alive during the call
        FunctionDescriptor intInt = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        isatty = linker.downcallHandle(lookup.findOrThrow("isatty"), intInt);
        tcgetattr = linker.downcallHandle(lookup.findOrThrow("tcgetattr"),
                intInt.appendArgumentLayouts(ValueLayout.ADDRESS));
        tcsetattr = linker.downcallHandle(lookup.findOrThrow("tcsetattr"),
                intInt.appendArgumentLayouts(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
        cfmakeraw = linker.downcallHandle(lookup.findOrThrow("cfmakeraw"),
                FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
        ioctl = linker.downcallHandle(lookup.findOrThrow("ioctl"),
                intInt.appendArgumentLayouts(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
                Linker.Option.firstVariadicArg(2));
    }

    /** Whether a file descriptor is a terminal. */
    public boolean isTerminal(int descriptor) {
        try {
            return (int) isatty.invokeExact(descriptor) == 1;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** The size of the window behind a file descriptor, where it is a terminal that knows. */
    public Optional<Size> size(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment winsize = arena.allocate(TERMIOS_ROOM);
            if ((int) ioctl.invokeExact(descriptor, TIOCGWINSZ, winsize) != 0) {
                return Optional.empty();
            }
            int rows = Short.toUnsignedInt(winsize.get(ValueLayout.JAVA_SHORT, 0));
            int columns = Short.toUnsignedInt(winsize.get(ValueLayout.JAVA_SHORT, 2));
            return rows == 0 || columns == 0 ? Optional.empty() : Optional.of(new Size(columns, rows));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * Passes every key to the reader of standard input as it is, without echo, signals or line editing, and every byte of
     * output to the screen as it is, until {@link #restore}.
     *
     * @return false if standard input is no terminal or cannot be changed
     */
    public synchronized boolean makeRaw() {
        if (saved != null) {
            return true;
        }
        MemorySegment before = Arena.ofAuto().allocate(TERMIOS_ROOM);
        try (Arena arena = Arena.ofConfined()) {
            if ((int) tcgetattr.invokeExact(STDIN, before) != 0) {
                return false;
            }
            MemorySegment raw = arena.allocate(TERMIOS_ROOM).copyFrom(before);
            cfmakeraw.invokeExact(raw);
            if ((int) tcsetattr.invokeExact(STDIN, TCSADRAIN, raw) != 0) {
                return false;
            }
            saved = before;
            return true;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Whether the terminal is raw. */
    public synchronized boolean isRaw() {
        return saved != null;
    }

    /** Brings the terminal back to what it was before {@link #makeRaw}; does nothing if it is not raw. */
    public synchronized void restore() {
        if (saved == null) {
            return;
        }
        try {
            // TCSANOW: waiting for output to drain could hang on a terminal that is stopped
            int ignored = (int) tcsetattr.invokeExact(STDIN, TCSANOW, saved);
            assert ignored == 0 || ignored == -1;
        } catch (Throwable e) {
            throw unexpected(e);
        }
        saved = null;
    }

    private static IllegalStateException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(e);
    }
}

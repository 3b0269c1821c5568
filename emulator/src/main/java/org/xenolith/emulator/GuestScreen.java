package org.xenolith.emulator;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.devices.input.KeySink;
import org.xenolith.devices.input.PointerSink;
import org.xenolith.devices.input.Typist;
import org.xenolith.devices.vga.Screen;
import org.xenolith.host.HostClock;
import org.xenolith.host.screen.ScreenFiles;
import org.xenolith.host.screen.TerminalKeys;
import org.xenolith.host.screen.TerminalScreen;
import org.xenolith.host.screen.VncServer;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * The host's end of one guest's screen, keyboard and mouse, through all reboots of the guest: VNC, the terminal, typed keys, and the files that
 * are written at the end. All methods belong to the emulation thread.
 */
final class GuestScreen implements AutoCloseable {
    private static final long TERMINAL_NS = 20_000_000;
    /** Milliseconds within which a screen in a terminal is looked at again. */
    private static final long TERMINAL_MS = 20;
    private static final int TERMINAL_ROWS = 60;
    private static final int TERMINAL_COLUMNS = 160;

    private final ScreenConfig config;
    private final Optional<VncServer> vnc;
    private final Optional<Console> terminal;
    private final TerminalScreen window = new TerminalScreen(TERMINAL_ROWS, TERMINAL_COLUMNS);
    private final byte[] typed = new byte[256];
    private final HostClock host = new HostClock();
    private Screen screen;
    private KeySink keyboard;
    private PointerSink pointer;
    private TerminalKeys keys;
    private boolean started;
    private boolean readerGone;
    private long drawnAt = -TERMINAL_NS;

    /**
     * Opens what is to be open before the guest runs.
     *
     * @param guest the guest's name
     * @param console what a screen in the terminal is drawn on
     * @throws IllegalArgumentException when the VNC server's port is not to be had
     */
    GuestScreen(ScreenConfig config, String guest, Console console) {
        this.config = config;
        terminal = config.terminal() ? Optional.of(console) : Optional.empty();
        try {
            vnc = config.vnc().isPresent()
                    ? Optional.of(new VncServer(config.vnc().get(), guest))
                    : Optional.empty();
        } catch (IOException e) {
            throw new IllegalArgumentException("--vnc: cannot listen at " + config.vnc().get() + ": " + e.getMessage(),
                    e);
        }
    }

    /** Connects the devices of a guest that starts, or starts again; keys are typed only the first time. */
    void attach(Screen of, KeySink toKeyboard, PointerSink toPointer, Timers timers, VirtualClock clock) {
        screen = of;
        keyboard = toKeyboard;
        pointer = toPointer;
        Typist typist = new Typist(timers, clock, toKeyboard);
        keys = new TerminalKeys(typist::type);
        if (!started) {
            started = true;
            config.typedKeys().ifPresent(k -> k.start(timers, toKeyboard));
        }
    }

    /**
     * Lets in what people do, and shows them what there is; between two rounds.
     *
     * @return true when they have done something
     */
    boolean poll() {
        if (screen == null) {
            return false;
        }
        boolean any = vnc.isPresent() && vnc.get().poll(screen, keyboard, pointer);
        return terminal.isPresent() && pollTerminal(terminal.get()) || any;
    }

    private boolean pollTerminal(Console console) {
        int n = console.input(typed, 0, typed.length);
        if (n > 0) {
            keys.input(typed, n);
        }
        long now = host.nanos();
        if (now - drawnAt >= TERMINAL_NS) {
            drawnAt = now;
            draw(console, window.update(screen));
        }
        return n > 0;
    }

    private void draw(Console console, byte[] bytes) {
        if (bytes.length > 0 && !console.output(bytes, 0, bytes.length)) {
            readerGone = true;
        }
    }

    /** Whether nobody reads the terminal any more. */
    boolean closed() {
        return readerGone;
    }

    /** Whether somebody may type: idle time is then the wall clock's. */
    boolean watched() {
        return vnc.isPresent() && vnc.get().connected()
                || terminal.isPresent() && !terminal.get().inputEnded();
    }

    /** Milliseconds within which {@link #poll} wants to be called again. */
    long pollWithinMs() {
        long ms = vnc.map(VncServer::pollWithinMs).orElse(Long.MAX_VALUE);
        return terminal.isPresent() ? Math.min(ms, TERMINAL_MS) : ms;
    }

    /** What to call, from any thread, when {@link #poll} has something to do. */
    void setWakeup(Runnable call) {
        vnc.ifPresent(v -> v.setWakeup(call));
    }

    /**
     * Writes the files, at the end of the run.
     *
     * @return what went wrong, in words
     */
    List<String> finish() {
        List<String> problems = new ArrayList<>();
        if (screen == null) {
            return problems;
        }
        terminal.ifPresent(c -> {
            draw(c, window.update(screen));
            draw(c, TerminalScreen.leave());
        });
        config.screenshot().ifPresent(file -> {
            try {
                ScreenFiles.writePng(screen, file);
            } catch (IOException e) {
                problems.add("--screenshot: " + file + " could not be written: " + e.getMessage());
            }
        });
        config.text().ifPresent(file -> {
            try {
                if (!ScreenFiles.writeText(screen, file)) {
                    problems.add("--screen-text: " + file + " is empty: the screen was not in a text mode but "
                            + screen.mode());
                }
            } catch (IOException e) {
                problems.add("--screen-text: " + file + " could not be written: " + e.getMessage());
            }
        });
        return problems;
    }

    @Override
    public void close() {
        vnc.ifPresent(VncServer::close);
    }
}

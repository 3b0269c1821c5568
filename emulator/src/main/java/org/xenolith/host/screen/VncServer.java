package org.xenolith.host.screen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.input.KeySink;
import org.xenolith.devices.input.PointerSink;
import org.xenolith.devices.vga.Screen;

/**
 * A VNC server (RFC 6143) that shows one screen to up to {@value #MAX_CLIENTS} clients. A host thread of its own talks to them; it never touches
 * the machine. The emulation thread calls {@link #poll} now and then, which hands over what was typed and, while a client waits for a picture,
 * draws a part of one. Without a client it does nothing.
 */
public final class VncServer implements AutoCloseable {
    static final int MAX_CLIENTS = 8;

    private static final Logger LOG = LoggerFactory.getLogger(VncServer.class);
    /** Least time between two pictures. */
    private static final long FRAME_NS = 33_000_000;
    /** Rows drawn in one poll. */
    private static final int SLICE = 128;
    private static final long PATIENCE_NS = 30_000_000_000L;
    private static final long SELECT_MS = 1000;

    private final ScreenInput input = new ScreenInput();
    private final Selector selector;
    private final ServerSocketChannel listening;
    private final String name;
    private final Thread thread;
    private volatile Runnable wakeup = () -> {};
    private volatile boolean closing;
    private volatile boolean wanted;
    private final AtomicInteger clients = new AtomicInteger();
    private volatile Frame latest;

    // of the emulation thread
    private Frame drawing;
    private int drawn;
    private long drawingVersion;
    private long drawnVersion;
    private long lastStart = System.nanoTime() - FRAME_NS;

    /**
     * Listens for clients.
     *
     * @param at address and port; port 0 for any
     * @param name what clients show as the title
     * @throws IOException when the port is not to be had
     */
    public VncServer(InetSocketAddress at, String name) throws IOException {
        this.name = name;
        selector = Selector.open();
        listening = ServerSocketChannel.open();
        boolean done = false;
        try {
            listening.configureBlocking(false);
            listening.bind(at);
            listening.register(selector, SelectionKey.OP_ACCEPT);
            done = true;
        } finally {
            if (!done) {
                listening.close();
                selector.close();
            }
        }
        thread = Thread.ofPlatform().daemon().name("vnc").start(this::serve);
    }

    /** The TCP port. */
    public int port() {
        return listening.socket().getLocalPort();
    }

    /** Whether somebody looks at the screen: idle time is then the wall clock's. */
    public boolean connected() {
        return clients.get() > 0;
    }

    /** Milliseconds until {@link #poll} wants to be called again at the latest. */
    public long pollWithinMs() {
        return wanted ? FRAME_NS / 1_000_000 : Long.MAX_VALUE;
    }

    /** What to call, on the server's thread, when {@link #poll} has something to do; it must not block. */
    public void setWakeup(Runnable call) {
        wakeup = call;
    }

    /**
     * Hands over input and draws, on the emulation thread between two instructions.
     *
     * @return true when there was input
     */
    public boolean poll(Screen screen, KeySink keyboard, PointerSink pointer) {
        boolean any = input.deliver(keyboard, pointer);
        if (wanted) {
            draw(screen);
        }
        return any;
    }

    private void draw(Screen screen) {
        int width = screen.width();
        int height = screen.height();
        if (drawing == null || drawing.width() != width || drawing.height() != height) {
            long now = System.nanoTime();
            if (now - lastStart < FRAME_NS) {
                return;
            }
            lastStart = now;
            drawingVersion = screen.version();
            Frame l = latest;
            if (drawingVersion == drawnVersion && l != null && l.width() == width && l.height() == height) {
                return;
            }
            drawing = new Frame(width, height, new int[width * height]);
            drawn = 0;
        }
        int rows = Math.min(SLICE, height - drawn);
        int[] slice = drawing.argb();
        if (drawn == 0 && rows == height) {
            screen.render(slice, 0, rows);
        } else {
            int[] part = new int[rows * width];
            screen.render(part, drawn, rows);
            System.arraycopy(part, 0, slice, drawn * width, part.length);
        }
        drawn += rows;
        if (drawn == height) {
            latest = drawing;
            drawnVersion = drawingVersion;
            drawing = null;
            wanted = false;
            selector.wakeup();
        }
    }

    // ---- the server's thread ----

    private void serve() {
        try {
            while (!closing) {
                selector.select(this::dispatch, SELECT_MS);
                serveAll();
            }
        } catch (IOException e) {
            LOG.warn("the VNC server has ended: {}", e.getMessage());
        }
    }

    private void dispatch(SelectionKey key) {
        if (!key.isValid()) {
            return;
        }
        if (key.isAcceptable()) {
            accept();
            return;
        }
        VncClient c = (VncClient) key.attachment();
        try {
            if (key.isReadable()) {
                c.read();
            }
            if (key.isWritable()) {
                c.write(System.nanoTime());
            }
        } catch (IOException | RuntimeException e) {
            // a mistake of ours with one client must not take the screen from the others
            drop(key, e.toString());
        }
    }

    private void accept() {
        try {
            SocketChannel c = listening.accept();
            if (c == null) {
                return;
            }
            if (clients.get() >= MAX_CLIENTS) {
                LOG.info("a VNC client is turned away: {} are connected", clients.get());
                c.close();
                return;
            }
            c.configureBlocking(false);
            c.register(selector, 0, new VncClient(c, name, input, () -> latest, System.nanoTime()));
            clients.incrementAndGet();
        } catch (IOException e) {
            LOG.info("a VNC client could not be taken: {}", e.getMessage());
        }
    }

    /** Gives every client what it waits for, and ends those that have not moved for long. */
    private void serveAll() {
        boolean want = false;
        long now = System.nanoTime();
        List<SelectionKey> keys = new ArrayList<>(selector.keys());
        for (SelectionKey key : keys) {
            if (!(key.attachment() instanceof VncClient c) || !key.isValid()) {
                continue;
            }
            if (c.overdue(now, PATIENCE_NS)) {
                drop(key, "it has not moved for long");
                continue;
            }
            try {
                c.update(now);
                c.write(now);
            } catch (IOException | RuntimeException e) {
                drop(key, e.toString());
                continue;
            }
            want |= c.wants();
            int ops = (c.hasRoom() ? SelectionKey.OP_READ : 0) | (c.hasOutput() ? SelectionKey.OP_WRITE : 0);
            if (key.interestOps() != ops) {
                key.interestOps(ops);
            }
        }
        if (want) {
            wanted = true;
        }
        if (want || clients.get() > 0) {
            wakeup.run();
        }
    }

    private void drop(SelectionKey key, String why) {
        LOG.debug("a VNC client goes: {}", why);
        key.cancel();
        clients.decrementAndGet();
        try {
            ((VncClient) key.attachment()).close();
        } catch (IOException e) {
            LOG.debug("closing: {}", e.getMessage());
        }
        wakeup.run();
    }

    /** Closes all connections. */
    @Override
    public void close() {
        closing = true;
        selector.wakeup();
        try {
            thread.join(2000);
            for (SelectionKey key : new ArrayList<>(selector.keys())) {
                if (key.attachment() instanceof VncClient c) {
                    c.close();
                }
            }
            listening.close();
            selector.close();
        } catch (IOException e) {
            LOG.debug("closing: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

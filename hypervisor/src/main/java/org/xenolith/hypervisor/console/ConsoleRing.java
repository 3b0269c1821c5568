package org.xenolith.hypervisor.console;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.hypervisor.ring.RingPage;

/**
 * The back end of one PV console ({@code struct xencons_interface} of public/io/console.h). What the guest writes goes
 * to a {@link Sink}; what is typed waits in a bounded buffer until the guest makes room. Indexes that make no sense are
 * left alone until the guest puts them right, as xenconsoled does, and counted.
 */
public final class ConsoleRing {
    /** Takes what the guest writes. */
    @FunctionalInterface
    public interface Sink {
        /**
         * Takes some of the bytes.
         *
         * @return how many were taken, 0 to {@code length}; the rest stays in the guest's ring, and the sink's owner
         *     must call {@link ConsoleRing#onSinkReady()} when there is room again
         */
        int accept(byte[] data, int offset, int length);
    }

    /** Bytes of typed input that wait for the guest at most. */
    public static final int INPUT_BUFFER_SIZE = 65536;

    // Sizes and byte offsets in struct xencons_interface.
    private static final int IN_SIZE = 1024;
    private static final int OUT_SIZE = 2048;
    private static final int OFFSET_IN = 0;
    private static final int OFFSET_OUT = 1024;
    private static final int OFFSET_IN_CONS = 3072;
    private static final int OFFSET_IN_PROD = 3076;
    private static final int OFFSET_OUT_CONS = 3080;
    private static final int OFFSET_OUT_PROD = 3084;

    private static final Logger LOG = LoggerFactory.getLogger(ConsoleRing.class);

    private final RingPage page;
    private final Sink sink;
    private final Runnable notify;
    private final byte[] outChunk = new byte[OUT_SIZE];
    private final byte[] input = new byte[INPUT_BUFFER_SIZE];
    private int inputHead;
    private int inputCount;
    private long outputBytes;
    private long badIndexes;
    private boolean moving;

    /**
     * A back end on a guest's page.
     *
     * @param page the console page
     * @param sink where output goes
     * @param notify raises the guest's console event channel
     */
    public ConsoleRing(RingPage page, Sink sink, Runnable notify) {
        this.page = page;
        this.sink = sink;
        this.notify = notify;
    }

    /** The guest has signalled its event channel: it has written, or read and so made room. */
    public void onNotify() {
        move();
    }

    /** The sink can take bytes again. */
    public void onSinkReady() {
        move();
    }

    /**
     * Takes typed bytes for the guest.
     *
     * @return how many were taken; the caller keeps the rest and tries again later
     */
    public int feed(byte[] data, int offset, int length) {
        int taken = 0;
        while (taken < length && inputCount < INPUT_BUFFER_SIZE) {
            int tail = (inputHead + inputCount) % INPUT_BUFFER_SIZE;
            int chunk = Math.min(length - taken, Math.min(INPUT_BUFFER_SIZE - inputCount, INPUT_BUFFER_SIZE - tail));
            System.arraycopy(data, offset + taken, input, tail, chunk);
            inputCount += chunk;
            taken += chunk;
        }
        move();
        return taken;
    }

    /** Bytes that {@link #feed} would take now, 0 to {@link #INPUT_BUFFER_SIZE}. */
    public int inputRoom() {
        return INPUT_BUFFER_SIZE - inputCount;
    }

    /** Typed bytes that the guest has not been given yet. */
    public int pendingInput() {
        return inputCount;
    }

    /** Bytes that the guest has written so far and the sink has taken. */
    public long outputBytes() {
        return outputBytes;
    }

    /** How often indexes were found that make no sense. */
    public long badIndexes() {
        return badIndexes;
    }

    private void move() {
        // A sink that calls back from inside accept(), a terminal that echoes for one, needs no second pass: input is
        // pushed after the output anyway.
        if (moving) {
            return;
        }
        moving = true;
        boolean moved;
        try {
            moved = drainOutput();
            moved |= pushInput();
        } finally {
            moving = false;
        }
        if (moved) {
            notify.run();
        }
    }

    private boolean drainOutput() {
        boolean moved = false;
        // As much as a full ring: a page that swallows writes must not keep the loop running.
        int budget = OUT_SIZE;
        while (budget > 0) {
            int cons = page.read32(OFFSET_OUT_CONS);
            int available = page.read32(OFFSET_OUT_PROD) - cons;
            if (available < 0 || available > OUT_SIZE) {
                reportBadIndexes("output");
                break;
            }
            int length = Math.min(available, budget);
            int at = cons & (OUT_SIZE - 1);
            int first = Math.min(length, OUT_SIZE - at);
            page.read(OFFSET_OUT + at, outChunk, 0, first);
            page.read(OFFSET_OUT, outChunk, first, length - first);
            int taken = length == 0 ? 0 : Math.clamp(sink.accept(outChunk, 0, length), 0, length);
            if (taken == 0) {
                break;
            }
            page.write32(OFFSET_OUT_CONS, cons + taken);
            outputBytes += taken;
            budget -= taken;
            moved = true;
        }
        return moved;
    }

    private boolean pushInput() {
        boolean moved = false;
        int budget = IN_SIZE;
        while (inputCount > 0 && budget > 0) {
            int prod = page.read32(OFFSET_IN_PROD);
            int used = prod - page.read32(OFFSET_IN_CONS);
            if (used < 0 || used > IN_SIZE) {
                reportBadIndexes("input");
                break;
            }
            int at = prod & (IN_SIZE - 1);
            int room = Math.min(Math.min(IN_SIZE - used, IN_SIZE - at), budget);
            int chunk = Math.min(room, Math.min(inputCount, INPUT_BUFFER_SIZE - inputHead));
            if (chunk == 0) {
                break;
            }
            page.write(OFFSET_IN + at, input, inputHead, chunk);
            page.write32(OFFSET_IN_PROD, prod + chunk);
            inputHead = (inputHead + chunk) % INPUT_BUFFER_SIZE;
            inputCount -= chunk;
            budget -= chunk;
            moved = true;
        }
        return moved;
    }

    private void reportBadIndexes(String which) {
        if (badIndexes++ == 0) {
            LOG.info("console: bad {} indexes", which);
        }
    }
}

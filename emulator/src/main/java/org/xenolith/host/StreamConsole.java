package org.xenolith.host;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A console on a pair of byte streams. Two host threads move the bytes, so that the emulation thread never waits for a
 * slow reader (unless it is {@value #OUTPUT_LIMIT} bytes behind) nor for someone to type.
 *
 * <p>Output is written {@value #LINGER_MS} ms after its first byte, or at once when much has gathered, and completely by
 * {@link #close}. The end of the input ends nothing: there is just no more of it.
 */
public final class StreamConsole implements AutoCloseable {
    /** The byte that leaves the console when an escape handler is given: {@code Ctrl-]}, as in telnet. */
    public static final int ESCAPE = 0x1d;

    private static final int OUTPUT_LIMIT = 1 << 20;
    private static final int AT_ONCE = 4096;
    private static final int LINGER_MS = 2;
    private static final int INPUT_LIMIT = 1 << 16;
    private static final long CLOSE_WAIT_MS = 2000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition outputChanged = lock.newCondition();
    private final Condition inputChanged = lock.newCondition();
    private final OutputStream out;
    private final Runnable escape;
    private final Consumer<IOException> broken;
    private final Thread writer;
    private byte[] pending = new byte[AT_ONCE];
    private int pendingLength;
    private final byte[] input = new byte[INPUT_LIMIT];
    private int inputStart;
    private int inputLength;
    private boolean closing;
    private boolean outputBroken;
    private boolean interrupted;
    private boolean inputEnded;

    /**
     * Starts the threads.
     *
     * @param in where input comes from, read to its end and never closed; null for no input
     * @param out where output goes; never closed
     * @param escape called on a host thread when {@link #ESCAPE} is typed, which then does not reach the guest; null to
     *            pass that byte on
     * @param broken called once on a host thread when {@code out} takes no more, with the reason
     */
    public StreamConsole(InputStream in, OutputStream out, Runnable escape, Consumer<IOException> broken) {
        this.out = out;
        this.escape = escape;
        this.broken = broken;
        writer = Thread.ofPlatform().daemon().name("console-writer").start(this::write);
        if (in == null) {
            inputEnded = true;
        } else {
            Thread.ofPlatform().daemon().name("console-reader").start(() -> read(in));
        }
    }

    /**
     * Takes output of the guest.
     *
     * @return false when nobody reads it any more
     */
    public boolean output(byte[] bytes, int offset, int length) {
        lock.lock();
        try {
            while (pendingLength > 0 && pendingLength + length > OUTPUT_LIMIT && !outputBroken && !closing) {
                outputChanged.awaitUninterruptibly();
            }
            if (outputBroken || closing) {
                return false;
            }
            if (pendingLength + length > pending.length) {
                byte[] larger = new byte[Math.max(pending.length * 2, pendingLength + length)];
                System.arraycopy(pending, 0, larger, 0, pendingLength);
                pending = larger;
            }
            System.arraycopy(bytes, offset, pending, pendingLength, length);
            boolean wake = pendingLength == 0 || pendingLength < AT_ONCE && pendingLength + length >= AT_ONCE;
            pendingLength += length;
            if (wake) {
                outputChanged.signalAll();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes input that waits, without blocking.
     *
     * @return bytes stored, 0 to {@code length}
     */
    public int input(byte[] into, int offset, int length) {
        lock.lock();
        try {
            int n = Math.min(length, inputLength);
            for (int i = 0; i < n; i++) {
                into[offset + i] = input[(inputStart + i) % INPUT_LIMIT];
            }
            if (n > 0) {
                inputStart = (inputStart + n) % INPUT_LIMIT;
                inputLength -= n;
                inputChanged.signalAll();
            }
            return n;
        } finally {
            lock.unlock();
        }
    }

    /** True when all input has been taken and there will be no more. */
    public boolean inputEnded() {
        lock.lock();
        try {
            return inputEnded && inputLength == 0;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for at most {@code millis} until there is input or {@link #interrupt} is called (also if it was before). */
    public void await(long millis) {
        lock.lock();
        try {
            long left = TimeUnit.MILLISECONDS.toNanos(millis);
            while (left > 0 && inputLength == 0 && !interrupted) {
                left = inputChanged.awaitNanos(left);
            }
            interrupted = false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    /** Ends an {@link #await} that runs, or the next one. */
    public void interrupt() {
        lock.lock();
        try {
            interrupted = true;
            inputChanged.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Writes what is left and stops taking output. Gives up on a reader that has not moved for two seconds. */
    @Override
    public void close() {
        lock.lock();
        try {
            closing = true;
            outputChanged.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            writer.join(CLOSE_WAIT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void write() {
        byte[] spare = new byte[AT_ONCE];
        while (true) {
            byte[] batch;
            int length;
            lock.lock();
            try {
                while (pendingLength == 0 && !closing) {
                    outputChanged.awaitUninterruptibly();
                }
                if (pendingLength == 0) {
                    return;
                }
                long linger = TimeUnit.MILLISECONDS.toNanos(LINGER_MS);
                while (linger > 0 && pendingLength < AT_ONCE && !closing) {
                    linger = outputChanged.awaitNanos(linger);
                }
                batch = pending;
                length = pendingLength;
                pending = spare;
                pendingLength = 0;
                outputChanged.signalAll();
            } catch (InterruptedException e) {
                return;
            } finally {
                lock.unlock();
            }
            try {
                out.write(batch, 0, length);
                out.flush();
            } catch (IOException e) {
                markBroken(e);
                return;
            }
            spare = batch.length <= OUTPUT_LIMIT ? batch : new byte[AT_ONCE];
        }
    }

    private void markBroken(IOException reason) {
        lock.lock();
        try {
            outputBroken = true;
            outputChanged.signalAll();
        } finally {
            lock.unlock();
        }
        broken.accept(reason);
    }

    private void read(InputStream in) {
        byte[] bytes = new byte[1024];
        try {
            while (true) {
                int n = in.read(bytes);
                if (n < 0) {
                    return;
                }
                for (int i = 0; i < n; i++) {
                    if (bytes[i] == ESCAPE && escape != null) {
                        escape.run();
                        return;
                    }
                    put(bytes[i]);
                }
            }
        } catch (IOException e) {
            return; // a terminal that went away reads like the end of the input
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            endInput();
        }
    }

    private void endInput() {
        lock.lock();
        try {
            inputEnded = true;
            interrupted = true;
            inputChanged.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void put(byte value) throws InterruptedException {
        lock.lock();
        try {
            while (inputLength == INPUT_LIMIT) {
                inputChanged.await();
            }
            input[(inputStart + inputLength) % INPUT_LIMIT] = value;
            inputLength++;
            inputChanged.signalAll();
        } finally {
            lock.unlock();
        }
    }
}

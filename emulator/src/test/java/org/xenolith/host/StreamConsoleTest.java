package org.xenolith.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A console on streams:
 * <ul>
 * <li>output is complete after close, in few writes, and soon there without close;</li>
 * <li>a reader that is slow holds the guest up only when it is far behind, one that is gone is reported once;</li>
 * <li>input waits until it is taken; its end, Ctrl-] and interrupts are seen.</li>
 * </ul>
 */
@Timeout(30)
final class StreamConsoleTest {
    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void output_is_complete_after_close_and_written_in_few_pieces() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        AtomicInteger writes = new AtomicInteger();
        OutputStream out = new OutputStream() {
            @Override
            public void write(int b) {
                fail("a write for one byte");
            }

            @Override
            public void write(byte[] b, int offset, int length) {
                writes.incrementAndGet();
                all.write(b, offset, length);
            }
        };
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        try (StreamConsole console = new StreamConsole(null, out, null, e -> fail(e))) {
            for (int i = 0; i < 20_000; i++) {
                byte[] one = {0, (byte) i, 0};
                expected.write(one, 1, 1);
                assertTrue(console.output(one, 1, 1));
            }
        }
        assertArrayEquals(expected.toByteArray(), all.toByteArray());
        assertTrue(writes.get() < 2_000, "writes: " + writes);
    }

    @Test
    void output_arrives_without_a_flush_by_the_guest() throws Exception {
        PipedInputStream reader = new PipedInputStream();
        try (StreamConsole console = new StreamConsole(null, new PipedOutputStream(reader), null, e -> {})) {
            console.output(bytes("login: "), 0, 7);
            assertEquals("login: ", new String(reader.readNBytes(7), StandardCharsets.ISO_8859_1));
        }
    }

    @Test
    void a_reader_that_is_gone_is_reported_once_and_output_says_so() throws Exception {
        CountDownLatch reported = new CountDownLatch(1);
        OutputStream out = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        try (StreamConsole console = new StreamConsole(null, out, null, e -> reported.countDown())) {
            console.output(bytes("x"), 0, 1);
            assertTrue(reported.await(10, TimeUnit.SECONDS));
            assertFalse(console.output(bytes("y"), 0, 1));
        }
    }

    @Test
    void a_stuck_reader_holds_up_neither_output_of_less_than_a_megabyte_nor_close() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        OutputStream out = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        };
        try (StreamConsole console = new StreamConsole(null, out, null, e -> {})) {
            for (int i = 0; i < 100; i++) {
                assertTrue(console.output(new byte[10_000], 0, 10_000));
            }
        }
        release.countDown();
    }

    @Test
    void input_waits_until_it_is_taken_and_then_has_ended() {
        byte[] typed = bytes("echo \u00ff\u0000\r");
        try (StreamConsole console = new StreamConsole(new ByteArrayInputStream(typed), OutputStream.nullOutputStream(),
                null,
                e -> {})) {
            byte[] into = new byte[20];
            int n = 0;
            while (!console.inputEnded()) {
                console.await(1000);
                n += console.input(into, n, 2);
            }
            assertEquals(new String(typed, StandardCharsets.ISO_8859_1),
                    new String(into, 0, n, StandardCharsets.ISO_8859_1));
            assertEquals(0, console.input(into, 0, 20));
        }
    }

    @Test
    void no_input_stream_is_input_that_has_ended() {
        try (StreamConsole console = new StreamConsole(null, OutputStream.nullOutputStream(), null, e -> {})) {
            assertTrue(console.inputEnded());
        }
    }

    @Test
    void the_escape_byte_leaves_and_what_came_before_it_is_kept() throws Exception {
        CountDownLatch left = new CountDownLatch(1);
        InputStream in = new ByteArrayInputStream(bytes("ab\u001dcd"));
        try (StreamConsole console = new StreamConsole(in, OutputStream.nullOutputStream(), left::countDown, e -> {})) {
            assertTrue(left.await(10, TimeUnit.SECONDS));
            byte[] into = new byte[10];
            assertEquals(2, console.input(into, 0, 10));
            assertEquals('a', into[0]);
        }
    }

    @Test
    void an_interrupt_ends_a_wait_also_when_it_came_first() {
        try (StreamConsole console = new StreamConsole(new PipedInputStream(), OutputStream.nullOutputStream(), null,
                e -> {})) {
            // the pipe is not connected: the reader sees an error, which is an end of input and wakes a wait, too
            while (!console.inputEnded()) {
                console.await(1000);
            }
            console.interrupt();
            HostClock clock = new HostClock();
            console.await(20_000);
            assertTrue(clock.millis() < 10_000);
            console.await(20);
            assertTrue(clock.millis() >= 20, "the interrupt is used up");
        }
    }

    @Test
    void more_input_than_fits_waits_in_the_stream() {
        byte[] much = new byte[200_000];
        java.util.Arrays.fill(much, (byte) 'z');
        try (StreamConsole console = new StreamConsole(new ByteArrayInputStream(much), OutputStream.nullOutputStream(),
                null,
                e -> {})) {
            byte[] into = new byte[7000];
            int n = 0;
            while (!console.inputEnded()) {
                console.await(1000);
                n += console.input(into, 0, into.length);
            }
            assertEquals(much.length, n);
        }
    }
}

package org.xenolith.hypervisor.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.hypervisor.ring.HeapRingPage;

/** Output, input, wrap-around, back-pressure both ways, and guests that break the rules. */
class ConsoleRingTest {
    private static final int IN_CONS = 3072;
    private static final int IN_PROD = 3076;
    private static final int OUT_CONS = 3080;
    private static final int OUT_PROD = 3084;

    private final HeapRingPage page = new HeapRingPage();
    private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
    private int room = Integer.MAX_VALUE;
    private int signals;
    private final ConsoleRing console = new ConsoleRing(page, this::accept, () -> signals++);

    private int accept(byte[] data, int offset, int length) {
        int taken = Math.min(length, room);
        screen.write(data, offset, taken);
        room -= taken;
        return taken;
    }

    /** What a guest's driver does to print. */
    private int print(byte[] bytes, int from) {
        int prod = page.read32(OUT_PROD);
        int length = Math.min(bytes.length - from, 2048 - (prod - page.read32(OUT_CONS)));
        for (int i = 0; i < length; i++) {
            page.write(1024 + (prod + i & 2047), bytes, from + i, 1);
        }
        page.write32(OUT_PROD, prod + length);
        return length;
    }

    /** What a guest's driver does to read. */
    private byte[] input(int most) {
        int cons = page.read32(IN_CONS);
        byte[] bytes = new byte[Math.min(page.read32(IN_PROD) - cons, most)];
        for (int i = 0; i < bytes.length; i++) {
            page.read(cons + i & 1023, bytes, i, 1);
        }
        page.write32(IN_CONS, cons + bytes.length);
        return bytes;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] noise(int length) {
        byte[] bytes = new byte[length];
        new Random(42).nextBytes(bytes);
        return bytes;
    }

    @Test
    void output_reaches_the_sink_and_the_guest_is_told() {
        print(ascii("hello"), 0);
        console.onNotify();
        assertEquals("hello", screen.toString(StandardCharsets.US_ASCII));
        assertEquals(page.read32(OUT_PROD), page.read32(OUT_CONS));
        assertEquals(1, signals);
        assertEquals(5, console.outputBytes());
    }

    @Test
    void nothing_to_do_is_no_signal() {
        console.onNotify();
        console.onSinkReady();
        assertEquals(0, signals);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1000, 2040, 0x7ffffff0, -5})
    void output_wraps_around(int start) {
        page.write32(OUT_CONS, start);
        page.write32(OUT_PROD, start);
        byte[] bytes = noise(10000);
        for (int at = 0; at < bytes.length;) {
            at += print(bytes, at);
            console.onNotify();
        }
        assertArrayEquals(bytes, screen.toByteArray());
    }

    @Test
    void a_sink_without_room_leaves_bytes_in_the_ring() {
        room = 3;
        print(ascii("abcdef"), 0);
        console.onNotify();
        assertEquals("abc", screen.toString(StandardCharsets.US_ASCII));
        assertEquals(3, page.read32(OUT_CONS));
        console.onNotify();
        assertEquals(1, signals);
        room = 100;
        console.onSinkReady();
        assertEquals("abcdef", screen.toString(StandardCharsets.US_ASCII));
        assertEquals(2, signals);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1020, 0x7fffff00, -1})
    void input_wraps_around_and_waits_for_the_guest(int start) {
        page.write32(IN_CONS, start);
        page.write32(IN_PROD, start);
        byte[] bytes = noise(5000);
        assertEquals(5000, console.feed(bytes, 0, bytes.length));
        assertEquals(5000 - 1024, console.pendingInput());
        ByteArrayOutputStream got = new ByteArrayOutputStream();
        byte[] part;
        while ((part = input(700)).length > 0) {
            got.writeBytes(part);
            console.onNotify();
        }
        assertArrayEquals(bytes, got.toByteArray());
        assertEquals(0, console.pendingInput());
    }

    @Test
    void input_that_the_guest_never_reads_is_refused_in_the_end() {
        byte[] bytes = noise(100_000);
        int taken = console.feed(bytes, 0, bytes.length);
        assertEquals(ConsoleRing.INPUT_BUFFER_SIZE, taken);
        assertEquals(1024, console.inputRoom());
        assertEquals(1024, console.feed(bytes, taken, bytes.length - taken));
        assertEquals(0, console.feed(bytes, 0, 10));
        assertEquals(1, signals);
    }

    @Test
    void a_sink_that_echoes_is_no_recursion() {
        ConsoleRing[] echo = new ConsoleRing[1];
        echo[0] = new ConsoleRing(page, (data, offset, length) -> echo[0].feed(data, offset, length), () -> signals++);
        print(ascii("echo"), 0);
        echo[0].onNotify();
        assertEquals("echo", new String(input(100), StandardCharsets.US_ASCII));
        assertEquals(1, signals);
    }

    @ParameterizedTest
    @ValueSource(ints = {2049, 4096, -1, Integer.MIN_VALUE})
    void bad_output_indexes_are_left_alone_until_they_are_right(int ahead) {
        page.write32(OUT_PROD, ahead);
        console.onNotify();
        assertEquals(0, screen.size());
        assertEquals(0, signals);
        assertEquals(1, console.badIndexes());
        page.write32(OUT_PROD, 0);
        print(ascii("ok"), 0);
        console.onNotify();
        assertEquals("ok", screen.toString(StandardCharsets.US_ASCII));
    }

    @ParameterizedTest
    @ValueSource(ints = {1025, -1, Integer.MIN_VALUE})
    void bad_input_indexes_do_not_lose_input(int ahead) {
        page.write32(IN_PROD, ahead);
        console.feed(ascii("typed"), 0, 5);
        assertEquals(5, console.pendingInput());
        assertTrue(console.badIndexes() > 0);
        page.write32(IN_PROD, 0);
        console.onNotify();
        assertEquals("typed", new String(input(100), StandardCharsets.US_ASCII));
    }

    @Test
    void random_indexes_never_throw() {
        Random random = new Random(7);
        for (int i = 0; i < 20000; i++) {
            int value = random.nextBoolean() ? random.nextInt() : random.nextInt(3000);
            page.write32(IN_CONS + 4 * random.nextInt(4), value);
            console.onNotify();
            console.feed(noise(10), 0, 10);
        }
        assertTrue(console.badIndexes() > 0);
        assertTrue(console.pendingInput() <= ConsoleRing.INPUT_BUFFER_SIZE);
    }
}

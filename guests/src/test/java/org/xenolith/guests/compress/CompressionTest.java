package org.xenolith.guests.compress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every format gives back what its own tool packed; a limit is kept to the byte; truncated and short data that claim
 * much are refused without much memory.
 */
class CompressionTest {
    private static final String FILES = """
        sample.gz, GZIP
        sample.xz, XZ
        sample.lz4, LZ4
        sample.19.zst, ZSTD
        sample.1.zst, ZSTD
        sample.bz2, BZIP2
        sample.lzma, LZMA
        sample.lzo, LZO
        """;

    static byte[] fixture(String name) throws Exception {
        try (InputStream in = CompressionTest.class.getResourceAsStream("/compressed/" + name)) {
            return in.readAllBytes();
        }
    }

    private static byte[] decompress(byte[] data, Compression format, int limit) throws CorruptDataException {
        return format.decompress(data, 0, data.length, limit);
    }

    @ParameterizedTest
    @CsvSource(textBlock = FILES)
    void what_a_tool_packed_comes_back(String name, Compression format) throws Exception {
        byte[] data = fixture(name);
        assertEquals(Optional.of(format), Compression.detect(data, 0, data.length));
        byte[] expected = Sample.bytes();
        assertArrayEquals(expected, decompress(data, format, expected.length));
        assertArrayEquals(expected, decompress(data, format, 10 * expected.length));
    }

    @ParameterizedTest
    @CsvSource(textBlock = FILES)
    void data_may_lie_within_other_bytes(String name, Compression format) throws Exception {
        byte[] data = fixture(name);
        byte[] padded = new byte[data.length + 20];
        Arrays.fill(padded, (byte) 0xff);
        System.arraycopy(data, 0, padded, 10, data.length);
        assertArrayEquals(
                Sample.bytes(), format.decompress(padded, 10, 10 + data.length, Sample.bytes().length));
    }

    @ParameterizedTest
    @CsvSource(textBlock = FILES)
    void one_byte_beyond_the_limit_is_refused(String name, Compression format) throws Exception {
        byte[] data = fixture(name);
        int size = Sample.bytes().length;
        assertThrows(CorruptDataException.class, () -> decompress(data, format, size - 1));
        assertThrows(CorruptDataException.class, () -> decompress(data, format, 0));
    }

    @ParameterizedTest
    @CsvSource(textBlock = FILES)
    void truncated_data_never_give_wrong_bytes(String name, Compression format) throws Exception {
        byte[] data = fixture(name);
        byte[] expected = Sample.bytes();
        int refused = 0;
        for (int i = 0; i < 40; i++) {
            byte[] cut = Arrays.copyOf(data, data.length * i / 40);
            try {
                byte[] out = decompress(cut, format, expected.length);
                assertArrayEquals(Arrays.copyOf(expected, out.length), out);
            } catch (CorruptDataException e) {
                refused++;
            }
        }
        assertTrue(refused >= 38, "only " + refused + " of 40 were refused");
    }

    @ParameterizedTest
    @ValueSource(strings = {"sample.gz", "sample.xz", "sample.1.zst", "sample.bz2", "sample.lzo"})
    void formats_with_a_checksum_find_every_changed_bit_in_the_data(String name) throws Exception {
        byte[] data = fixture(name);
        Compression format = Compression.detect(data, 0, data.length).orElseThrow();
        for (int at = data.length / 3; at < data.length * 2 / 3; at += 97) {
            byte[] damaged = data.clone();
            damaged[at] ^= (byte) (1 << at % 8);
            assertThrows(
                    CorruptDataException.class, () -> decompress(damaged, format, Sample.bytes().length), "byte " + at);
        }
    }

    @ParameterizedTest
    @CsvSource(textBlock = FILES)
    void a_short_start_with_a_high_limit_takes_little_memory(String name, Compression format) throws Exception {
        byte[] start = Arrays.copyOf(fixture(name), 200);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        assertThrows(CorruptDataException.class, () -> decompress(start, format, 500 << 20));
        long taken = threads.getCurrentThreadAllocatedBytes() - before;
        // LZMA's header demands its dictionary, at most 128 MiB, before anything is decoded.
        long most = format == Compression.LZMA || format == Compression.XZ ? 160 << 20 : 32 << 20;
        assertTrue(taken < most, taken + " bytes");
    }

    @Test
    void other_bytes_are_no_known_format() {
        assertEquals(Optional.empty(), Compression.detect(new byte[100], 0, 100));
        assertEquals(Optional.empty(), Compression.detect(new byte[]{0x1f, (byte) 0x8b}, 0, 2));
    }

    @Test
    void xxh64_agrees_with_its_specification() {
        assertEquals(0xef46_db37_51d8_e999L, Xxh64.hash(new byte[0], 0, 0));
        assertEquals(0x44bc_2cf5_ad77_0999L, Xxh64.hash(new byte[]{'a', 'b', 'c'}, 0, 3));
    }
}

package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/**
 * How values of options are read:
 * <ul>
 * <li>sizes in powers of 1024, a bare number in MiB;</li>
 * <li>durations in nanoseconds, a bare number in seconds;</li>
 * <li>dates in UTC unless they say otherwise;</li>
 * <li>everything else is refused with its text in the message.</li>
 * </ul>
 */
final class ValuesTest {
    @ParameterizedTest
    @CsvSource({"512M, 536870912", "1G, 1073741824", "131072K, 134217728", "512, 536870912", "2g, 2147483648",
        "64MiB, 67108864", "1T, 1099511627776", "4096B, 4096", "0, 0", "' 1G ', 1073741824"})
    void sizes_are_in_powers_of_1024(String text, long bytes) {
        assertEquals(bytes, new Values.Size().convert(text));
    }

    @Test
    void a_size_beyond_64_bits_is_more_than_any_limit() {
        assertEquals(Long.MAX_VALUE, new Values.Size().convert("999999999999T"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "-1M", "1.5G", "512X", "0x200M", "1e9", "five", "99999999999999999999"})
    void what_is_no_size_is_refused_with_its_text(String text) {
        refused(text, () -> new Values.Size().convert(text));
    }

    @ParameterizedTest
    @CsvSource({"90s, 90000000000", "5m, 300000000000", "10m, 600000000000", "1h, 3600000000000", "500ms, 500000000",
        "7, 7000000000", "1.5s, 1500000000", "250us, 250000", "3ns, 3", "1d, 86400000000000",
        "none, 9223372036854775807"})
    void durations_are_in_nanoseconds(String text, long nanoseconds) {
        assertEquals(nanoseconds, new Values.Duration().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-5s", "0", "0s", "5x", "1h30m", "soon", "400000000000h"})
    void what_is_no_duration_is_refused_with_its_text(String text) {
        refused(text, () -> new Values.Duration().convert(text));
    }

    @ParameterizedTest
    @CsvSource({"2026-01-01, 2026-01-01T00:00:00Z", "2026-01-01T12:30:00Z, 2026-01-01T12:30:00Z",
        "2026-01-01T12:30:00, 2026-01-01T12:30:00Z", "2026-01-01T12:30:00+02:00, 2026-01-01T10:30:00Z",
        "1970-01-01, 1970-01-01T00:00:00Z"})
    void epochs_are_utc_unless_they_say_otherwise(String text, Instant moment) {
        Values.Epoch.Choice choice = new Values.Epoch().convert(text);
        assertEquals(moment, choice.moment());
        assertFalse(choice.now());
    }

    @Test
    void now_is_a_whole_second_of_the_host_clock() {
        Instant before = Instant.now().minusSeconds(1);
        Values.Epoch.Choice choice = new Values.Epoch().convert("now");
        assertTrue(choice.now());
        assertTrue(choice.moment().isAfter(before) && !choice.moment().isAfter(Instant.now()));
        assertEquals(0, choice.moment().getNano());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "yesterday", "2026-13-01", "2026-02-30", "01/01/2026", "1969-12-31", "2200-01-01",
        "2026-01-01T25:00"})
    void what_is_no_epoch_is_refused_with_its_text(String text) {
        refused(text, () -> new Values.Epoch().convert(text));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "42, 42", "0x2a, 42", "-1, -1", "18446744073709551615, -1", "0xffffffffffffffff, -1"})
    void seeds_are_64_bit_numbers(String text, long seed) {
        assertEquals(seed, new Values.Seed().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "0x", "1.0", "18446744073709551616"})
    void what_is_no_seed_is_refused_with_its_text(String text) {
        refused(text, () -> new Values.Seed().convert(text));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "32, 32", "cpus=4, 4"})
    void vcpus_are_1_to_32(String text, int n) {
        assertEquals(n, new Values.Vcpus().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "33", "1000", "-1", "many", "", "'4,sockets=2'", "99999999999999999999"})
    void other_numbers_of_vcpus_are_refused_with_their_text(String text) {
        refused(text, () -> new Values.Vcpus().convert(text));
    }

    @Test
    void memory_has_limits_on_both_sides() {
        assertEquals("0 bytes is too little: at least 4M is needed", Limits.complaintAboutMemory(0));
        assertEquals("1 byte is too little: at least 4M is needed", Limits.complaintAboutMemory(1));
        assertTrue(Limits.complaintAboutMemory(1L << 50).startsWith("1024T is too much: at most "));
        assertTrue(Limits.complaintAboutMemory(Long.MAX_VALUE).startsWith("that is too much: at most "));
        assertEquals("5242881 bytes is not a multiple of 4K, the size of a page",
                Limits.complaintAboutMemory((5 << 20) + 1));
        assertEquals(null, Limits.complaintAboutMemory(Limits.DEFAULT_MEMORY));
        assertEquals(null, Limits.complaintAboutMemory(8L << 30));
    }

    private static void refused(String text, org.junit.jupiter.api.function.Executable conversion) {
        TypeConversionException e = assertThrows(TypeConversionException.class, conversion);
        assertTrue(e.getMessage().contains("'" + text + "'"), e.getMessage());
    }
}

package org.xenolith.guests.acpi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** Encodings of ACPI 6.4, chapter 20: integers in their shortest form, package lengths of one to three bytes. */
class AmlTest {
    @Test
    void integers_take_the_shortest_form() {
        assertArrayEquals(new byte[]{0}, Aml.integer(0));
        assertArrayEquals(new byte[]{1}, Aml.integer(1));
        assertArrayEquals(new byte[]{0x0a, 2}, Aml.integer(2));
        assertArrayEquals(new byte[]{0x0b, 0, 1}, Aml.integer(256));
        assertArrayEquals(new byte[]{0x0c, 0, 0, 1, 0}, Aml.integer(0x1_0000));
        assertArrayEquals(new byte[]{0x0e, -1, -1, -1, -1, -1, -1, -1, -1}, Aml.integer(-1));
    }

    @Test
    void names_are_padded_and_the_package_length_counts_itself() {
        assertArrayEquals(
                new byte[]{0x5b, (byte) 0x82, 5, 'A', 'B', '_', '_'}, Aml.device("AB"));
        assertArrayEquals(new byte[]{0x14, 6, 'M', '_', '_', '_', 2}, Aml.method("M", 2));
    }

    @Test
    void package_lengths_grow_with_the_content() {
        byte[] short63 = Aml.scope("\\_SB_", new byte[63 - 1 - 5]);
        assertEquals(63, short63[1]);
        byte[] of64 = Aml.scope("\\_SB_", new byte[63 - 5]);
        assertEquals(0x41, of64[1]);
        assertEquals(65 >> 4, of64[2]);
        assertEquals(1 + 65, of64.length);
        byte[] large = Aml.scope("\\_SB_", new byte[5000]);
        assertEquals(2, (large[1] & 0xff) >> 6);
        assertEquals(5008, (large[1] & 0xf) | (large[2] & 0xff) << 4 | (large[3] & 0xff) << 12);
    }

    @Test
    void wrong_names_and_argument_counts_are_refused() {
        assertThrows(IllegalArgumentException.class, () -> Aml.device("TOOLONG"));
        assertThrows(IllegalArgumentException.class, () -> Aml.device("1AB"));
        assertThrows(IllegalArgumentException.class, () -> Aml.method("M", 8));
    }
}

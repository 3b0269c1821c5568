package org.xenolith.guests.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SmbiosTest {
    @ParameterizedTest
    @CsvSource({"1, 64, 0", "4, 3072, 1024", "32, 3072, 100000"})
    void structures_follow_one_another_to_their_end(int cpus, long lowMib, long highMib) {
        Smbios smbios = new Smbios(cpus, lowMib << 20, highMib << 20);
        byte[] t = smbios.tables();
        List<Integer> types = new ArrayList<>();
        long mib = 0;
        int longest = 0;
        for (int at = 0; at < t.length;) {
            int start = at;
            types.add(t[at] & 0xff);
            if (t[at] == 17) {
                mib = u16(t, at + 12) == 0x7fff ? u32(t, at + 28) : u16(t, at + 12);
            }
            at += t[at + 1];
            while (t[at] != 0 || t[at + 1] != 0) {
                at++;
            }
            at += 2;
            longest = Math.max(longest, at - start);
        }
        assertEquals(cpus, types.stream().filter(n -> n == 4).count());
        assertEquals(highMib > 0 ? 2 : 1, types.stream().filter(n -> n == 19).count());
        assertEquals(127, types.getLast());
        assertEquals(lowMib + highMib, mib);
        byte[] a = smbios.anchor();
        assertEquals(31, a.length);
        assertEquals(t.length, u16(a, 22));
        assertEquals(types.size(), u16(a, 28));
        assertEquals(longest, u16(a, 8));
        int all = 0;
        int inner = 0;
        for (int i = 0; i < a.length; i++) {
            all += a[i];
            inner += i >= 16 ? a[i] : 0;
        }
        assertEquals(0, all & 0xff);
        assertEquals(0, inner & 0xff);
        assertTrue(new String(t, StandardCharsets.ISO_8859_1).contains("Xenolith PC\0"));
    }
}

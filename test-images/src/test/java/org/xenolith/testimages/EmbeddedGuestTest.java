package org.xenolith.testimages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The committed guests:
 * <ul>
 * <li>are what their source gives, segment by segment, where GNU as and ld are there;</li>
 * <li>carry the note by which Xen finds the entry;</li>
 * <li>come with the text that they print.</li>
 * </ul>
 */
final class EmbeddedGuestTest {
    @Test
    void committed_guests_are_what_their_source_gives(@TempDir Path folder) throws Exception {
        Path script = Path.of("build-guests.sh").toAbsolutePath();
        Process build = new ProcessBuilder(script.toString(), folder.toString()).redirectErrorStream(true).start();
        build.getOutputStream().close();
        String said = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = build.waitFor();
        assumeTrue(status != 77, () -> "SKIPPED: " + said.strip());
        assertEquals(0, status, said);
        for (EmbeddedGuest guest : EmbeddedGuest.values()) {
            List<byte[]> built = segments(Files.readAllBytes(folder.resolve(guest.label() + ".elf")));
            List<byte[]> committed = segments(guest.image());
            assertEquals(built.size(), committed.size(), "segments of " + guest.label());
            for (int i = 0; i < built.size(); i++) {
                assertArrayEquals(built.get(i), committed.get(i),
                        "segment " + i + " of " + guest.label() + "; run test-images/build-guests.sh and commit");
            }
        }
        for (EmbeddedFirmware firmware : EmbeddedFirmware.values()) {
            assertArrayEquals(Files.readAllBytes(folder.resolve(firmware.file())), firmware.image(),
                    firmware + "; run test-images/build-guests.sh and commit");
        }
    }

    @ParameterizedTest
    @EnumSource
    void guests_have_the_note_with_their_entry(EmbeddedGuest guest) {
        byte[] image = guest.image();
        int size = guest.pv() ? 8 : 4;
        ByteBuffer note = ByteBuffer.allocate(16 + size).order(ByteOrder.LITTLE_ENDIAN).putInt(4).putInt(size)
                .putInt(guest.pv() ? 1 : 18).put("Xen\0".getBytes(StandardCharsets.US_ASCII));
        note.put(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(entry(image)).array(), 0, size);
        assertTrue(segments(image).stream().anyMatch(
                s -> s.length >= note.capacity() && Arrays.equals(Arrays.copyOf(s, note.capacity()), note.array())));
    }

    @ParameterizedTest
    @EnumSource
    void guests_come_with_their_text(EmbeddedGuest guest, @TempDir Path folder) throws IOException {
        assertTrue(guest.expectedText().endsWith("Good bye\r\n"), guest.expectedText());
        assertArrayEquals(guest.image(), Files.readAllBytes(guest.copyInto(folder)));
    }

    private static long entry(byte[] elf) {
        return ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).getLong(24);
    }

    /** File content of the program headers' segments. */
    private static List<byte[]> segments(byte[] elf) {
        ByteBuffer b = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> result = new ArrayList<>();
        int at = (int) b.getLong(32);
        for (int i = 0; i < b.getShort(56); i++, at += b.getShort(54)) {
            int offset = (int) b.getLong(at + 8);
            result.add(Arrays.copyOfRange(elf, offset, offset + (int) b.getLong(at + 32)));
        }
        return result;
    }
}

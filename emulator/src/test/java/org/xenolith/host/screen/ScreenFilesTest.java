package org.xenolith.host.screen;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScreenFilesTest {
    @TempDir
    Path folder;

    @Test
    void a_png_reads_back_as_what_was_drawn() throws IOException {
        PaintedScreen screen = new PaintedScreen(201, 77);
        Path file = folder.resolve("s.png");
        ScreenFiles.writePng(screen, file);
        BufferedImage image = ImageIO.read(file.toFile());
        assertEquals(201, image.getWidth());
        assertArrayEquals(screen.pixels(), image.getRGB(0, 0, 201, 77, null, 0, 201));
    }

    @Test
    void a_graphics_mode_has_no_text() throws IOException {
        Path file = folder.resolve("s.txt");
        assertFalse(ScreenFiles.writeText(new PaintedScreen(10, 10), file));
        assertEquals("", Files.readString(file));
    }
}

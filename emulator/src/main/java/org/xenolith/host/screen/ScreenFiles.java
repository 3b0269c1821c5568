package org.xenolith.host.screen;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.xenolith.devices.vga.Screen;

/** Writes what a screen shows to files. */
public final class ScreenFiles {
    private ScreenFiles() {
    }

    /**
     * Writes a PNG of a pixel for each pixel.
     *
     * @throws IOException when the file cannot be written
     */
    public static void writePng(Screen screen, Path file) throws IOException {
        int width = screen.width();
        int height = screen.height();
        int[] argb = new int[width * height];
        screen.render(argb);
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, width, height, argb, 0, width);
        // a cache on disk would only slow down a few kilobytes
        ImageIO.setUseCache(false);
        try (OutputStream out = Files.newOutputStream(file)) {
            if (!ImageIO.write(image, "png", out)) {
                throw new IOException("this Java writes no PNG");
            }
        }
    }

    /**
     * Writes the characters of a text mode in UTF-8, a line for each line without the spaces at its end; a screen in another mode gives an empty
     * file.
     *
     * @return whether the screen was in a text mode
     * @throws IOException when the file cannot be written
     */
    public static boolean writeText(Screen screen, Path file) throws IOException {
        List<String> lines = screen.text();
        StringBuilder s = new StringBuilder();
        for (String line : lines) {
            s.append(line.replaceAll(" +$", "")).append('\n');
        }
        Files.writeString(file, s, StandardCharsets.UTF_8);
        return !lines.isEmpty();
    }
}

package org.xenolith.host.screen;

import java.util.List;
import org.xenolith.devices.vga.Screen;

/** A screen whose pixels a test sets. */
final class PaintedScreen implements Screen {
    private int width;
    private int height;
    private int[] pixels;
    private long version;

    PaintedScreen(int width, int height) {
        resize(width, height);
    }

    /** Gives it another size, and a picture with flat, two-colored, striped and noisy parts. */
    void resize(int w, int h) {
        width = w;
        height = h;
        pixels = new int[w * h];
        int noise = 12345;
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                noise = noise * 1103515245 + 12345;
                int p = switch (x / 100 + 3 * (y / 70) & 3) {
                    case 0 -> 0x204060;
                    case 1 -> (x * y & 4) != 0 ? 0xffffff : 0x0000aa;
                    case 2 -> (y / 3 & 7) * 0x1f3511 + (x / 50) * 0x102;
                    default -> noise >>> 8;
                };
                pixels[y * w + x] = p | 0xff00_0000;
            }
        }
        version++;
    }

    void set(int x, int y, int argb) {
        pixels[y * width + x] = argb;
        version++;
    }

    int[] pixels() {
        return pixels.clone();
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public int height() {
        return height;
    }

    @Override
    public String mode() {
        return "graphics";
    }

    @Override
    public void render(int[] argb, int first, int rows) {
        System.arraycopy(pixels, first * width, argb, 0, Math.min(rows, height - first) * width);
    }

    @Override
    public List<String> text() {
        return List.of();
    }

    @Override
    public int[] cells() {
        return new int[0];
    }

    @Override
    public int columns() {
        return 0;
    }

    @Override
    public int cursor() {
        return -1;
    }

    @Override
    public long version() {
        return version;
    }
}

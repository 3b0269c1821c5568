package org.xenolith.devices.vga;

import java.util.List;

/**
 * What a monitor at a display adapter shows. All methods belong to the emulation thread; none changes anything that a guest can see.
 */
public interface Screen {
    /** Pixels in a row, 1 to 2560. */
    int width();

    /** Rows of pixels, 1 to 2048. */
    int height();

    /** The mode in words: {@code text 80x25}, {@code graphics 640x480, 16 colors}, {@code blank}. */
    String mode();

    /**
     * Draws rows of pixels as {@code FFrrggbb}.
     *
     * @param argb at least {@code rows * width()} long; the first row drawn begins at index 0
     * @param first first row to draw, 0 or more; rows below the screen are left alone
     * @param rows how many rows
     */
    void render(int[] argb, int first, int rows);

    /** Draws the whole screen into an array of at least {@code width() * height()} pixels. */
    default void render(int[] argb) {
        render(argb, 0, height());
    }

    /** The characters of a text mode, exact from text memory, a string of the full width for each line; empty in graphics modes. */
    List<String> text();

    /**
     * The cells of a text mode, row by row: the character's code in bits 0-7, its attribute in bits 8-15; empty in graphics modes.
     */
    int[] cells();

    /** Characters in a line of the text mode, 0 in graphics modes. */
    int columns();

    /** Index of the cell under the text cursor, or -1 when none shows. Blinking does not count as hidden. */
    int cursor();

    /** A number that differs when what the screen shows may have changed; cheap. */
    long version();
}

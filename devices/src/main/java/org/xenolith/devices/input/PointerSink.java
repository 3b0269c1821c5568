package org.xenolith.devices.input;

/** A mouse or tablet. */
public interface PointerSink {
    int LEFT = 1;
    int RIGHT = 2;
    int MIDDLE = 4;

    /**
     * The pointer is at a place of a screen, with these buttons down.
     *
     * @param x 0 to {@code width - 1}
     * @param y 0 to {@code height - 1}, from the top
     * @param wheel clicks of the wheel since the last call, above 0 towards the user
     * @param buttons a sum of {@link #LEFT}, {@link #RIGHT} and {@link #MIDDLE}
     */
    void pointer(int x, int y, int width, int height, int wheel, int buttons);
}

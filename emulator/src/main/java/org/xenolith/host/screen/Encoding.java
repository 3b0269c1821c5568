package org.xenolith.host.screen;

/** A way to write a rectangle of pixels. */
interface Encoding {
    /** Its number in the protocol. */
    int number();

    /** Adds the data of a rectangle, which lies in the picture. */
    void encode(Frame frame, int x, int y, int width, int height, PixelFormat format, ByteSink to);
}

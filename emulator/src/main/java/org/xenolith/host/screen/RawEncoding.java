package org.xenolith.host.screen;

/** Pixels one after the other (RFC 6143, 7.7.1). */
final class RawEncoding implements Encoding {
    static final int NUMBER = 0;

    @Override
    public int number() {
        return NUMBER;
    }

    @Override
    public void encode(Frame frame, int x, int y, int width, int height, PixelFormat format, ByteSink to) {
        for (int row = y; row < y + height; row++) {
            for (int i = 0; i < width; i++) {
                format.pixel(to, frame.argb()[row * frame.width() + x + i]);
            }
        }
    }
}

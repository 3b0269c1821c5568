package org.xenolith.devices.vga;

/**
 * Where the beam is, from the CRT controller's registers and virtual time.
 *
 * @param linePs picoseconds of a scan line
 * @param shownPs picoseconds of its visible part
 * @param lines scan lines of a frame
 * @param shownLines visible scan lines
 * @param retrace first line of the vertical retrace
 * @param retraceLines its length in lines, 1 to 15
 */
record VgaTiming(long linePs, long shownPs, int lines, int shownLines, int retrace, int retraceLines) {
    private static final long PS_PER_S = 1_000_000_000_000L;
    private static final long SLOW_HZ = 25_175_000;
    private static final long FAST_HZ = 28_322_000;
    /** A frame of 449 lines, as 70 Hz modes have it, while the registers describe none. */
    private static final VgaTiming UNSET = new VgaTiming(31_777_557, 25_422_045, 449, 400, 412, 2);

    static VgaTiming of(VgaRegisters r) {
        int overflow = r.crtc(7);
        int total = (r.crtc(6) | (overflow & 1) << 8 | (overflow & 0x20) << 4) + 2;
        int retrace = r.crtc(0x10) | (overflow & 4) << 6 | (overflow & 0x80) << 2;
        int shown = r.verticalDisplayEnd();
        int characters = r.crtc(0) + 5;
        if (total <= shown || retrace >= total || characters <= r.horizontalDisplayEnd()) {
            return UNSET;
        }
        long hz = (r.misc() & 0x0c) == 4 ? FAST_HZ : SLOW_HZ;
        long dotPs = PS_PER_S / hz << (r.sequencer(1) >> 3 & 1);
        long character = dotPs * r.dotsPerCharacter();
        int length = r.crtc(0x11) - retrace & 0x0f;
        return new VgaTiming(character * characters, character * r.horizontalDisplayEnd(), total, shown, retrace,
                Math.max(1, length));
    }

    /** Nanoseconds of a frame. */
    long frameNs() {
        return Math.max(1, linePs * lines / 1000);
    }

    /** Input status register 1: bit 0 outside of the visible part, bit 3 in the vertical retrace. */
    int status(long ns) {
        long framePs = linePs * lines;
        long at = ns % framePs * 1000 % framePs;
        int line = (int) (at / linePs);
        boolean hidden = line >= shownLines || at % linePs >= shownPs;
        boolean vertical = line >= retrace && line < retrace + retraceLines;
        return (hidden || vertical ? 1 : 0) | (vertical ? 8 : 0);
    }
}

package org.xenolith.devices.ps2;

/** How the keyboard controller turns scan codes of set 2 into those of set 1. */
final class ScanCodes {
    static final int EXTENDED = 0xe0;
    static final int BREAK = 0xf0;

    private static final String TRANSLATION = "ff43413f3d3b3c58644442403e0f2959"
            + "65382a701d10025a66712c1f1e11035b"
            + "672e2d201205045c68392f211413065d"
            + "693130232215075e6a7232241608095f"
            + "6b332517180b0a606c34352627190c61"
            + "6d7328741a0d626e3a361c1b752b6376"
            + "55567778797a0e7b7c4f7d4b477e7f6f"
            + "5253504c4d480145574e514a37494654";

    private ScanCodes() {
    }

    /** The byte of set 1 for one of set 2; bytes that are no key codes stay what they are. */
    static int translate(int code) {
        if (code < 0x80) {
            return Integer.parseInt(TRANSLATION, 2 * code, 2 * code + 2, 16);
        }
        return switch (code) {
            case 0x83 -> 0x41;
            case 0x84 -> 0x54;
            default -> code;
        };
    }
}

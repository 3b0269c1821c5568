package org.xenolith.cpu.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Memory images that state-loading instructions read: x87 environment, packed decimal, FXSAVE and XSAVE areas. */
final class StateImages {
    private static final int FXSAVE = 512;
    private static final int XSAVE = 832;

    private StateImages() {
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** 28-byte environment and eight registers (FLDENV, FRSTOR; its first word serves FLDCW). */
    static byte[] environment(Random64 random) {
        ByteBuffer image = buffer(108);
        int masks = random.oneIn(4) ? random.below(64) : 0x3f;
        image.putInt(0xffff_0000 | masks | 0x40 | random.below(64) << 8);
        int flags = random.oneIn(2) ? 0 : random.below(64) & (random.oneIn(4) ? 63 : masks);
        image.putInt(0xffff_0000 | flags | random.below(128) << 8 | ((flags & ~masks) != 0 ? 0x8080 : 0));
        image.putInt(0xffff_0000 | (random.oneIn(2) ? 0 : random.below(65536)));
        image.putInt((int) random.next()).putInt((int) random.next() & 0x07ff_ffff);
        image.putInt((int) random.next()).putInt((int) random.next() | 0xffff_0000);
        for (int i = 0; i < 8; i++) {
            image.putLong(random.significand80()).putShort((short) random.exponent80());
        }
        return image.array();
    }

    /** A valid packed decimal number of 18 digits (invalid ones are undefined). */
    static byte[] decimal(Random64 random) {
        ByteBuffer image = buffer(10);
        int digits = random.below(10);
        for (int i = 0; i < 9; i++) {
            image.put((byte) (i < digits ? random.below(10) << 4 | random.below(10) : 0));
        }
        image.put((byte) (random.below(2) << 7));
        return image.array();
    }

    /** An FXSAVE image, with an XSAVE header and upper YMM halves for the XRSTOR family. */
    static byte[] extended(Random64 random, StateMaker states, String mnemonic) {
        boolean xsave = mnemonic.startsWith("X");
        ByteBuffer image = buffer(xsave ? XSAVE : FXSAVE);
        for (int i = 0; i < image.capacity(); i += 8) {
            image.putLong(i, states.lane(StateMaker.Lanes.MIXED));
        }
        int masks = random.oneIn(8) ? random.below(64) : 0x3f;
        image.putShort(0, (short) (masks | 0x40 | random.below(16) << 8));
        int flags = random.oneIn(2) ? 0 : random.below(64) & masks;
        image.putShort(2, (short) (flags | random.below(128) << 8));
        image.put(4, (byte) random.next()).put(5, (byte) 0);
        for (int i = 0; i < 8; i++) {
            image.putLong(32 + 16 * i, random.significand80());
            image.putLong(40 + 16 * i, random.exponent80());
        }
        int mxcsr = (int) random.next() & 0xffff;
        image.putInt(24, random.oneIn(16) ? mxcsr | 1 << 18 + random.below(14) : mxcsr);
        if (xsave) {
            for (int i = 512; i < 576; i += 8) {
                image.putLong(i, 0);
            }
            image.putLong(512, random.below(8));
            if (random.oneIn(16)) {
                image.putLong(512 + 8 * random.below(8), random.oneIn(2) ? 1L << random.below(3) : 1L << 62);
            }
        }
        return image.array();
    }
}

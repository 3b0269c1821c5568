package org.xenolith.cpu.disasm.check;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Byte sequences of every class: each opcode of each map with each set of prefixes, and VEX with all its fields, each
 * with a number of ModRM bytes. The same seed gives the same sequences.
 */
final class Encodings {
    private static final int[][] PREFIXES = {{}, {0x66}, {0xf2}, {0xf3}, {0x67}, {0x64}, {0x2e}, {0x3e}, {0xf0},
        {0x66, 0xf2}, {0x66, 0xf3}, {0xf3, 0xf2}, {0x67, 0x66}, {0xf0, 0x66}, {0xf0, 0xf3}, {0x65, 0x67}, {0x66, 0x66}};
    private static final int[][] REX_PREFIXES = {{0x40}, {0x41}, {0x42}, {0x44}, {0x48}, {0x4f}, {0x66, 0x40},
        {0x66, 0x48}, {0x66, 0x45}, {0xf2, 0x48}, {0xf3, 0x48}, {0xf2, 0x4d}, {0xf3, 0x41}, {0x67, 0x48}, {0xf0, 0x48},
        {0x66, 0xf3, 0x48}, {0x48, 0x66}};

    private final int codeBits;
    private final int modrmsPerClass;
    private long state;

    /**
     * @param modrmsPerClass ModRM bytes that each opcode with each set of prefixes is tried with; 256 or more tries
     * them all
     */
    Encodings(int codeBits, long seed, int modrmsPerClass) {
        this.codeBits = codeBits;
        this.modrmsPerClass = modrmsPerClass;
        this.state = seed * 0x9e37_79b9_7f4a_7c15L + codeBits;
    }

    /** Makes all sequences, each shorter than 15 bytes; what follows a sequence is for the caller to choose. */
    void forEach(Consumer<byte[]> sink) {
        List<int[]> prefixes = new ArrayList<>(List.of(PREFIXES));
        if (codeBits == 64) {
            prefixes.addAll(List.of(REX_PREFIXES));
        }
        for (int map = 0; map < 4; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                if (isPrefixOrEscape(map, opcode)) {
                    continue;
                }
                for (int[] p : prefixes) {
                    legacy(map, opcode, p, sink);
                }
            }
        }
        for (int map = 0; map < 4; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                for (int fields = 0; fields < 16; fields++) {
                    vex(map, opcode, fields, sink);
                }
            }
        }
    }

    private boolean isPrefixOrEscape(int map, int opcode) {
        if (map == 1) {
            return opcode == 0x38 || opcode == 0x3a;
        }
        return map == 0 && switch (opcode) {
            case 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> codeBits == 64 && (opcode & 0xf0) == 0x40;
        };
    }

    private void legacy(int map, int opcode, int[] prefixes, Consumer<byte[]> sink) {
        for (int k = 0; k < modrmsPerClass && k < 256; k++) {
            Sequence s = new Sequence();
            s.add(prefixes);
            if (map > 0) {
                s.add(0x0f);
            }
            if (map > 1) {
                s.add(map == 2 ? 0x38 : 0x3a);
            }
            s.add(opcode);
            sink.accept(operands(s, k));
        }
    }

    /** @param fields pp, L and W */
    private void vex(int map, int opcode, int fields, Consumer<byte[]> sink) {
        for (int k = 0; k < modrmsPerClass && k < 256; k++) {
            int random = (int) next();
            int vvvv = (random & 3) == 0 ? random >> 8 & 15 : 15;
            int rxb = (random & 4) == 0 ? random >> 16 & 7 : 7;
            if (codeBits != 64) {
                rxb |= 6;
            }
            int tail = vvvv << 3 | fields & 7;
            boolean w = (fields & 8) != 0;
            Sequence s = new Sequence();
            if ((random >> 24 & 0x3f) == 0) {
                s.add((random & 0x4000_0000) != 0 ? 0x66 : 0x67);
            }
            if (map == 1 && !w && (random & 8) == 0) {
                s.add(0xc5, (rxb & 4) << 5 | (codeBits == 64 ? tail : tail | 0x40));
            } else {
                s.add(0xc4, rxb << 5 | map, (w ? 0x80 : 0) | tail);
            }
            s.add(opcode);
            sink.accept(operands(s, k));
        }
    }

    /** Adds ModRM, SIB and some bytes that are displacement, immediate or the next instruction. */
    private byte[] operands(Sequence s, int k) {
        long random = next();
        int modrm = modrmsPerClass >= 256 ? k : (int) random & 0xff;
        s.add(modrm);
        for (int n = (int) (random >> 8) & 3; n > 0; n--) {
            s.add((int) (random >> 16 + 8 * n) & 0xff);
        }
        return s.bytes();
    }

    private long next() {
        state += 0x9e37_79b9_7f4a_7c15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
        return z ^ z >>> 31;
    }

    /** A growing byte sequence. */
    private static final class Sequence {
        private final byte[] bytes = new byte[15];
        private int length;

        void add(int... values) {
            for (int v : values) {
                bytes[length++] = (byte) v;
            }
        }

        byte[] bytes() {
            return java.util.Arrays.copyOf(bytes, length);
        }
    }
}

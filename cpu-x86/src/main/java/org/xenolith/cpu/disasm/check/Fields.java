package org.xenolith.cpu.disasm.check;

/**
 * The parts of an encoding that the lists of known differences speak of, read without the decoder.
 *
 * @param prefixes how many bytes of prefixes there are, REX among them
 * @param rexNotLast a REX prefix is followed by another prefix
 * @param map 0 one-byte, 1 0F, 2 0F38, 3 0F3A; of VEX the field; 4 and more for what is no map of ours
 * @param opcode the opcode byte
 * @param modrm the byte after it
 * @param vexTail the last byte of a VEX prefix; 0 without one
 */
record Fields(int prefixes, boolean rexNotLast, boolean rex, boolean lock, int rep, boolean operandSize, boolean vex,
        boolean evex, int map, int opcode, int modrm, int vexTail) {

    static Fields of(byte[] code, int at, int limit, int codeBits) {
        int p = at;
        boolean rex = false;
        boolean rexNotLast = false;
        boolean lock = false;
        boolean operandSize = false;
        int rep = 0;
        for (; p < limit; p++) {
            int b = code[p] & 0xff;
            boolean isRex = codeBits == 64 && (b & 0xf0) == 0x40;
            if (!isRex && !isLegacy(b)) {
                break;
            }
            rexNotLast |= rex;
            rex = isRex;
            lock |= b == 0xf0;
            operandSize |= b == 0x66;
            rep = (b | 1) == 0xf3 ? b : rep;
        }
        int b = at(code, p, limit);
        int second = at(code, p + 1, limit);
        boolean three = b == 0xc4 || b == 0xc5 || b == 0x62;
        boolean vector = three && (codeBits == 64 || second >= 0xc0);
        if (vector && b != 0x62) {
            int length = b == 0xc5 ? 2 : 3;
            int map = b == 0xc5 ? 1 : second & 31;
            return new Fields(p - at, rexNotLast, rex, lock, rep, operandSize, true, false, map,
                    at(code, p + length, limit), at(code, p + length + 1, limit), at(code, p + length - 1, limit));
        }
        int map = 0;
        int o = p;
        if (b == 0x0f) {
            map = second == 0x38 ? 2 : second == 0x3a ? 3 : 1;
            o += map == 1 ? 1 : 2;
        }
        return new Fields(p - at, rexNotLast, rex, lock, rep, operandSize, false, vector, map, at(code, o, limit),
                at(code, o + 1, limit), 0);
    }

    private static int at(byte[] code, int k, int limit) {
        return k < limit ? code[k] & 0xff : 0;
    }

    static boolean isLegacy(int b) {
        return switch (b) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> false;
        };
    }

    boolean is(int map, int opcode) {
        return !vex && !evex && this.map == map && this.opcode == opcode;
    }

    /** A prefix that a VEX prefix may not follow. */
    boolean forbiddenBeforeVex() {
        return rex || lock || rep != 0 || operandSize;
    }

    /** 66, F2, F3 or their stand-in in VEX. */
    boolean mandatoryPrefix() {
        return vex ? (vexTail & 3) != 0 : rep != 0 || operandSize;
    }

    /** The top bit of VEX.vvvv names a register above 7. */
    boolean vvvvTopBit() {
        return vex && (vexTail & 0x40) == 0;
    }

}

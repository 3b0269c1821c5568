package org.xenolith.cpu.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * A random program: code, where it lies, the state and data that it starts from, and where it is stopped on the way. Code that a shrinker
 * takes out becomes NOPs, so that branches and addresses stay right.
 */
final class Program {
    static final int NOP = 0x90;

    /** Content of the data pages: offset from their start. */
    record Patch(int offset, byte[] content) {
    }

    final MachineState input = new MachineState();
    final List<Patch> patches = new ArrayList<>();
    /** Offset of the first byte in the code pages. */
    int codeOffset;
    byte[] bytes = {};
    /** Offsets of the pieces that may be taken out one by one, and of the end. */
    int[] starts = {0};
    /** Nothing in it is undefined, so that the host CPU must come to the same end. */
    boolean defined;
    /** Instruction counts between stops; after the last one it runs on to its end. */
    int[] stops = {};

    /** A program of a unit test: usual control words, everything else zero. */
    static Program of(long codeBase, int codeOffset, String hex) {
        Program p = new Program();
        p.codeOffset = codeOffset;
        p.bytes = HexFormat.of().parseHex(hex);
        p.starts = new int[]{0, p.bytes.length};
        p.input.rip = codeBase + codeOffset;
        p.input.rflags = 0x202;
        p.input.mxcsr = 0x1f80;
        p.input.fcw = 0x37f;
        p.input.tags = 0xff;
        return p;
    }

    /** Adds content of the data pages. */
    void data(int offset, String hex) {
        patches.add(new Patch(offset, HexFormat.of().parseHex(hex)));
    }

    /** Cuts the NOPs off both ends. */
    void trim() {
        int from = 0;
        while (from < bytes.length && bytes[from] == (byte) NOP) {
            from++;
        }
        int to = bytes.length;
        while (to > from && bytes[to - 1] == (byte) NOP) {
            to--;
        }
        bytes = Arrays.copyOfRange(bytes, from, to);
        starts = new int[]{0, bytes.length};
        codeOffset += from;
        input.rip += from;
    }

    Program copy() {
        Program p = new Program();
        p.input.copy(input);
        p.patches.addAll(patches);
        p.codeOffset = codeOffset;
        p.bytes = bytes.clone();
        p.starts = starts;
        p.defined = defined;
        p.stops = stops;
        return p;
    }

    /** Puts NOPs in place of a range of code; false if there were only NOPs. */
    boolean erase(int from, int to) {
        boolean changed = false;
        for (int i = from; i < to; i++) {
            changed |= bytes[i] != (byte) NOP;
            bytes[i] = (byte) NOP;
        }
        return changed;
    }
}

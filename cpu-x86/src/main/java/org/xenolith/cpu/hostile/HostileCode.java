package org.xenolith.cpu.hostile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.oracle.Random64;

/** Random code: any bytes, instructions of the table with random fields, or such instructions with some bits turned. */
final class HostileCode {
    private static final int[] PREFIXES = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
    private static final int ROOM = 40;
    private static final int STOCK = 1 << 15;

    private final Random64 random;
    private final Decoder decoder;
    private final List<InsnDef> all;
    private final List<InsnDef> system = new ArrayList<>();
    private final List<InsnDef> general = new ArrayList<>();
    private final List<InsnDef> floating = new ArrayList<>();
    private final byte[] one = new byte[2 * ROOM];
    /** Ready-made instructions of 16-, 32- and 64-bit code: making one takes as long as running ten. */
    private final byte[][][] stock = new byte[3][STOCK][];
    private int length;

    HostileCode(Random64 random, InstructionTable table, Decoder decoder) {
        this.random = random;
        this.decoder = decoder;
        this.all = table.rows();
        for (InsnDef def : all) {
            if (!def.user() || def.mnemonic().contains("FAR") || def.mnemonic().startsWith("IRET")) {
                system.add(def);
            } else if (def.needs() == 0) {
                general.add(def);
            } else if ((def.needs() & (InsnDef.NEEDS_X87 | InsnDef.NEEDS_MMX)) != 0) {
                floating.add(def);
            }
        }
    }

    /** Makes the stock of a seed. */
    void restock() {
        for (int size = 0; size < 3; size++) {
            for (int i = 0; i < STOCK; i++) {
                instruction(16 << size);
                stock[size][i] = Arrays.copyOf(one, length);
            }
        }
    }

    /** Fills a part of memory with code of a given size. */
    void fill(byte[] ram, int from, int to, int codeBits) {
        int kind = random.below(16);
        if (kind < 2) {
            for (int i = from; i < to; i++) {
                ram[i] = (byte) random.next();
            }
            return;
        }
        byte[][] ready = stock[codeBits >> 5];
        for (int at = from; at < to;) {
            byte[] next = one;
            if (random.oneIn(8)) {
                // Jcc to somewhere near: blocks of a few instructions cost less than ones that never end.
                length = 0;
                emit(0x70 | random.below(16));
                emit((int) random.around(24) + 8);
            } else if (random.oneIn(16)) {
                instruction(codeBits);
            } else {
                next = ready[random.below(STOCK)];
                length = next.length;
            }
            int n = Math.min(length, to - at);
            System.arraycopy(next, 0, ram, at, n);
            at += n;
        }
        for (int flips = kind < 6 ? 1 + random.below(8) : 0; flips > 0; flips--) {
            ram[from + random.below(to - from)] ^= (byte) (1 << random.below(8));
        }
    }

    private void emit(int b) {
        one[length++] = (byte) b;
    }

    private void emit(long v, int bytes) {
        for (int i = 0; i < bytes; i++) {
            emit((int) (v >>> 8 * i));
        }
    }

    private void instruction(int codeBits) {
        List<InsnDef> rows = switch (random.below(8)) {
            case 0 -> system;
            case 1, 2 -> all;
            case 3 -> floating;
            default -> general;
        };
        InsnDef def = rows.get(random.below(rows.size()));
        length = 0;
        while (random.oneIn(10)) {
            emit(PREFIXES[random.below(PREFIXES.length)]);
        }
        if (def.vex()) {
            vex(def);
        } else {
            legacy(def, codeBits);
        }
        int tail = length;
        if (def.fixedModrm() >= 0) {
            emit(def.fixedModrm() | (def.fixedModrmReg() ? random.below(8) : 0));
        } else if (def.modrm()) {
            modrm(def, codeBits);
        }
        int fields = length;
        while (length < ROOM) {
            emit(random.integer(), 8);
        }
        Insn i = decoder.decode(one, 0, ROOM, codeBits, null);
        if (i != null) {
            length = Math.min(i.length(), ROOM);
            near(i);
        } else {
            length = Math.max(tail + 1, fields);
        }
    }

    private void legacy(InsnDef def, int codeBits) {
        switch (def.prefix()) {
            case P66 -> emit(0x66);
            case PF2 -> emit(0xf2);
            case PF3 -> emit(0xf3);
            default -> {
            }
        }
        if (codeBits == 64 && (def.w() == 1 || random.oneIn(2))) {
            emit(0x40 | (def.w() == 1 || random.oneIn(2) ? 8 : 0) | random.below(8));
        }
        switch (def.map()) {
            case 1 -> emit(0x0f);
            case 2 -> emit(0x380f, 2);
            case 3 -> emit(0x3a0f, 2);
            default -> {
            }
        }
        emit(def.opcode() | (def.opcodeReg() ? random.below(8) : 0));
    }

    private void vex(InsnDef def) {
        int pp = switch (def.prefix()) {
            case P66 -> 1;
            case PF3 -> 2;
            case PF2 -> 3;
            default -> 0;
        };
        boolean used = false;
        for (var operand : def.operands()) {
            used |= operand.method() == 'H' || operand.method() == 'B';
        }
        int vvvv = used ? random.below(16) : 15;
        int l = def.vexL() < 0 ? random.below(2) : def.vexL();
        int w = def.w() < 0 ? random.below(2) : def.w();
        emit(0xc4);
        emit(random.below(8) << 5 | def.map());
        emit(w << 7 | vvvv << 3 | l << 2 | pp);
        emit(def.opcode());
    }

    private void modrm(InsnDef def, int codeBits) {
        int mod = def.mod() == 3 || def.mod() < 0 && random.oneIn(3) ? 3 : random.below(3);
        int reg = def.digit() >= 0 ? def.digit() : random.below(8);
        int rm = random.below(8);
        emit(mod << 6 | reg << 3 | rm);
        if (mod == 3 || codeBits == 16) {
            return;
        }
        boolean noBase = mod == 0 && rm == 5;
        if (rm == 4) {
            int sib = random.below(256);
            emit(sib);
            noBase = mod == 0 && (sib & 7) == 5;
        }
        if ((mod == 2 || noBase) && !random.oneIn(4)) {
            // Small, so that the access stays near a pointer, or is in RAM when there is no base.
            emit(noBase && codeBits != 64 || rm == 4 && noBase
                    ? random.below(HostileProgram.RAM)
                    : random.around(0x2000), 4);
        }
    }

    /** Relative branches mostly go to somewhere near, far ones to code segments that there are. */
    private void near(Insn i) {
        InsnDef def = i.def();
        for (int k = 0; k < i.operandCount() && k < def.operands().length; k++) {
            Operand o = i.operand(k);
            if (o.kind() == Operand.Kind.REL && length > 4 && !def.operands()[k].size().equals("b")
                    && !random.oneIn(8)) {
                int bytes = i.operandBits() == 16 ? 2 : 4;
                long rel = random.around(100);
                for (int b = 0; b < bytes; b++) {
                    one[length - bytes + b] = (byte) (rel >> 8 * b);
                }
            } else if (o.kind() == Operand.Kind.FAR && length > 6 && !random.oneIn(4)) {
                int selector = 8 * random.below(20) | random.below(4);
                one[length - 2] = (byte) selector;
                one[length - 1] = (byte) (selector >> 8);
                int bytes = i.operandBits() == 16 ? 2 : 4;
                long target = (long) HostileProgram.CODE + random.below(0x4000);
                for (int b = 0; b < bytes; b++) {
                    one[length - 2 - bytes + b] = (byte) (target >> 8 * b);
                }
            }
        }
    }
}

package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** Masked moves and gathers: only the memory of elements whose mask bit is set is touched or can fault (SDM vol. 2). */
final class AvxMemory {
    private AvxMemory() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        masked(t, "VMASKMOVPS", "2C", "2E", "W0", "", 32);
        masked(t, "VMASKMOVPD", "2D", "2F", "W0", "", 64);
        masked(t, "VPMASKMOVD", "8C", "8E", "W0", "avx2", 32);
        masked(t, "VPMASKMOVQ", "8C", "8E", "W1", "avx2", 64);
        gather(t, "VPGATHERD", "90");
        gather(t, "VPGATHERQ", "91");
        gather(t, "VGATHERDP", "92");
        gather(t, "VGATHERQP", "93");
        // @formatter:on
    }

    /** These instructions never raise #AC: while alignment is checked, an element that is not aligned goes by bytes. */
    private static long read(Cpu c, Insn i, long va, int bytes) {
        if (!c.mmu().checksAlignment() || (va & bytes - 1) == 0) {
            return c.mmu().read(va, i.seg(), bytes << 3);
        }
        c.mmu().probe(va, i.seg(), bytes, false);
        long v = 0;
        for (int k = 0; k < bytes; k++) {
            v |= (long) c.mmu().read8(va + k, i.seg()) << 8 * k;
        }
        return v;
    }

    private static void write(Cpu c, Insn i, long va, int bytes, long v) {
        if (!c.mmu().checksAlignment() || (va & bytes - 1) == 0) {
            c.mmu().write(va, i.seg(), bytes << 3, v);
            return;
        }
        for (int k = 0; k < bytes; k++) {
            c.mmu().write8(va + k, i.seg(), (int) (v >>> 8 * k));
        }
    }

    // ---- masked moves ----

    private static void masked(InstructionTable t, String name, String load, String store, String w, String feature,
            int bits) {
        for (String length : new String[]{"128", "256"}) {
            t.add(name, vex(length, "66", "0F 38 " + load, w) + " /r", "Vx:w,Hx,Mx", "avx " + feature,
                    bits == 32 ? AvxMemory::load32 : AvxMemory::load64);
            t.add(name, vex(length, "66", "0F 38 " + store, w) + " /r", "Mx:w,Hx,Vx", "avx " + feature,
                    (c, i) -> store(c, i, bits));
        }
    }

    private static boolean chosen(Cpu c, int mask, int byteOffset) {
        return get32(c.ymmAddress(mask) + byteOffset) < 0;
    }

    static void load32(Cpu c, Insn i) {
        long r = result(c);
        int mask = i.op1().reg();
        for (int k = 0; k < i.op0().bits() >>> 3; k += 4) {
            put32(r + k, chosen(c, mask, k) ? (int) read(c, i, i.address(c, k, 4, false), 4) : 0);
        }
        writeResult(c, i);
    }

    static void load64(Cpu c, Insn i) {
        long r = result(c);
        int mask = i.op1().reg();
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(r + k, chosen(c, mask, k + 4) ? read(c, i, i.address(c, k, 8, false), 8) : 0);
        }
        writeResult(c, i);
    }

    private static void store(Cpu c, Insn i, int bits) {
        int bytes = bits >>> 3;
        int mask = i.op1().reg();
        long v = c.ymmAddress(i.operand(2).reg());
        int end = i.op0().bits() >>> 3;
        for (int k = 0; k < end; k += bytes) {
            if (chosen(c, mask, k + bytes - 4)) {
                c.mmu().probe(i.address(c, k, bytes, true), i.seg(), bytes, true);
            }
        }
        for (int k = 0; k < end; k += bytes) {
            if (chosen(c, mask, k + bytes - 4)) {
                write(c, i, i.address(c, k, bytes, true), bytes, get64(v + k));
            }
        }
    }

    // ---- gathers ----

    /**
     * Rows of W0 and W1. The name's last letters give index and element: with doubleword elements and quadword indices
     * the destination is half as wide as the index.
     */
    private static void gather(InstructionTable t, String name, String opcode) {
        boolean integer = name.startsWith("VP");
        boolean wideIndex = integer ? name.endsWith("Q") : name.endsWith("QP");
        for (int w = 0; w < 2; w++) {
            boolean wideElement = w == 1;
            String mnemonic = name + (integer ? wideElement ? "Q" : "D" : wideElement ? "D" : "S");
            for (String length : new String[]{"128", "256"}) {
                String size = wideIndex && !wideElement ? "dq" : "x";
                String element = wideElement ? "q" : "d";
                t.add(mnemonic, vex(length, "66", "0F 38 " + opcode, "W" + w) + " /r",
                        "V" + size + ",M" + element + ",H" + size + ":rw", "avx vsib avx2",
                        gathering(wideIndex, wideElement));
            }
        }
    }

    private static Exec gathering(boolean wideIndex, boolean wideElement) {
        return (c, i) -> gather(c, i, wideIndex, wideElement);
    }

    /** Elements are done in order, each clearing its mask, so that a fault in one keeps what those before it did. */
    private static void gather(Cpu c, Insn i, boolean wideIndex, boolean wideElement) {
        int dst = i.op0().reg();
        int mask = i.operand(2).reg();
        int index = i.indexRegister();
        if ((i.modrm() & 7) != 4 || i.addressBits() == 16 || dst == mask || dst == index || mask == index) {
            throw c.ud();
        }
        int bytes = wideElement ? 8 : 4;
        int n = i.vectorBits() / (wideElement || wideIndex ? 64 : 32);
        long d = c.ymmAddress(dst);
        long m = c.ymmAddress(mask);
        long x = c.ymmAddress(index);
        spreadMask(m, bytes, n);
        for (int k = 0; k < n; k++) {
            if (get32(m + bytes * k + bytes - 4) >= 0) {
                continue;
            }
            long offset = wideIndex ? get64(x + 8 * k) : get32(x + 4 * k);
            long va = address(c, i, offset, bytes);
            if (wideElement) {
                put64(d + 8 * k, read(c, i, va, 8));
                put64(m + 8 * k, 0);
            } else {
                put32(d + 4 * k, (int) read(c, i, va, 4));
                put32(m + 4 * k, 0);
            }
        }
        clearFrom(d, bytes * n);
        clearFrom(m, 0);
    }

    /** The mask becomes all ones or all zeros per element before the first access. */
    private static void spreadMask(long m, int bytes, int n) {
        for (int k = 0; k < n; k++) {
            long sign = get32(m + bytes * k + bytes - 4) >> 31;
            if (bytes == 8) {
                put64(m + 8 * k, sign);
            } else {
                put32(m + 4 * k, (int) sign);
            }
        }
        clearFrom(m, bytes * n);
    }

    private static void clearFrom(long register, int from) {
        for (int k = from; k < CpuState.YMM_SIZE; k += 8) {
            put64(register + k, 0);
        }
    }

    private static long address(Cpu c, Insn i, long index, int bytes) {
        long mask = i.addressBits() == 64 ? -1L : 0xffff_ffffL;
        long offset = c.reg(i.base()) + (index << i.scale()) + i.disp() & mask;
        return Segmentation.linear(c, i.seg(), offset, bytes, false);
    }
}

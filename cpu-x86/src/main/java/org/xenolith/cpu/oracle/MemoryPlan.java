package org.xenolith.cpu.oracle;

/**
 * Chooses where a memory operand lies (inside a page, across a boundary, read-only, unmapped, non-canonical) and an
 * addressing form with register values that make exactly that address.
 */
final class MemoryPlan {
    private static final int NONE = -1;
    private static final int TRIES = 20;

    private final Random64 random;
    private final Arena arena;
    /** Registers whose value another part of the case depends on, one bit each. */
    int pinned;
    boolean address32;
    boolean compat;
    /** 16-bit addressing (67 in 32-bit code). */
    boolean address16;
    /** Base added by a segment override, 0 without one. */
    long segmentBase;
    /** True once an address was chosen whose access may fault. */
    boolean risky;
    /** Fields of the encoding: ModRM.mod and rm, SIB, displacement. */
    int mod;
    int rm;
    int base;
    int index;
    int scale;
    long displacement;
    int displacementBytes;
    boolean sib;
    boolean ripRelative;
    /** The address that was chosen. */
    long target;
    /** Addresses that accesses of one program share, so that loads meet earlier stores; empty for single cases. */
    long[] shared = {};

    MemoryPlan(Random64 random, Arena arena) {
        this.random = random;
        this.arena = arena;
    }

    /** An address for an access of {@code bytes} bytes; mostly one that works. */
    long target(int bytes) {
        int size = Math.max(bytes, 1);
        if (shared.length > 0 && random.oneIn(2)) {
            return shared[random.below(shared.length)] + (random.oneIn(2) ? 0 : random.around(8));
        }
        int kind = random.below(64);
        risky |= kind >= 52 && kind < 63;
        if (kind < 44) {
            int align = switch (random.below(4)) {
                case 0 -> 1;
                case 1 -> 16;
                default -> 64;
            };
            return arena.dataBase() + (random.below(Arena.WRITABLE - size) & -align);
        } else if (kind < 52) {
            return arena.dataBase() + 4096L * (1 + random.below(3)) - random.below(size + 1);
        } else if (kind < 55) {
            return arena.dataBase() + Arena.WRITABLE - random.below(size + 1);
        } else if (kind < 58) {
            return arena.dataBase() + Arena.WRITABLE + (random.below(4096) & -8);
        } else if (kind < 60) {
            return arena.dataEnd() - random.below(size + 1);
        } else if (kind < 61) {
            return arena.dataBase() - random.below(size + 1);
        } else if (kind < 62) {
            return arena.dataEnd() + random.below(8192);
        } else if (kind < 63 && !compat) {
            return Arena.NON_CANONICAL + random.below(1 << 20);
        }
        return arena.dataBase() + (random.below(Arena.WRITABLE - 64) & -64);
    }

    private boolean isPinned(int reg) {
        return (pinned >> reg & 1) != 0;
    }

    /**
     * Plans an operand at {@link #target}: chooses the form and sets registers.
     *
     * @return false if there is none
     */
    boolean plan(long[] gpr) {
        for (int i = 0; i < TRIES; i++) {
            if (address16) {
                if (solve16(gpr)) {
                    return true;
                }
                continue;
            }
            choose();
            if (solve(gpr)) {
                return true;
            }
        }
        if (address16) {
            return false;
        }
        // The form that always works for an address below 2 GB.
        if (compat) {
            displacement = (int) (target - segmentBase);
        } else if (target >>> 31 != 0 || segmentBase != 0) {
            target = arena.dataBase() + 64;
            segmentBase = 0;
        }
        sib = true;
        ripRelative = false;
        mod = 0;
        rm = 4;
        base = NONE;
        index = NONE;
        scale = 0;
        if (!compat) {
            displacement = target;
        }
        displacementBytes = 4;
        return true;
    }

    private void choose() {
        ripRelative = false;
        sib = false;
        scale = 0;
        index = NONE;
        base = NONE;
        int form = random.below(16);
        if (form == 0) {
            // Absolute in 32-bit code, where the same encoding has no RIP in it.
            ripRelative = !compat;
            mod = 0;
            rm = 5;
            displacementBytes = 4;
            return;
        }
        int registers = compat ? 8 : 16;
        if (form < 8) {
            base = random.below(registers);
            sib = (base & 7) == 4;
            mod = random.below(3);
            if (mod == 0 && (base & 7) == 5) {
                mod = 1;
            }
        } else {
            sib = true;
            scale = random.below(4);
            index = random.below(registers);
            if (index == 4) {
                index = NONE;
            }
            mod = random.below(3);
            base = random.below(registers);
            if (mod == 0 && (base & 7) == 5) {
                base = NONE;
            }
        }
        rm = sib ? 4 : base & 7;
        displacementBytes = mod == 1 ? 1 : mod == 2 || base == NONE ? 4 : 0;
    }

    private long wrap(long v) {
        return address32 ? v & 0xffff_ffffL : v;
    }

    private boolean solve(long[] gpr) {
        long offset = compat ? wrap(target - segmentBase) : target - segmentBase;
        if (address32 && offset >>> 32 != 0) {
            return false;
        }
        if (ripRelative) {
            return segmentBase == 0 && target >>> 31 == 0;
        }
        if (index != NONE && !isPinned(index)) {
            gpr[index] = random.oneIn(4) && index != base ? random.next() : random.below(512) - 256;
        }
        long rest = wrap(offset - (index == NONE ? 0 : gpr[index] << scale));
        displacement = switch (displacementBytes) {
            case 0 -> 0;
            case 1 -> (byte) random.next();
            default -> random.oneIn(2) ? (int) random.next() : random.below(1 << 16) - (1 << 15);
        };
        if (base != NONE && base != index && !isPinned(base)) {
            gpr[base] = wrap(rest - displacement) | (address32 ? random.next() << 32 : 0);
            return true;
        }
        long need = rest - (base == NONE ? 0 : gpr[base]);
        need = address32 ? (int) need : need;
        if (displacementBytes == 4 ? need != (int) need : displacementBytes == 1 ? need != (byte) need : need != 0) {
            return false;
        }
        displacement = need;
        return true;
    }

    /** One of the eight register pairs of 16-bit addressing (SDM vol. 2, table 2-1). */
    private boolean solve16(long[] gpr) {
        long offset = target - segmentBase;
        if (offset >>> 16 != 0) {
            return false;
        }
        ripRelative = false;
        sib = false;
        scale = 0;
        mod = random.below(3);
        rm = random.below(8);
        base = rm == 4 ? 6 : rm == 5 ? 7 : rm == 2 || rm == 3 || rm == 6 ? 5 : 3;
        index = rm > 3 ? NONE : 6 + (rm & 1);
        if (mod == 0 && rm == 6) {
            base = NONE;
        }
        displacementBytes = mod == 0 && base != NONE ? 0 : mod == 1 ? 1 : 2;
        if (base != NONE && isPinned(base) || index != NONE && isPinned(index)) {
            return false;
        }
        displacement = displacementBytes == 0
                ? 0
                : displacementBytes == 1
                        ? (byte) random.next()
                        : (short) random.next();
        if (base == NONE) {
            displacement = offset;
            return true;
        }
        if (index != NONE) {
            gpr[index] = random.next();
        }
        long rest = offset - displacement - (index == NONE ? 0 : gpr[index]);
        gpr[base] = random.next() & ~0xffffL | rest & 0xffffL;
        return true;
    }

    /** The address that the form and the registers make, computed anew; {@code next} is the RIP behind the instruction. */
    long effective(long[] gpr, long next) {
        long sum = displacement;
        if (ripRelative) {
            sum += next;
        }
        if (base != NONE) {
            sum += gpr[base];
        }
        if (index != NONE) {
            sum += gpr[index] << scale;
        }
        if (address16) {
            sum &= 0xffff;
        }
        return compat ? wrap(wrap(sum) + segmentBase) : wrap(sum) + segmentBase;
    }

    /** General registers that make the address, one bit each (a gather's vector index may add a harmless one). */
    int registers() {
        return (base == NONE ? 0 : 1 << base) | (index == NONE ? 0 : 1 << index);
    }

    /** REX.X (2) and REX.B (1) that the form needs. */
    int rex() {
        return (index >= 8 ? 2 : 0) | (base >= 8 ? 1 : 0);
    }

    /** Writes ModRM, SIB and displacement. */
    void emit(TestCase c, int reg, int bytesAfter) {
        c.emit(mod << 6 | (reg & 7) << 3 | rm);
        if (sib) {
            c.emit(scale << 6 | (index == NONE ? 4 : index & 7) << 3 | (base == NONE ? 5 : base & 7));
        }
        if (ripRelative) {
            long next = c.input.rip + c.length + 4 + bytesAfter;
            displacement = target - next;
        }
        c.emit(displacement, displacementBytes);
    }
}

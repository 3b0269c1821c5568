package org.xenolith.cpu.decode;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.Vector;

/**
 * Decodes one instruction of 16-, 32- or 64-bit code (SDM vol. 2, chapter 2 and appendix A) by the instruction table.
 *
 * <p>Invalid encodings decode to an instruction that raises #UD (or #GP past 15 bytes), so that the fault comes when it is reached.
 */
public final class Decoder {
    /** Longest instruction in bytes. */
    public static final int MAX_LENGTH = 15;

    private final InstructionTable table;
    private final CpuModel model;
    private final InsnDef undefined;
    private final InsnDef tooLong;

    private byte[] code = new byte[0];
    private int at;
    private int available;
    private boolean ranOut;

    /** @param model decides which features decode; null accepts all (disassembler) */
    public Decoder(InstructionTable table, CpuModel model) {
        this.table = table;
        this.model = model;
        undefined = new InsnDef("(bad)", "0F 0B", "", "end", (c, i) -> {
            throw c.ud();
        });
        tooLong = new InsnDef("(too long)", "0F 0B", "", "end", (c, i) -> {
            throw c.fault(Vector.GP, 0);
        });
    }

    /** The row that invalid encodings decode to. */
    public boolean isUndefined(Insn i) {
        return i.def == undefined || i.def == tooLong;
    }

    /**
     * Decodes the instruction at {@code bytes[from]}.
     *
     * @param limit index after the last byte that may be read
     * @param codeBits 16, 32 or 64
     * @param cpu its mode decides on VEX in real mode; null for protected mode
     * @return null when more bytes than {@code limit} allows are needed (never when 15 are there)
     */
    public Insn decode(byte[] bytes, int from, int limit, int codeBits, Cpu cpu) {
        code = bytes;
        at = from;
        available = Math.min(limit, from + MAX_LENGTH);
        ranOut = false;
        boolean realMode = cpu != null && (!cpu.protectedMode() || cpu.vm86());
        Insn i = parse(codeBits, realMode);
        if (ranOut) {
            if (limit - from >= MAX_LENGTH) {
                Insn bad = new Insn();
                bad.codeBits = codeBits;
                finish(bad, tooLong, MAX_LENGTH);
                return bad;
            }
            return null;
        }
        i.length = at - from;
        return i;
    }

    private int next() {
        if (at >= available) {
            ranOut = true;
            return 0;
        }
        return code[at++] & 0xff;
    }

    private int peek() {
        if (at >= available) {
            ranOut = true;
            return 0;
        }
        return code[at] & 0xff;
    }

    private Insn parse(int codeBits, boolean realMode) {
        Insn i = new Insn();
        i.codeBits = codeBits;
        boolean addressPrefix = false;
        int rex = 0;
        int b;
        while (true) {
            b = next();
            if (ranOut) {
                return i;
            }
            boolean legacy = true;
            switch (b) {
                case 0x26, 0x2e, 0x36, 0x3e -> {
                    if (codeBits != 64) {
                        i.seg = b >> 3 & 3;
                        i.segOverride = true;
                    } else if (i.seg < CpuState.FS || !i.segOverride) {
                        i.seg = CpuState.DS;
                    }
                }
                case 0x64, 0x65 -> {
                    i.seg = b == 0x64 ? CpuState.FS : CpuState.GS;
                    i.segOverride = true;
                }
                case 0x66 -> i.operandSizePrefix = true;
                case 0x67 -> addressPrefix = true;
                case 0xf0 -> i.lock = true;
                case 0xf2, 0xf3 -> i.rep = b;
                default -> legacy = false;
            }
            if (!legacy) {
                if (codeBits == 64 && (b & 0xf0) == 0x40) {
                    rex = b;
                    continue;
                }
                break;
            }
            rex = 0;
        }
        i.addressBits = switch (codeBits) {
            case 64 -> addressPrefix ? 32 : 64;
            case 32 -> addressPrefix ? 16 : 32;
            default -> addressPrefix ? 32 : 16;
        };
        i.addressMask = i.addressBits == 64 ? -1L : (1L << i.addressBits) - 1;

        boolean vex = false;
        int map = 0;
        int vexPrefix = 0;
        if ((b == 0xc4 || b == 0xc5) && !realMode && (codeBits == 64 || (peek() & 0xc0) == 0xc0)) {
            vex = true;
            if (i.lock || i.rep != 0 || i.operandSizePrefix || rex != 0) {
                return bad(i);
            }
            int p = next();
            if (b == 0xc5) {
                map = 1;
                rex = 0x40 | (p & 0x80) >> 5 ^ 4;
            } else {
                map = p & 0x1f;
                rex = 0x40 | (p >> 5 ^ 7);
                p = next();
                rex |= p >> 4 & 8;
            }
            if (codeBits != 64) {
                rex &= 0x48;
            }
            i.vvvv = p >> 3 & 15 ^ 15;
            if (codeBits != 64) {
                i.vvvv &= 7;
            }
            i.vectorBits = (p & 4) != 0 ? 256 : 128;
            vexPrefix = p & 3;
            if (map < 1 || map > 3) {
                return bad(i);
            }
            b = next();
        } else if (b == 0x0f) {
            map = 1;
            b = next();
            if (b == 0x38) {
                map = 2;
                b = next();
            } else if (b == 0x3a) {
                map = 3;
                b = next();
            }
        }
        if (ranOut) {
            return i;
        }
        i.rexW = (rex & 8) != 0;
        InsnDef[] rows = table.candidates(vex, map, b);
        if (rows.length == 0) {
            return bad(i);
        }
        int modrm = -1;
        if (rows[0].modrm) {
            modrm = peek();
            if (ranOut) {
                return i;
            }
        }
        InsnDef def = select(rows, i, b, modrm, rex, vex, vexPrefix, codeBits);
        if (def == null) {
            return bad(i);
        }
        i.def = def;
        i.operandBits = operandBits(i, def, codeBits);
        if (def.modrm) {
            i.modrm = next();
            if ((i.modrm & 0xc0) != 0xc0 && def.fixedModrm < 0 && !def.accessesControlRegister()) {
                memory(i, i.modrm, rex);
            }
        }
        operands(i, b, rex);
        if (ranOut) {
            return i;
        }
        if (i.lock && !(def.lock && i.operands.length > 0 && i.operands[0].kind() == Operand.Kind.MEM)) {
            return bad(i);
        }
        if (def.vsib && !validGather(i)) {
            return bad(i);
        }
        i.flat = codeBits == 64 && i.seg != CpuState.FS && i.seg != CpuState.GS;
        finish(i, def, 0);
        return i;
    }

    /** A vector index needs a SIB byte, and destination, index and mask must be three registers (SDM vol. 2, VPGATHERDD). */
    private static boolean validGather(Insn i) {
        if (i.addressBits == 16 || (i.modrm & 7) != 4) {
            return false;
        }
        int dst = i.r0;
        int mask = i.vvvv;
        return dst != i.indexReg && dst != mask && mask != i.indexReg;
    }

    private Insn bad(Insn i) {
        i.operands = Insn.NO_OPERANDS;
        finish(i, undefined, 0);
        return i;
    }

    private static void finish(Insn i, InsnDef def, int length) {
        i.def = def;
        i.needs = def.needs;
        i.exec = Specializer.select(i, def.exec);
        if (length != 0) {
            i.length = length;
        }
    }

    private InsnDef select(InsnDef[] rows, Insn i, int opcode, int modrm, int rex, boolean vex, int vexPrefix,
            int codeBits) {
        InsnDef any = null;
        for (InsnDef d : rows) {
            if (d.mod >= 0 && modrm >= 0 && (d.mod == 3) != (modrm >= 0xc0)) {
                continue;
            }
            if (d.digit >= 0 && (modrm >> 3 & 7) != d.digit) {
                continue;
            }
            if (d.fixedModrm >= 0 && (d.fixedModrmReg ? modrm & 0xf8 : modrm) != d.fixedModrm) {
                continue;
            }
            if (codeBits == 64 ? d.i64 : d.o64) {
                continue;
            }
            if (d.w >= 0 && (rex >> 3 & 1) != d.w) {
                continue;
            }
            if (d.norexb && (rex & 1) != 0 || d.norep && i.rep != 0) {
                continue;
            }
            if (vex && d.vexL >= 0 && (i.vectorBits == 256 ? 1 : 0) != d.vexL) {
                continue;
            }
            if (vex && i.vvvv != 0 && !d.usesVvvv) {
                continue;
            }
            if (!offered(d)) {
                continue;
            }
            if (d.prefix == InsnDef.Prefix.ANY) {
                if (any == null) {
                    any = d;
                }
                continue;
            }
            boolean match;
            if (vex) {
                match = switch (d.prefix) {
                    case P66 -> vexPrefix == 1;
                    case PF3 -> vexPrefix == 2;
                    case PF2 -> vexPrefix == 3;
                    default -> vexPrefix == 0;
                };
            } else {
                match = switch (d.prefix) {
                    case P66 -> i.operandSizePrefix && i.rep == 0;
                    case PF3 -> i.rep == 0xf3;
                    case PF2 -> i.rep == 0xf2;
                    default -> !i.operandSizePrefix && i.rep == 0;
                };
            }
            if (match) {
                return d;
            }
        }
        return any;
    }

    private boolean offered(InsnDef d) {
        if (model == null) {
            return true;
        }
        for (int k = 0; k < d.features.size(); k++) {
            Feature f = d.features.get(k);
            if (!model.has(f)) {
                return false;
            }
        }
        return true;
    }

    private static int operandBits(Insn i, InsnDef d, int codeBits) {
        boolean prefix = i.operandSizePrefix && d.prefix != InsnDef.Prefix.P66;
        if (codeBits == 64) {
            if (d.f64 || i.rexW) {
                return 64;
            }
            return prefix ? 16 : d.d64 ? 64 : 32;
        }
        return (codeBits == 32) == prefix ? 16 : 32;
    }

    private void memory(Insn i, int modrm, int rex) {
        int mod = modrm >> 6;
        int rm = modrm & 7;
        if (i.addressBits == 16) {
            memory16(i, mod, rm);
            return;
        }
        int defaultSeg = CpuState.DS;
        int dispBytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
        if (rm == 4) {
            int sib = next();
            i.scale = sib >> 6;
            int index = sib >> 3 & 7 | (rex & 2) << 2;
            if (index != 4 || i.def.vsib) {
                i.indexReg = index;
            }
            int base = sib & 7;
            if (base == 5 && mod == 0) {
                dispBytes = 4;
            } else {
                if (base == 4 && (rex & 1) == 0 || base == 5 && (rex & 1) == 0) {
                    defaultSeg = CpuState.SS;
                }
                i.base = base | (rex & 1) << 3;
            }
        } else if (rm == 5 && mod == 0) {
            dispBytes = 4;
            if (i.codeBits == 64) {
                i.base = CpuState.IP;
            }
        } else {
            if (rm == 5 && (rex & 1) == 0) {
                defaultSeg = CpuState.SS;
            }
            i.base = rm | (rex & 1) << 3;
        }
        i.disp = signed(dispBytes);
        if (!i.segOverride) {
            i.seg = defaultSeg;
        }
    }

    private void memory16(Insn i, int mod, int rm) {
        int dispBytes = mod == 1 ? 1 : mod == 2 ? 2 : 0;
        int defaultSeg = CpuState.DS;
        switch (rm) {
            case 0, 1 -> i.base = CpuState.RBX;
            case 2, 3 -> {
                i.base = CpuState.RBP;
                defaultSeg = CpuState.SS;
            }
            case 4 -> i.base = CpuState.RSI;
            case 5 -> i.base = CpuState.RDI;
            case 6 -> {
                if (mod == 0) {
                    dispBytes = 2;
                } else {
                    i.base = CpuState.RBP;
                    defaultSeg = CpuState.SS;
                }
            }
            default -> i.base = CpuState.RBX;
        }
        if (rm < 4) {
            i.indexReg = (rm & 1) == 0 ? CpuState.RSI : CpuState.RDI;
        }
        i.disp = signed(dispBytes);
        if (!i.segOverride) {
            i.seg = defaultSeg;
        }
    }

    private long signed(int bytes) {
        long v = 0;
        for (int k = 0; k < bytes; k++) {
            v |= (long) next() << 8 * k;
        }
        int shift = 64 - 8 * bytes;
        return bytes == 0 ? 0 : v << shift >> shift;
    }

    private void operands(Insn i, int opcode, int rex) {
        OperandSpec[] specs = i.def.operands;
        if (specs.length == 0) {
            return;
        }
        Operand[] ops = new Operand[specs.length];
        boolean haveImm = false;
        for (int k = 0; k < specs.length; k++) {
            OperandSpec s = specs[k];
            int bits = s.bits(i.operandBits, i.vectorBits, i.codeBits == 64);
            int reg = i.modrm >> 3 & 7 | (rex & 4) << 1;
            int rm = i.modrm & 7 | (rex & 1) << 3;
            boolean registerForm = i.modrm >= 0xc0;
            ops[k] = switch (s.method) {
                case '!' -> new Operand(s.fixedKind, s.fixed, bits);
                case '1' -> {
                    i.imm = s.fixed;
                    yield new Operand(Operand.Kind.IMM, 0, bits);
                }
                case 'T' -> new Operand(Operand.Kind.ST, i.modrm & 7, 80);
                case 'E' -> registerForm ? gpr(rm, bits, rex) : new Operand(Operand.Kind.MEM, 0, bits);
                case 'R' -> gpr(rm, bits, rex);
                case 'G' -> gpr(reg, bits, rex);
                case 'B' -> gpr(i.vvvv, bits, rex);
                case 'Z' -> gpr(opcode & 7 | (rex & 1) << 3, bits, rex);
                case 'M' -> new Operand(Operand.Kind.MEM, 0, bits);
                case 'O' -> {
                    i.disp = signed(i.addressBits >>> 3);
                    yield new Operand(Operand.Kind.MEM, 0, bits);
                }
                case 'X' -> new Operand(Operand.Kind.SRC_STRING, 0, bits);
                case 'Y' -> new Operand(Operand.Kind.DST_STRING, 0, bits);
                case 'S' -> new Operand(Operand.Kind.SEG, i.modrm >> 3 & 7, bits);
                case 'C' -> new Operand(Operand.Kind.CR, reg, bits);
                case 'D' -> new Operand(Operand.Kind.DR, reg, bits);
                case 'P' -> new Operand(Operand.Kind.MMX, reg & 7, bits);
                case 'N' -> new Operand(Operand.Kind.MMX, rm & 7, bits);
                case 'Q' ->
                    registerForm ? new Operand(Operand.Kind.MMX, rm & 7, bits) : new Operand(Operand.Kind.MEM, 0, bits);
                case 'V' -> new Operand(Operand.Kind.XMM, reg, bits);
                case 'U' -> new Operand(Operand.Kind.XMM, rm, bits);
                case 'W' ->
                    registerForm ? new Operand(Operand.Kind.XMM, rm, bits) : new Operand(Operand.Kind.MEM, 0, bits);
                case 'H' -> new Operand(Operand.Kind.XMM, i.vvvv, bits);
                case 'L' -> {
                    i.imm = signed(1);
                    yield new Operand(Operand.Kind.XMM, (int) i.imm >> 4 & (i.codeBits == 64 ? 15 : 7), bits);
                }
                case 'J' -> {
                    // near branches in 64-bit mode ignore the operand-size prefix (Intel)
                    i.imm = signed(s.size.equals("b") ? 1 : i.operandBits == 16 ? 2 : 4);
                    yield new Operand(Operand.Kind.REL, 0, i.operandBits);
                }
                case 'A' -> {
                    i.imm = signed(i.operandBits >>> 3) & (i.operandBits == 16 ? 0xffffL : 0xffff_ffffL);
                    i.imm2 = signed(2) & 0xffff;
                    yield new Operand(Operand.Kind.FAR, 0, bits);
                }
                case 's' -> {
                    i.imm = signed(1);
                    haveImm = true;
                    yield new Operand(Operand.Kind.IMM, 0, i.operandBits);
                }
                case 'I' -> {
                    long v = signed(bits >>> 3);
                    if (haveImm) {
                        i.imm2 = v & 0xff;
                        yield new Operand(Operand.Kind.IMM2, 0, bits);
                    }
                    i.imm = v;
                    haveImm = true;
                    // a 32-bit immediate of a 64-bit operation is sign-extended
                    yield new Operand(Operand.Kind.IMM, 0, s.size.equals("z") ? i.operandBits : bits);
                }
                default -> throw new IllegalStateException(s.method + s.size);
            };
        }
        i.operands = ops;
        i.op0 = ops[0];
        i.r0 = ops[0].reg();
        if (ops.length > 1) {
            i.op1 = ops[1];
            i.r1 = ops[1].reg();
        }
    }

    private static Operand gpr(int reg, int bits, int rex) {
        if (bits == 8 && rex == 0 && reg >= 4) {
            return new Operand(Operand.Kind.GPR8H, reg - 4, 8);
        }
        return new Operand(Operand.Kind.GPR, reg, bits);
    }
}

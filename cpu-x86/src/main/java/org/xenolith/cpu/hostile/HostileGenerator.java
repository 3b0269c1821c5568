package org.xenolith.cpu.hostile;

import static org.xenolith.cpu.ControlRegisters.CR0_AM;
import static org.xenolith.cpu.ControlRegisters.CR0_EM;
import static org.xenolith.cpu.ControlRegisters.CR0_ET;
import static org.xenolith.cpu.ControlRegisters.CR0_MP;
import static org.xenolith.cpu.ControlRegisters.CR0_NE;
import static org.xenolith.cpu.ControlRegisters.CR0_PE;
import static org.xenolith.cpu.ControlRegisters.CR0_PG;
import static org.xenolith.cpu.ControlRegisters.CR0_TS;
import static org.xenolith.cpu.ControlRegisters.CR0_WP;
import static org.xenolith.cpu.ControlRegisters.CR4_DE;
import static org.xenolith.cpu.ControlRegisters.CR4_FSGSBASE;
import static org.xenolith.cpu.ControlRegisters.CR4_OSFXSR;
import static org.xenolith.cpu.ControlRegisters.CR4_OSXMMEXCPT;
import static org.xenolith.cpu.ControlRegisters.CR4_OSXSAVE;
import static org.xenolith.cpu.ControlRegisters.CR4_PAE;
import static org.xenolith.cpu.ControlRegisters.CR4_PCIDE;
import static org.xenolith.cpu.ControlRegisters.CR4_PGE;
import static org.xenolith.cpu.ControlRegisters.CR4_PSE;
import static org.xenolith.cpu.ControlRegisters.CR4_SMAP;
import static org.xenolith.cpu.ControlRegisters.CR4_SMEP;
import static org.xenolith.cpu.ControlRegisters.CR4_TSD;
import static org.xenolith.cpu.ControlRegisters.CR4_UMIP;
import static org.xenolith.cpu.ControlRegisters.EFER_LMA;
import static org.xenolith.cpu.ControlRegisters.EFER_LME;
import static org.xenolith.cpu.ControlRegisters.EFER_NXE;
import static org.xenolith.cpu.ControlRegisters.EFER_SCE;
import static org.xenolith.cpu.hostile.HostileProgram.CODE;
import static org.xenolith.cpu.hostile.HostileProgram.DATA;
import static org.xenolith.cpu.hostile.HostileProgram.FRAMES;
import static org.xenolith.cpu.hostile.HostileProgram.GDT;
import static org.xenolith.cpu.hostile.HostileProgram.HANDLERS;
import static org.xenolith.cpu.hostile.HostileProgram.IDT;
import static org.xenolith.cpu.hostile.HostileProgram.LDT;
import static org.xenolith.cpu.hostile.HostileProgram.PAE_PDPT;
import static org.xenolith.cpu.hostile.HostileProgram.PD;
import static org.xenolith.cpu.hostile.HostileProgram.PD32;
import static org.xenolith.cpu.hostile.HostileProgram.PDPT;
import static org.xenolith.cpu.hostile.HostileProgram.PML4;
import static org.xenolith.cpu.hostile.HostileProgram.PT;
import static org.xenolith.cpu.hostile.HostileProgram.PT32;
import static org.xenolith.cpu.hostile.HostileProgram.RAM;
import static org.xenolith.cpu.hostile.HostileProgram.STACK;
import static org.xenolith.cpu.hostile.HostileProgram.TSS;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.hostile.HostileProgram.Mode;
import org.xenolith.cpu.oracle.Random64;

/** Makes hostile programs: a machine set up as for the mode, with some of it spoiled. */
final class HostileGenerator {
    /** Selectors of the GDT, each with a ring-3 twin 30h further; then TSS and LDT. */
    private static final int CODE64 = 0x08;
    private static final int DATA32 = 0x10;
    private static final int CODE32 = 0x18;
    private static final int CODE16 = 0x20;
    private static final int DATA16 = 0x28;
    private static final int USER = 0x30;
    private static final int TSS_SELECTOR = 0x60;
    private static final int LDT_SELECTOR = 0x70;
    private static final int GATE = 0x80;
    private static final int ATTR_CODE64 = 0xa09b;
    private static final int ATTR_CODE32 = 0xc09b;
    private static final int ATTR_CODE16 = 0x009b;
    private static final int ATTR_DATA32 = 0xc093;
    private static final int ATTR_DATA16 = 0x0093;
    private static final int UNUSABLE = 0x1_0000;
    private static final long HIGH = 0xffff_8000_0000_0000L;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int[] ERROR_VECTORS = {8, 10, 11, 12, 13, 14, 17, 21, 29, 30};

    private final Random64 random = new Random64(0);
    private final HostileCode code;
    private final byte[] pristine = new byte[RAM];
    private long stocked = -1;
    private final Map<String, byte[]> handlerPages = new HashMap<>();

    HostileGenerator(InstructionTable table, Decoder decoder) {
        code = new HostileCode(random, table, decoder);
        random.reseed(0x1dea);
        for (int i = DATA; i < RAM; i += 8) {
            put64(pristine, i, random.lane());
        }
        // Code that runs on past its end halts.
        Arrays.fill(pristine, CODE, DATA, (byte) 0xf4);
        tables(pristine);
    }

    /** Makes program {@code number} of a seed. */
    void generate(long seed, long number, HostileProgram p) {
        if (seed != stocked) {
            random.reseed(seed);
            code.restock();
            stocked = seed;
        }
        random.reseed(Random64.caseSeed(seed, number));
        System.arraycopy(pristine, 0, p.ram, 0, RAM);
        Mode[] modes = Mode.values();
        int kind = random.below(16);
        p.mode = kind < 6 ? Mode.LONG : modes[random.below(modes.length)];
        boolean real = p.mode == Mode.REAL || p.mode == Mode.UNREAL;
        p.ring = real ? 0 : p.mode == Mode.VIRTUAL_8086 ? 3 : random.oneIn(16) ? 1 : 3 * random.below(2);
        control(p);
        segments(p);
        registers(p);
        interruptTable(p);
        handlers(p);
        spoil(p);
        int from = (int) p.start() & RAM - 1;
        code.fill(p.ram, from, Math.min(RAM, from + 48 + random.below(160)), p.codeBits());
        if (random.oneIn(4)) {
            int also = CODE + random.below(0x3e00);
            code.fill(p.ram, also, also + 100, p.codeBits());
        }
        p.budget = 20 + random.below(random.oneIn(8) ? 600 : 120);
        p.stops = new int[random.below(4)];
        for (int i = 0; i < p.stops.length; i++) {
            p.stops[i] = 1 + random.below(40);
        }
        p.nmi = random.oneIn(32);
        p.interrupt = random.oneIn(4) ? 32 + random.below(224) : -1;
    }

    // ---- the usual tables ----

    private static void put64(byte[] ram, int at, long v) {
        LONG.set(ram, at, v);
    }

    private static void put32(byte[] ram, int at, long v) {
        INT.set(ram, at, (int) v);
    }

    private static long descriptor(long base, long limit, int attributes) {
        return limit & 0xffff | (base & 0xff_ffff) << 16 | (long) attributes << 40 | (limit >> 16 & 15) << 48
                | (base >> 24 & 0xff) << 56;
    }

    private static void tables(byte[] ram) {
        for (int dpl = 0; dpl < 4; dpl += 3) {
            int at = GDT + (dpl == 0 ? 0 : USER);
            put64(ram, at + CODE64, descriptor(0, 0xfffff, ATTR_CODE64 | dpl << 5));
            put64(ram, at + DATA32, descriptor(0, 0xfffff, ATTR_DATA32 | dpl << 5));
            put64(ram, at + CODE32, descriptor(0, 0xfffff, ATTR_CODE32 | dpl << 5));
            put64(ram, at + CODE16, descriptor(CODE, 0xffff, ATTR_CODE16 | dpl << 5));
            put64(ram, at + DATA16, descriptor(DATA, 0xffff, ATTR_DATA16 | dpl << 5));
        }
        put64(ram, GDT + TSS_SELECTOR, descriptor(TSS, 0x7ff, 0x8b));
        put64(ram, GDT + LDT_SELECTOR, descriptor(LDT, 0x7f, 0x82));
        // Call gate, task gate, available TSS, conforming code, expand-down data, not present
        put64(ram, GDT + GATE, 0x0000_ec00_0008_c100L);
        put64(ram, GDT + GATE + 0x10, 0x0000_e500_0060_0000L);
        put64(ram, GDT + GATE + 0x18, descriptor(TSS + 0x400, 0x3ff, 0x89));
        put64(ram, GDT + GATE + 0x20, descriptor(0, 0xfffff, ATTR_CODE32 | 4));
        put64(ram, GDT + GATE + 0x28, descriptor(0, 0xf, ATTR_DATA32 | 4));
        put64(ram, GDT + GATE + 0x30, descriptor(0, 0xfffff, ATTR_DATA32 & ~0x80));
        for (int i = 0; i < 8; i++) {
            put64(ram, LDT + 8 * i, descriptor(0, 0xfffff, (i & 1) == 0 ? ATTR_CODE32 : ATTR_DATA32 | 0x60));
        }
        put32(ram, TSS + 4, STACK + 0x400);
        put32(ram, TSS + 8, DATA32);
        for (int i = 0; i < 8; i++) {
            put64(ram, TSS + 28 + 8 * i, STACK + 0x800 + 0x100 * i);
        }
        put64(ram, PML4, PDPT | 7);
        put64(ram, PML4 + 8 * 256, PDPT | 7);
        put64(ram, PML4 + 8 * 510, PML4 | 7);
        put64(ram, PDPT, PD | 7);
        put64(ram, PD, PT | 7);
        for (int i = 0; i < 4; i++) {
            put64(ram, PAE_PDPT + 8 * i, PD | 1);
        }
        put32(ram, PD32, PT32 | 7);
        put32(ram, PD32 + 4 * 1022, PD32 | 7);
        for (int i = 0; i < 64; i++) {
            // Frames past RAM are devices.
            put64(ram, PT + 8 * i, (long) i << 12 | 7);
            put32(ram, PT32 + 4 * i, (long) i << 12 | 7);
        }
    }

    // ---- one program ----

    private static boolean longMode(HostileProgram p) {
        return p.mode == Mode.LONG || p.mode == Mode.COMPATIBILITY;
    }

    private static boolean paged(HostileProgram p) {
        return longMode(p) || p.mode == Mode.PAE || p.mode == Mode.PAGED_32;
    }

    private long some(long... bits) {
        long v = 0;
        for (long b : bits) {
            v |= random.oneIn(4) ? b : 0;
        }
        return v;
    }

    private long mostly(long... bits) {
        long v = 0;
        for (long b : bits) {
            v |= random.oneIn(8) ? 0 : b;
        }
        return v;
    }

    private void control(HostileProgram p) {
        boolean real = p.mode == Mode.REAL || p.mode == Mode.UNREAL;
        p.cr0 = CR0_ET | (real ? 0 : CR0_PE) | (paged(p) ? CR0_PG : 0) | mostly(CR0_NE, CR0_MP, CR0_WP) | some(CR0_AM)
                | (random.oneIn(16) ? some(CR0_EM, CR0_TS) : 0);
        p.cr4 = mostly(CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_OSXSAVE, CR4_PSE, CR4_PGE)
                | some(CR4_TSD, CR4_DE, CR4_UMIP, CR4_SMEP, CR4_SMAP, CR4_FSGSBASE);
        p.efer = some(EFER_SCE, EFER_NXE);
        if (longMode(p)) {
            p.cr4 |= CR4_PAE | some(CR4_PCIDE);
            p.efer |= EFER_LME | EFER_LMA | mostly(EFER_NXE, EFER_SCE);
            p.cr3 = PML4;
        } else if (p.mode == Mode.PAE) {
            p.cr4 |= CR4_PAE;
            p.cr3 = PAE_PDPT;
        } else {
            p.cr3 = p.mode == Mode.PAGED_32 || random.oneIn(2) ? PD32 : random.integer() & 0xffff_ffffL;
        }
        if (p.ring == 0 && (p.cr4 & CR4_SMEP) != 0 && random.oneIn(2)) {
            p.cr4 &= ~CR4_SMEP;
        }
        p.xcr0 = random.oneIn(8) ? 1 : random.oneIn(4) ? 3 : 7;
        for (int i = 0; i < 4; i++) {
            p.dr[i] = (long) CODE + random.below(0x8000);
        }
        p.dr[6] = 0xffff_0ff0L;
        p.dr[7] = 0x400 | (random.oneIn(32) ? random.next() & 0xffff_03ffL : 0);
        p.star = (long) CODE32 << 48 | (long) CODE64 << 32 | random.next() & 0xffff_ffffL;
        p.lstar = random.oneIn(16) ? random.integer() << 16 >> 16 : CODE + random.below(0x4000);
        p.sysenterEip = (long) CODE + random.below(0x4000);
        p.random = random.next();
    }

    private void segments(HostileProgram p) {
        int rpl = p.ring;
        int twin = rpl == 0 ? 0 : USER;
        int dpl = rpl << 5;
        for (int s = CpuState.ES; s <= CpuState.GS; s++) {
            switch (p.mode) {
                case REAL, UNREAL, VIRTUAL_8086 -> {
                    p.selector[s] = s == CpuState.CS
                            ? CODE >> 4
                            : s == CpuState.SS ? STACK - 0x2000 >> 4 : random.below(0x1c00);
                    p.base[s] = (long) p.selector[s] << 4;
                    p.limit[s] = p.mode == Mode.UNREAL && s != CpuState.CS ? 0xffff_ffffL : 0xffff;
                    p.attributes[s] = p.mode == Mode.VIRTUAL_8086 ? 0xf3 : 0x93;
                }
                case PROTECTED_16 -> {
                    p.selector[s] = (s == CpuState.CS ? CODE16 : DATA16) + twin | rpl;
                    p.base[s] = s == CpuState.CS ? CODE : DATA;
                    p.limit[s] = random.oneIn(8) ? random.below(0x10000) : 0xffff;
                    p.attributes[s] = (s == CpuState.CS ? ATTR_CODE16 : ATTR_DATA16) | dpl;
                }
                default -> {
                    boolean cs = s == CpuState.CS;
                    boolean wide = p.mode == Mode.LONG;
                    p.selector[s] = (cs ? wide ? CODE64 : CODE32 : DATA32) + twin | rpl;
                    boolean flat = wide || !random.oneIn(8);
                    p.base[s] = flat ? 0 : random.below(0x1000);
                    p.limit[s] = flat ? 0xffff_ffffL : random.oneIn(2) ? random.below(RAM) : 0xffff_ffffL;
                    p.attributes[s] = (cs ? wide ? ATTR_CODE64 : ATTR_CODE32 : ATTR_DATA32) | dpl;
                    if (!flat && !cs && random.oneIn(4)) {
                        p.attributes[s] |= 4;
                    }
                }
            }
        }
        if (p.mode == Mode.LONG && !random.oneIn(8)) {
            p.base[CpuState.FS] = random.oneIn(2) ? DATA : random.integer() << 16 >> 16;
            p.base[CpuState.GS] = random.oneIn(2) ? DATA + 64 : random.integer() << 16 >> 16;
        }
        p.selector[CpuState.LDTR] = LDT_SELECTOR;
        p.base[CpuState.LDTR] = LDT;
        p.limit[CpuState.LDTR] = 0x7f;
        p.attributes[CpuState.LDTR] = random.oneIn(4) ? UNUSABLE : 0x82;
        p.selector[CpuState.TR] = TSS_SELECTOR;
        p.base[CpuState.TR] = TSS;
        p.limit[CpuState.TR] = random.oneIn(8) ? random.below(0x100) : 0x7ff;
        p.attributes[CpuState.TR] = 0x8b;
        p.gdtLimit = random.oneIn(8) ? random.below(0x200) : 0xff;
    }

    private long pointer() {
        long at = switch (random.below(8)) {
            case 0 -> random.below(RAM);
            case 1 -> (random.below(FRAMES) << 12) - random.below(32);
            case 2 -> CODE + random.below(0x4000);
            case 3 -> random.below(0x4_0000);
            default -> DATA + random.below(STACK - DATA);
        };
        return random.oneIn(2) ? at & -16 : at;
    }

    private void registers(HostileProgram p) {
        for (int i = 0; i < 16; i++) {
            long v = switch (random.below(8)) {
                case 0 -> random.integer();
                case 1 -> random.below(64);
                case 2 -> 8 * random.below(0x18) | random.below(4);
                case 3 -> pointer() | HIGH;
                default -> pointer();
            };
            boolean wide = p.mode == Mode.LONG || random.oneIn(8);
            p.gpr[i] = wide ? v : v & 0xffff_ffffL;
        }
        long stack = STACK + 0x1000L + (random.below(0x2000) & -8);
        boolean based = p.codeBits() == 16;
        if (!random.oneIn(16)) {
            p.gpr[CpuState.RSP] = based ? stack & 0x3fff : stack;
        }
        if (p.mode == Mode.PROTECTED_16) {
            p.gpr[CpuState.RSP] = 0xc000L + random.below(0x2000);
        }
        p.rip = (long) random.below(0x3c00) + (p.mode == Mode.REAL || p.mode == Mode.UNREAL || based ? 0 : CODE);
        for (int i = 0; i < 64; i++) {
            p.ymm[i] = random.lane();
        }
        for (int i = 0; i < 16; i += 2) {
            p.fpr[i] = random.significand80();
            p.fpr[i + 1] = random.exponent80();
        }
        p.mxcsr = random.oneIn(2) ? 0x1f80 : random.below(0x10000);
        p.fcw = random.oneIn(2) ? 0x37f : random.below(0x2000) | 0x40;
        p.fsw = random.oneIn(2) ? 0 : random.below(0x10000) & 0x477f;
        p.ftw = random.below(256);
        p.ftop = random.below(8);
        p.rflags = Flags.FIXED | random.next() & Flags.ARITHMETIC | some(Flags.IF, Flags.DF, Flags.NT, Flags.ID)
                | (random.oneIn(16) ? some(Flags.TF, Flags.RF, Flags.AC) : 0) | (long) random.below(4) << 12
                | (p.mode == Mode.VIRTUAL_8086 ? Flags.VM : 0);
    }

    private void interruptTable(HostileProgram p) {
        boolean real = p.mode == Mode.REAL || p.mode == Mode.UNREAL;
        boolean wide = longMode(p);
        p.idtBase = real ? 0 : IDT;
        p.idtLimit = random.oneIn(16) ? random.below(0x200) : wide ? 0xfff : real ? 0x3ff : 0x7ff;
        System.arraycopy(real ? vectors : wide ? gates64 : gates32, 0, p.ram, real ? 0 : IDT, real ? 1024 : 4096);
        if (p.interrupt >= 0) {
            gate(p.ram, p.interrupt, real, wide, HANDLERS + 16 * p.interrupt);
        }
        for (int n = real ? 0 : random.below(4); n > 0; n--) {
            p.ram[IDT + random.below(wide ? 512 : 256)] ^= (byte) (1 << random.below(8));
        }
    }

    private final byte[] vectors = usual(true, false);
    private final byte[] gates32 = usual(false, false);
    private final byte[] gates64 = usual(false, true);

    /** A table in which all vectors above 63 have one handler. */
    private static byte[] usual(boolean real, boolean wide) {
        byte[] ram = new byte[IDT + 4096];
        for (int v = 0; v < 256; v++) {
            gate(ram, v, real, wide, HANDLERS + 16 * Math.min(v, 64));
        }
        return Arrays.copyOfRange(ram, real ? 0 : IDT, real ? 1024 : IDT + 4096);
    }

    private static void gate(byte[] ram, int v, boolean real, boolean wide, int handler) {
        if (real) {
            put32(ram, 4 * v, (long) HANDLERS >> 4 << 16 | handler - HANDLERS);
            return;
        }
        long type = v == Vector.BP || v == Vector.OF || v > 32 ? 0xee : 0x8e;
        long gate = handler & 0xffff | (wide ? (long) CODE64 : CODE32) << 16 | type << 40;
        put64(ram, IDT + (wide ? 16 : 8) * v, gate);
    }

    /** Handlers that halt, that go on a byte further, that return, or that are as bad as the program. */
    private void handlers(HostileProgram p) {
        int kind = random.below(8);
        boolean real = p.mode == Mode.REAL || p.mode == Mode.UNREAL;
        boolean wide = longMode(p);
        byte[] page = handlerPages.computeIfAbsent(Math.min(kind, 3) + (real ? "r" : wide ? "w" : ""),
                key -> handlerPage(kind, real, wide));
        System.arraycopy(page, 0, p.ram, HANDLERS, 4096);
    }

    private byte[] handlerPage(int kind, boolean real, boolean wide) {
        byte[] r = new byte[4096];
        for (int v = 0; v < 256; v++) {
            int at = 16 * v;
            if (kind == 0) {
                Arrays.fill(r, at, at + 16, (byte) 0xf4);
                continue;
            }
            if (kind == 1) {
                put64(r, at, Random64.caseSeed(1, at));
                put64(r, at + 8, Random64.caseSeed(2, at));
                continue;
            }
            if (real) {
                // PUSH BP; MOV BP,SP; INC word [BP+2]; POP BP; IRET
                put64(r, at, 0xcf5d_0246_ffe5_8955L);
                continue;
            }
            if (Arrays.binarySearch(ERROR_VECTORS, v) >= 0) {
                // ADD rSP, 8 or 4
                if (wide) {
                    r[at++] = 0x48;
                }
                r[at++] = (byte) 0x83;
                r[at++] = (byte) 0xc4;
                r[at++] = (byte) (wide ? 8 : 4);
            }
            if (kind != 2) {
                // INC qword or dword [rSP]
                if (wide) {
                    r[at++] = 0x48;
                }
                r[at++] = (byte) 0xff;
                r[at++] = 0x04;
                r[at++] = 0x24;
            }
            if (wide) {
                r[at++] = 0x48;
            }
            r[at] = (byte) 0xcf;
        }
        return r;
    }

    private void spoil(HostileProgram p) {
        for (int n = random.oneIn(2) ? 0 : 1 + random.below(6); n > 0; n--) {
            int table = switch (random.below(8)) {
                case 0 -> PML4 + 8 * (random.oneIn(2) ? 0 : 256);
                case 1 -> PDPT;
                case 2 -> PD;
                case 3 -> random.oneIn(2) ? PD32 : PAE_PDPT + 8 * random.below(4);
                case 4 -> PT32 + 8 * random.below(16);
                default -> PT + 8 * random.below(FRAMES);
            };
            long entry = (long) LONG.get(p.ram, table);
            put64(p.ram, table, switch (random.below(8)) {
                case 0 -> random.next();
                case 1 -> random.below(16) << 12 | 7;
                case 2 -> entry & ~(1L << random.below(3));
                case 3 -> entry | 0x80;
                case 4 -> entry | 1L << 63;
                case 5 -> (long) table & -4096L | 7;
                default -> entry ^ 1L << random.below(64);
            });
        }
        for (int n = random.oneIn(4) ? 1 + random.below(4) : 0; n > 0; n--) {
            int at = random.oneIn(4) ? TSS + 4 * random.below(30) : GDT + 8 * random.below(24);
            p.ram[at + random.below(8)] ^= (byte) (1 << random.below(8));
        }
        if (random.oneIn(32)) {
            int from = random.below(FRAMES) << 12;
            for (int i = 0; i < 4096; i += 8) {
                put64(p.ram, from + i, random.next());
            }
        }
    }
}

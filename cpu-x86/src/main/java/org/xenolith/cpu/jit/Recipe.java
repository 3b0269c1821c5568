package org.xenolith.cpu.jit;

import java.util.Set;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.OperandSpec;

/**
 * How a row of the instruction table is translated. Computing instructions are copied to the host with registers renamed and memory operands
 * rewritten; a few have a sequence of their own; the interpreter does the rest.
 */
enum Recipe {
    /** Same opcode, registers renamed, memory through the TLB. */
    COPY,
    NOP, LEA, INC_DEC, MOV_IMMEDIATE, MOV_OFFSET, BSWAP, XCHG_RAX, SHIFT_CL, DIVIDE, BIT_SCAN, BIT_TEST, XCHG,
    CMPXCHG16B, PUSH,
    POP, LEAVE, JCC, JCXZ, JMP, CALL, RET, STRING, SCAN, PUSHF, CLD, CLI, STI, SWAPGS, FROM_SEGMENT, ACCESS, SYSCALL,
    SYSRET,
    RDTSC,
    SEGMENT_BASE,
    FNSTCW, COMPARE_STRINGS, X87, FLDCW, FNSTSW, FWAIT, MMX,
    /** One instruction in the interpreter. */
    INTERPRET;

    private static final Set<String> GENERAL = Set.of("ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST",
            "NOT", "NEG", "INC",
            "DEC", "MOV", "MOVZX", "MOVSX", "MOVSXD", "IMUL", "MUL", "POPCNT", "TZCNT", "LZCNT", "XADD", "CMPXCHG",
            "MOVNTI", "CBW", "CWD",
            "CLC", "STC", "CMC", "LAHF", "SAHF", "MOVBE", "CRC32", "ANDN", "BEXTR", "BLSI", "BLSMSK", "BLSR", "BZHI",
            "MULX", "PDEP", "PEXT", "RORX", "SARX",
            "SHLX", "SHRX", "ADCX", "ADOX");
    private static final Set<String> SHIFTS = Set.of("SHL", "SHR", "SAR", "ROL", "ROR", "SHLD", "SHRD");
    private static final Set<String> BIT_TESTS = Set.of("BT", "BTS", "BTR", "BTC");
    private static final Set<String> NOTHING = Set.of("NOP", "PAUSE", "ENDBR64", "ENDBR32", "PREFETCHT0", "PREFETCHT1",
            "PREFETCHT2",
            "PREFETCHNTA", "PREFETCHW", "PREFETCHWT1", "PREFETCH", "LFENCE", "MFENCE", "SFENCE");
    /** x87 instructions whose results are the same on every host. */
    private static final Set<String> STACK = Set.of("FADD", "FADDP", "FIADD", "FMUL", "FMULP", "FIMUL", "FSUB", "FSUBP",
            "FISUB", "FSUBR", "FSUBRP", "FISUBR", "FDIV", "FDIVP", "FIDIV", "FDIVR", "FDIVRP", "FIDIVR", "FCHS", "FABS",
            "FSQRT", "FRNDINT", "FCOM", "FCOMP", "FICOM", "FICOMP", "FCOMPP", "FUCOM", "FUCOMP", "FUCOMPP", "FUCOMI",
            "FCOMI", "FUCOMIP", "FCOMIP", "FTST", "FXAM", "FLD", "FILD", "FST", "FSTP", "FIST", "FISTP", "FISTTP",
            "FXCH",
            "FCMOVB", "FCMOVE", "FCMOVBE", "FCMOVU", "FCMOVNB", "FCMOVNE", "FCMOVNBE", "FCMOVNU", "FLD1", "FLDL2T",
            "FLDL2E", "FLDPI", "FLDLG2", "FLDLN2", "FLDZ", "FDECSTP", "FINCSTP", "FFREE", "FNOP");
    /** Second encodings that the manuals do not name. */
    private static final Set<String> ALIASES = Set.of("DC D0+i", "DC D8+i", "DE D0+i", "DF D0+i", "DF D8+i", "DD C8+i",
            "DF C8+i");
    /** Vector instructions with implicit registers, side effects, or results that differ between hosts. */
    private static final Set<String> NOT_VECTOR = Set.of("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS", "VRCPPS", "VRCPSS",
            "VRSQRTPS",
            "VRSQRTSS", "MASKMOVDQU", "VMASKMOVDQU", "VMASKMOVPS", "VMASKMOVPD", "VPMASKMOVD", "VPMASKMOVQ",
            "PCMPESTRI", "PCMPESTRM",
            "PCMPISTRI", "PCMPISTRM", "VPCMPESTRI", "VPCMPESTRM", "VPCMPISTRI", "VPCMPISTRM", "LDMXCSR", "STMXCSR",
            "VLDMXCSR", "VSTMXCSR");

    /** The recipe of a row, before the operands of the single instruction are looked at. */
    static Recipe of(InsnDef d) {
        String m = d.mnemonic();
        if (NOTHING.contains(m)) {
            return NOP;
        }
        if (m.equals("SWAPGS")) {
            return SWAPGS;
        }
        if (m.equals("FNSTCW")) {
            return FNSTCW;
        }
        if (m.equals("MOVS") || m.equals("STOS")) {
            return STRING;
        }
        if (m.equals("LODS") || m.equals("SCAS") || m.equals("CMPS")) {
            return SCAN;
        }
        if (m.equals("FWAIT")) {
            return FWAIT;
        }
        if (d.privileged() || d.rep() || d.vsib()) {
            return INTERPRET;
        }
        if ((d.needs() & InsnDef.NEEDS_X87) != 0) {
            return x87(d);
        }
        if ((d.needs() & InsnDef.NEEDS_MMX) != 0) {
            return mmx(d);
        }
        if ((d.needs() & (InsnDef.NEEDS_SSE | InsnDef.NEEDS_AVX)) != 0) {
            return vector(d);
        }
        // frequent ones that a hypervisor in the guest may want are translated for modes in which none does
        if ((d.needs() & ~InsnDef.NEEDS_VM_OFTEN) != 0) {
            return INTERPRET;
        }
        if (isShift(d)) {
            return d.operandText().endsWith("CL") ? SHIFT_CL : COPY;
        }
        if (BIT_TESTS.contains(m)) {
            return d.operands()[1].method() == 'G' ? BIT_TEST : COPY;
        }
        return switch (m) {
            case "LEA" -> LEA;
            case "PUSHF" -> PUSHF;
            case "CLD" -> CLD;
            case "CLI" -> CLI;
            case "STAC", "CLAC" -> ACCESS;
            case "RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE" -> SEGMENT_BASE;
            case "SYSCALL" -> SYSCALL;
            case "SYSRET" -> SYSRET;
            case "RDTSC", "RDTSCP" -> RDTSC;
            case "STI" -> STI;
            case "PUSH" -> PUSH;
            case "POP" -> POP;
            case "LEAVE" -> LEAVE;
            case "LOOP", "JCXZ" -> JCXZ;
            case "JMP" -> d.operands()[0].method() == 'J' || d.digit() == 4 ? JMP : INTERPRET;
            case "CALL" -> d.operands()[0].method() == 'J' || d.digit() == 2 ? CALL : INTERPRET;
            case "RET" -> d.opcode() == 0xc3 || d.opcode() == 0xc2 ? RET : INTERPRET;
            case "DIV", "IDIV" -> DIVIDE;
            case "BSF", "BSR" -> BIT_SCAN;
            case "BSWAP" -> BSWAP;
            case "XCHG" -> d.opcodeReg() ? XCHG_RAX : XCHG;
            case "CMPXCHG16B", "CMPXCHG8B" -> CMPXCHG16B;
            default -> other(d);
        };
    }

    private static Recipe other(InsnDef d) {
        String m = d.mnemonic();
        if (m.startsWith("J") && d.flagsRead() != 0 && d.operands().length == 1) {
            return JCC;
        }
        if (!m.startsWith("SET") && !m.startsWith("CMOV") && !GENERAL.contains(m)) {
            return INTERPRET;
        }
        if (m.equals("MOV") && d.operands().length == 2 && d.operands()[1].method() == 'S') {
            return FROM_SEGMENT;
        }
        for (OperandSpec s : d.operands()) {
            if ("SCDP".indexOf(s.method()) >= 0) {
                return INTERPRET;
            }
            if (s.method() == 'O') {
                return MOV_OFFSET;
            }
        }
        if (d.opcodeReg()) {
            return m.equals("MOV") ? MOV_IMMEDIATE : m.equals("INC") || m.equals("DEC") ? INC_DEC : INTERPRET;
        }
        return COPY;
    }

    private static Recipe x87(InsnDef d) {
        return switch (d.mnemonic()) {
            case "FLDCW" -> FLDCW;
            case "FNSTSW" -> FNSTSW;
            default -> STACK.contains(d.mnemonic()) && !ALIASES.contains(d.encoding()) ? X87 : INTERPRET;
        };
    }

    /** Conversions between MMX and XMM registers are not all a transition to MMX. */
    private static Recipe mmx(InsnDef d) {
        return d.mnemonic().startsWith("CVT") || d.mnemonic().equals("MASKMOVQ") ? INTERPRET : MMX;
    }

    /** True for instructions with x87 or MMX registers. */
    boolean x87() {
        return this == X87 || this == FLDCW || this == FNSTSW || this == MMX;
    }

    private static Recipe vector(InsnDef d) {
        if (d.mnemonic().endsWith("STRI")) {
            return COMPARE_STRINGS;
        }
        if (NOT_VECTOR.contains(d.mnemonic())) {
            return INTERPRET;
        }
        for (OperandSpec s : d.operands()) {
            if ("VWUEGMIHLB!sR".indexOf(s.method()) < 0) {
                return INTERPRET;
            }
        }
        return d.modrm() || d.mnemonic().equals("VZEROUPPER") || d.mnemonic().equals("VZEROALL") ? COPY : INTERPRET;
    }

    static boolean isShift(InsnDef d) {
        return SHIFTS.contains(d.mnemonic());
    }

    /** True when an operand is AH, CH, DH or BH. */
    static boolean highByte(Insn i) {
        for (int k = 0; k < i.operandCount(); k++) {
            if (i.operand(k).kind() == Operand.Kind.GPR8H) {
                return true;
            }
        }
        return false;
    }
}

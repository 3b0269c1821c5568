package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;

import java.util.Locale;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.disasm.Disassembler;

/** Says in words how the interpreter's state and that of host code differ. */
final class LockstepReport {
    private static final String[] GENERAL = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10",
        "r11", "r12", "r13", "r14", "r15"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    private static final String ROW = "  %-22s %-34s %s%n";
    private static final int MAX_WRITES = 16;

    private final Cpu cpu;
    private final CodeText code;
    private final WriteJournal journal;
    private final long state;
    private final long expected;

    /** @param expected address of the state that the interpreter left; the CPU's own is the host code's */
    LockstepReport(Cpu cpu, CodeText code, WriteJournal journal, long state, long expected) {
        this.cpu = cpu;
        this.code = code;
        this.journal = journal;
        this.state = state;
        this.expected = expected;
    }

    /**
     * The difference between the states at hand.
     *
     * @param t the block
     * @param k its first instruction after which the tiers differ
     * @param interpreted instructions that the interpreter retired
     * @param host instructions that host code retired
     * @param start instructions retired before
     */
    LockstepDifference of(Translation t, int k, long start, long interpreted, long host, int area) {
        Insn i = t.block.insns()[k];
        String where = String.format(Locale.ROOT, "after instruction %,d of vCPU %d: %s at %x: %s",
                start + interpreted, cpu.id(), i.def().mnemonic(), t.ripOf(k),
                Disassembler.format(i, t.ripOf(k)).replaceAll(" +", " "));
        StringBuilder b = new StringBuilder();
        b.append(String.format(Locale.ROOT, ROW, "", "interpreter", "host code"));
        if (interpreted != host) {
            b.append(String.format(Locale.ROOT, ROW, "instructions", interpreted, host));
        }
        registers(b, area);
        writes(b);
        b.append('\n').append(code.of(t));
        return new LockstepDifference("interpreter and host code differ " + where, b.toString());
    }

    private void registers(StringBuilder b, int area) {
        long flags = flags(expected);
        long hostFlags = flags(state);
        if (flags != hostFlags) {
            b.append(String.format(Locale.ROOT, ROW, "rflags", Long.toHexString(flags) + names(flags),
                    Long.toHexString(hostFlags) + names(hostFlags)));
        }
        for (int at = 0; at < area; at += 8) {
            long e = get64(expected + at);
            long h = get64(state + at);
            if (e != h && at != CpuState.FLAG_RESULT && at != CpuState.FLAG_AUX && at != CpuState.SYSTEM_FLAGS) {
                b.append(String.format(Locale.ROOT, "  %-22s %016x%18s %016x%n", name(at), e, "", h));
            }
        }
    }

    private static long flags(long s) {
        return get32(s + CpuState.SYSTEM_FLAGS)
                | Flags.materialize(get64(s + CpuState.FLAG_RESULT), get64(s + CpuState.FLAG_AUX));
    }

    private static String names(long flags) {
        return ((flags & Flags.CF) != 0 ? " cf" : "") + ((flags & Flags.PF) != 0 ? " pf" : "")
                + ((flags & Flags.AF) != 0 ? " af" : "") + ((flags & Flags.ZF) != 0 ? " zf" : "")
                + ((flags & Flags.SF) != 0 ? " sf" : "") + ((flags & Flags.OF) != 0 ? " of" : "");
    }

    /** What lies at an offset of the state. */
    private static String name(int at) {
        if (at < CpuState.RIP) {
            return GENERAL[at >> 3];
        }
        if (at >= CpuState.YMM) {
            int lane = (at - CpuState.YMM & 31) * 8;
            return String.format(Locale.ROOT, "ymm%d[%d:%d]", at - CpuState.YMM >> 5, lane + 63, lane);
        }
        if (at >= CpuState.SEGMENT && at < CpuState.GDTR_BASE) {
            int segment = (at - CpuState.SEGMENT) / CpuState.SEGMENT_SIZE;
            String part = switch ((at - CpuState.SEGMENT) % CpuState.SEGMENT_SIZE) {
                case CpuState.SEGMENT_BASE -> "base";
                case CpuState.SEGMENT_LIMIT -> "limit";
                default -> "selector";
            };
            return SEGMENTS[segment] + "." + part;
        }
        return switch (at) {
            case CpuState.RIP -> "rip";
            case CpuState.MXCSR -> "mxcsr";
            case CpuState.CR2 -> "cr2";
            case CpuState.KERNEL_GS_BASE -> "kernel_gs_base";
            default -> String.format(Locale.ROOT, "state+%x", at);
        };
    }

    private void writes(StringBuilder b) {
        int shown = 0;
        for (int k = journal.difference(0); k >= 0 && shown < MAX_WRITES; k = journal.difference(k + 1)) {
            int digits = 2 * journal.bytes(k);
            b.append(String.format(Locale.ROOT, "  %-22s %-34s %s%n",
                    String.format(Locale.ROOT, "[%x]", journal.address(k)), hex(journal.expected(k), digits),
                    hex(journal.now(k), digits)));
            shown++;
        }
    }

    private static String hex(long v, int digits) {
        return String.format(Locale.ROOT, "%0" + digits + "x", v);
    }
}

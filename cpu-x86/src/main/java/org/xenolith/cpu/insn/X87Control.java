package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * FWAIT and the x87 control instructions: FINIT, FCLEX, control and status word, environment, FSAVE and FRSTOR.
 *
 * <p>None of them records last-instruction pointers; those with N in their name do not take a pending exception. The four layouts of the
 * environment are those of SDM vol. 1, figures 8-9 to 8-12; reserved halves of the 32-bit ones are stored as ones.
 */
final class X87Control {
    private static final int RESERVED = 0xffff_0000;
    private static final int ALL_MASKS = 0x3f;
    private static final int REGISTER_BYTES = 80;

    private X87Control() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("FWAIT",   "9B",    "",     "", X87Control::fwait);
        t.add("FLDENV",  "D9 /4", "M:r",  "x87 fpu", X87Control::fldenv);
        t.add("FLDCW",   "D9 /5", "Mw:r", "x87 fpu", X87Control::fldcw);
        t.add("FNSTENV", "D9 /6", "M:w",  "x87 fpu", X87Control::fnstenv);
        t.add("FNSTCW",  "D9 /7", "Mw:w", "x87 fpu", X87Control::fnstcw);
        t.add("FRSTOR",  "DD /4", "M:r",  "x87 fpu", X87Control::frstor);
        t.add("FNSAVE",  "DD /6", "M:w",  "x87 fpu", X87Control::fnsave);
        t.add("FNSTSW",  "DD /7", "Mw:w", "x87 fpu", X87Control::fnstsw);
        t.add("FNSTSW",  "DF E0", "AX:w", "x87 fpu", X87Control::fnstsw);
        // 8087 and 80287 instructions that later processors ignore
        t.add("FNENI",   "DB E0", "",     "x87 fpu", X87Control::ignore);
        t.add("FNDISI",  "DB E1", "",     "x87 fpu", X87Control::ignore);
        t.add("FNCLEX",  "DB E2", "",     "x87 fpu", X87Control::fnclex);
        t.add("FNINIT",  "DB E3", "",     "x87 fpu", X87Control::fninit);
        t.add("FNSETPM", "DB E4", "",     "x87 fpu", X87Control::ignore);
        // @formatter:on
    }

    static void fwait(Cpu c, Insn i) {
        long both = ControlRegisters.CR0_MP | ControlRegisters.CR0_TS;
        if ((c.cr0() & both) == both) {
            throw c.fault(Vector.NM);
        }
        c.x87().checkPending();
    }

    static void ignore(Cpu c, Insn i) {
        // nothing
    }

    static void fnclex(Cpu c, Insn i) {
        c.x87().clearExceptions();
    }

    static void fninit(Cpu c, Insn i) {
        c.x87().init();
    }

    static void fldcw(Cpu c, Insn i) {
        c.x87().checkPending();
        c.x87().setControl((int) i.read0(c));
    }

    static void fnstcw(Cpu c, Insn i) {
        i.write0(c, c.x87().control());
    }

    static void fnstsw(Cpu c, Insn i) {
        i.write0(c, c.x87().status());
    }

    // ---- environment ----

    /** 2 or 4 bytes a field. */
    private static int fieldBytes(Insn i) {
        return i.operandBits() == 16 ? 2 : 4;
    }

    private static void store(Cpu c, Insn i, int field, int value) {
        int bytes = fieldBytes(i);
        c.mmu().write(i.address(c, (long) field * bytes, bytes, true), i.seg(), bytes * 8,
                bytes == 2 ? value & 0xffff : value & 0xffff_ffffL);
    }

    private static int load(Cpu c, Insn i, int field) {
        int bytes = fieldBytes(i);
        return (int) c.mmu().read(i.address(c, (long) field * bytes, bytes, false), i.seg(), bytes * 8);
    }

    private static boolean realFormat(Cpu c) {
        return !c.protectedMode() || c.vm86();
    }

    /** The seven fields; the caller has probed the memory. */
    private static void storeEnvironment(Cpu c, Insn i) {
        X87Unit x = c.x87();
        boolean wide = fieldBytes(i) == 4;
        int ones = wide ? RESERVED : 0;
        int ip = (int) c.field(CpuState.FIP);
        int dp = (int) c.field(CpuState.FDP);
        int opcode = c.field32(CpuState.FOP) & 0x7ff;
        store(c, i, 0, x.control() | ones);
        store(c, i, 1, x.status() | ones);
        store(c, i, 2, x.fullTags() | ones);
        if (realFormat(c)) {
            int linearIp = ip + (c.field32(CpuState.FCS) << 4);
            int linearDp = dp + (c.field32(CpuState.FDS) << 4);
            store(c, i, 3, linearIp & 0xffff | ones);
            store(c, i, 4, (wide ? linearIp >>> 16 << 12 : linearIp >>> 4 & 0xf000) | opcode);
            store(c, i, 5, linearDp & 0xffff | ones);
            store(c, i, 6, wide ? linearDp >>> 16 << 12 : linearDp >>> 4 & 0xf000);
        } else {
            store(c, i, 3, ip);
            store(c, i, 4, c.field32(CpuState.FCS) & 0xffff | (wide ? opcode << 16 : 0));
            store(c, i, 5, dp);
            store(c, i, 6, c.field32(CpuState.FDS) & 0xffff | ones);
        }
    }

    private static void loadEnvironment(Cpu c, Insn i) {
        boolean wide = fieldBytes(i) == 4;
        int control = load(c, i, 0);
        int status = load(c, i, 1);
        int tags = load(c, i, 2);
        int ip = load(c, i, 3);
        int cs = load(c, i, 4);
        int dp = load(c, i, 5);
        int ds = load(c, i, 6);
        X87Unit x = c.x87();
        if (realFormat(c)) {
            int mask = wide ? 0xffff_0000 : 0xf_0000;
            c.setField(CpuState.FIP, (ip & 0xffff | cs << 4 & mask) & 0xffff_ffffL);
            c.setField(CpuState.FDP, (dp & 0xffff | ds << 4 & mask) & 0xffff_ffffL);
            c.setField32(CpuState.FCS, 0);
            c.setField32(CpuState.FDS, 0);
            c.setField32(CpuState.FOP, cs & 0x7ff);
        } else {
            c.setField(CpuState.FIP, ip & 0xffff_ffffL);
            c.setField(CpuState.FDP, dp & 0xffff_ffffL);
            c.setField32(CpuState.FCS, cs & 0xffff);
            c.setField32(CpuState.FDS, ds & 0xffff);
            c.setField32(CpuState.FOP, wide ? cs >>> 16 & 0x7ff : 0);
        }
        x.setControl(control);
        x.setStatus(status);
        x.setFullTags(tags);
    }

    static void fnstenv(Cpu c, Insn i) {
        X87.probe(c, i, 7 * fieldBytes(i), fieldBytes(i), true);
        storeEnvironment(c, i);
        c.x87().setControl(c.x87().control() | ALL_MASKS);
    }

    static void fldenv(Cpu c, Insn i) {
        c.x87().checkPending();
        loadEnvironment(c, i);
    }

    static void fnsave(Cpu c, Insn i) {
        X87Unit x = c.x87();
        int environment = 7 * fieldBytes(i);
        X87.probe(c, i, environment + REGISTER_BYTES, fieldBytes(i), true);
        storeEnvironment(c, i);
        for (int n = 0; n < 8; n++) {
            x.get(n, x.a);
            // in words, since only the alignment of the environment's fields is asked for
            for (int k = 0; k < 5; k++) {
                int word = k == 4 ? x.a.se : (int) (x.a.sig >>> 16 * k) & 0xffff;
                c.mmu().write16(i.address(c, environment + 10 * n + 2 * k, 2, true), i.seg(), word);
            }
        }
        x.init();
    }

    private static int word(Cpu c, Insn i, int offset) {
        return c.mmu().read16(i.address(c, offset, 2, false), i.seg());
    }

    static void frstor(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.checkPending();
        int environment = 7 * fieldBytes(i);
        X87.probe(c, i, environment + REGISTER_BYTES, fieldBytes(i), false);
        loadEnvironment(c, i);
        int tags = x.abridgedTags();
        for (int n = 0; n < 8; n++) {
            long sig = 0;
            for (int k = 0; k < 4; k++) {
                sig |= (long) word(c, i, environment + 10 * n + 2 * k) << 16 * k;
            }
            x.a.set(word(c, i, environment + 10 * n + 8), sig);
            x.put(n, x.a);
        }
        x.setAbridgedTags(tags);
    }
}

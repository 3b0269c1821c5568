package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.model.CpuModels;

/** FXSAVE and the XSAVE family: layout, what is saved and initialised, header checks, and the faults in their order. */
class XsaveOpsTest {
    private static final int NONE = -1;
    private static final int AREA = 0x6_0000;
    private static final int BV = AREA + 512;
    private static final int COMP = AREA + 520;
    private static final String FXSAVE = "0fae07";
    private static final String FXSAVE64 = "480fae07";
    private static final String FXRSTOR = "0fae0f";
    private static final String XSAVE = "0fae27";
    private static final String XSAVE64 = "480fae27";
    private static final String XRSTOR = "0fae2f";
    private static final String XRSTOR64 = "480fae2f";
    private static final String XSAVEOPT = "0fae37";
    private static final String XSAVEC = "0fc727";
    private static final String XSAVES = "0fc72f";
    private static final String XRSTORS = "0fc71f";

    private final TestMachine m = new TestMachine(CpuModels.named("intel"));
    private final Cpu c = m.cpu;

    @BeforeEach
    void enable() {
        start();
    }

    private void start() {
        m.long64(0);
        c.setField(CpuState.CR4,
                c.cr4() | ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXSAVE | ControlRegisters.CR4_PKE);
        c.setField(CpuState.XCR0, 0x207);
        c.updateMode();
        c.setReg(CpuState.RDI, AREA);
        mask(-1);
    }

    @AfterEach
    void close() {
        m.close();
    }

    private void mask(long v) {
        c.setReg(CpuState.RAX, v & 0xffff_ffffL);
        c.setReg(CpuState.RDX, v >>> 32);
    }

    /** Distinct values in every component. */
    private void fill(int seed) {
        c.setField32(CpuState.FCW, 0x27f);
        c.setField32(CpuState.FSW, 0x4100);
        c.setField32(CpuState.FTOP, 5);
        c.setField32(CpuState.FTW, 0xa5);
        c.setField32(CpuState.FOP, 0x123);
        c.setField(CpuState.FIP, 0xffff_8000_1234_5678L);
        c.setField(CpuState.FDP, 0x7fff_8765_4321L);
        for (int r = 0; r < 8; r++) {
            c.setField(CpuState.FPR + 16 * r, 0x8000_0000_0000_0000L | seed + r);
            c.setField(CpuState.FPR + 16 * r + 8, 0x3fff - r);
        }
        c.setField32(CpuState.MXCSR, 0x1fa0);
        for (int r = 0; r < 16; r++) {
            for (int lane = 0; lane < 4; lane++) {
                c.setYmm(r, lane, (long) seed << 32 | r << 8 | lane + 1);
            }
        }
        c.setField(CpuState.PKRU, 0x5555_5550);
    }

    private void clear() {
        c.setField32(CpuState.FCW, 0x37f);
        c.setField32(CpuState.FSW, 0);
        c.setField32(CpuState.FTOP, 0);
        c.setField32(CpuState.FTW, 0);
        c.setField32(CpuState.FOP, 0);
        c.setField(CpuState.FIP, 0);
        c.setField(CpuState.FDP, 0);
        for (int r = 0; r < 8; r++) {
            c.setField(CpuState.FPR + 16 * r, 0);
            c.setField(CpuState.FPR + 16 * r + 8, 0);
        }
        c.setField32(CpuState.MXCSR, 0x1f80);
        for (int r = 0; r < 16; r++) {
            for (int lane = 0; lane < 4; lane++) {
                c.setYmm(r, lane, 0);
            }
        }
        c.setField(CpuState.PKRU, 0);
    }

    /** A text of all x87, SSE, AVX and key state. */
    private String state() {
        StringBuilder s = new StringBuilder();
        for (int field : new int[]{CpuState.FCW, CpuState.FSW, CpuState.FTOP, CpuState.FTW, CpuState.FOP,
            CpuState.MXCSR, CpuState.PKRU}) {
            s.append(Integer.toHexString(c.field32(field))).append(' ');
        }
        s.append(Long.toHexString(c.field(CpuState.FIP))).append(' ').append(Long.toHexString(c.field(CpuState.FDP)));
        for (int r = 0; r < 16; r++) {
            s.append(' ').append(Long.toHexString(c.field(CpuState.FPR + 8 * r)));
            for (int lane = 0; lane < 4; lane++) {
                s.append(' ').append(Long.toHexString(c.ymm(r, lane)));
            }
        }
        return s.toString();
    }

    private void scribble() {
        for (int i = 0; i < 2720; i++) {
            m.write8(AREA + i, 0xcc);
        }
        for (int i = 512; i < 576; i++) {
            m.write8(AREA + i, 0);
        }
    }

    // ---- FXSAVE ----

    @Test
    void fxsave_image() {
        fill(7);
        scribble();
        assertEquals(NONE, m.exec(FXSAVE64));
        assertEquals(0x27f, m.read16(AREA));
        assertEquals(0x4100 | 5 << 11, m.read16(AREA + 2));
        assertEquals(0xa5, m.read16(AREA + 4));
        assertEquals(0x123, m.read16(AREA + 6));
        assertEquals(0xffff_8000_1234_5678L, m.read64(AREA + 8));
        assertEquals(0x7fff_8765_4321L, m.read64(AREA + 16));
        assertEquals(0x1fa0, m.read32(AREA + 24));
        assertEquals(0xffff, m.read32(AREA + 28));
        assertEquals(0x8000_0000_0000_0000L | 7 + 5, m.read64(AREA + 32), "ST0 is register TOP");
        assertEquals(0x3fff - 5, m.read64(AREA + 40));
        assertEquals(7L << 32 | 15 << 8 | 2, m.read64(AREA + 160 + 15 * 16 + 8));
        assertEquals(0xcccc_cccc_cccc_ccccL, m.read64(AREA + 416), "the software's bytes stay");
    }

    @Test
    void fxsave_without_rex_w_cuts_the_pointers() {
        fill(7);
        c.setField32(CpuState.FCS, 0x33);
        assertEquals(NONE, m.exec(FXSAVE));
        assertEquals(0x33_1234_5678L, m.read64(AREA + 8));
    }

    @Test
    void fxrstor_gives_back_what_fxsave_wrote() {
        fill(9);
        String before = state();
        assertEquals(NONE, m.exec(FXSAVE64));
        long pkru = c.field(CpuState.PKRU);
        long[] high = {c.ymm(3, 2), c.ymm(3, 3)};
        clear();
        c.setField(CpuState.PKRU, pkru);
        for (int r = 0; r < 16; r++) {
            c.setYmm(r, 2, high[0] & 0xffff_ffff_0000_00ffL | r << 8);
            c.setYmm(r, 3, high[1] & 0xffff_ffff_0000_00ffL | r << 8);
        }
        assertEquals(NONE, m.exec("480fae0f"));
        assertEquals(before, state());
    }

    @ParameterizedTest
    @CsvSource({"0fae07, 8, 13", "0fae07, 16, -1", "0fae0f, 4, 13", "0fae27, 16, 13", "0fae27, 64, -1",
        "0fae2f, 32, 13",
        "0fc727, 8, 13", "0fc72f, 8, 13", "0fae37, 32, 13"})
    void alignment(String code, int offset, int vector) {
        c.setReg(CpuState.RDI, AREA + offset);
        assertEquals(vector, m.exec(code));
    }

    @ParameterizedTest
    @CsvSource({"0fae07, 8, 7", "0fae07, 4, 7", "0fae0f, 8, 7", "0fae27, 8, 7", "0fae27, 4, -1", "0fae2f, 8, 7",
        "0fc727, 8, 7"})
    void ts_and_em(String code, long cr0, int vector) {
        c.setField(CpuState.CR0, c.cr0() | cr0);
        c.updateMode();
        assertEquals(vector, m.exec(code));
    }

    @ParameterizedTest
    @ValueSource(strings = {XSAVE, XRSTOR, XSAVEOPT, XSAVEC, XSAVES, XRSTORS})
    void osxsave_off_is_undefined(String code) {
        c.setField(CpuState.CR4, c.cr4() & ~ControlRegisters.CR4_OSXSAVE);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_TS);
        c.updateMode();
        assertEquals(Vector.UD, m.exec(code));
    }

    @ParameterizedTest
    @CsvSource({"0fae0f", "0fae2f"})
    void reserved_mxcsr_bits_are_refused(String code) {
        scribble();
        m.write32(AREA + 24, 0x1_0000);
        m.write64(BV, 2);
        assertEquals(Vector.GP, m.exec(code));
    }

    // ---- XSAVE ----

    @Test
    void xsave_then_xrstor_is_the_identity() {
        fill(3);
        String before = state();
        scribble();
        assertEquals(NONE, m.exec(XSAVE64));
        assertEquals(0x207, m.read64(BV));
        assertEquals(3L << 32 | 2 << 8 | 3, m.read64(AREA + 576 + 32), "upper half of YMM2");
        assertEquals(0x5555_5550, m.read64(AREA + 2688));
        clear();
        assertEquals(NONE, m.exec(XRSTOR64));
        assertEquals(before, state());
    }

    @ParameterizedTest
    @ValueSource(strings = {"480fc727", "480fc72f"})
    void compacted_form_and_back(String code) {
        fill(4);
        String before = state();
        scribble();
        assertEquals(NONE, m.exec(code));
        assertEquals(0x207, m.read64(BV));
        assertEquals(1L << 63 | 0x207, m.read64(COMP));
        assertEquals(0x5555_5550, m.read64(AREA + 576 + 256), "keys follow AVX state");
        clear();
        assertEquals(NONE, m.exec("480fc71f"), "XRSTORS64");
        assertEquals(before, state());
        clear();
        assertEquals(NONE, m.exec(XRSTOR64));
        assertEquals(before, state());
    }

    @Test
    void only_components_asked_for_are_written() {
        fill(5);
        scribble();
        m.write64(BV, 5);
        mask(2);
        assertEquals(NONE, m.exec(XSAVE));
        assertEquals(7, m.read64(BV), "the other bits stay");
        assertEquals(0xcccc, m.read16(AREA), "no x87");
        assertEquals(0xcccc_cccc_cccc_ccccL, m.read64(AREA + 576), "no AVX");
        assertEquals(0x1fa0, m.read32(AREA + 24));
    }

    @Test
    void initial_state_is_written_by_xsave_and_left_out_by_xsaveopt_and_xsavec() {
        clear();
        scribble();
        assertEquals(NONE, m.exec(XSAVE));
        assertEquals(0, m.read64(BV));
        assertEquals(0x37f, m.read16(AREA));
        assertEquals(0, m.read64(AREA + 160));
        for (String code : new String[]{XSAVEOPT, XSAVEC}) {
            start();
            scribble();
            assertEquals(NONE, m.exec(code));
            assertEquals(0, m.read64(BV));
            assertEquals(0xcccc, m.read16(AREA));
            assertEquals(0xcccc_cccc_cccc_ccccL, m.read64(AREA + 160));
        }
    }

    @Test
    void xrstor_initialises_what_the_header_leaves_out() {
        clear();
        String initial = state();
        fill(6);
        scribble();
        m.write32(AREA + 24, 0x1f80);
        assertEquals(NONE, m.exec(XRSTOR));
        assertEquals(initial, state());
    }

    @Test
    void components_not_asked_for_stay() {
        fill(8);
        String before = state();
        scribble();
        mask(0);
        assertEquals(NONE, m.exec(XRSTOR));
        assertEquals(before, state());
    }

    @Test
    void standard_form_loads_mxcsr_with_avx_alone() {
        clear();
        scribble();
        m.write32(AREA + 24, 0x1fbf);
        mask(4);
        assertEquals(NONE, m.exec(XRSTOR));
        assertEquals(0x1fbf, c.field32(CpuState.MXCSR));
    }

    /** XSTATE_BV, XCOMP_BV, a byte at 528 and one at 536: vectors of XRSTOR and XRSTORS. */
    @ParameterizedTest
    @CsvSource({"0, 0, 0, 0, -1, 13", "8, 0, 0, 0, 13, 13", "8000000000000000, 0, 0, 0, 13, 13", "0, 1, 0, 0, 13, 13",
        "0, 0, 1, 0, 13, 13", "0, 0, 0, 1, -1, 13", "0, 8000000000000207, 0, 0, -1, -1",
        "207, 8000000000000207, 0, 0, -1, -1", "4, 8000000000000003, 0, 0, 13, 13",
        "0, 8000000000000008, 0, 0, 13, 13", "0, 8000000000000007, 1, 0, 13, 13",
        "0, 8000000000000007, 0, 1, 13, 13"})
    void header_checks(String bv, String comp, int at528, int at536, int xrstor, int xrstors) {
        scribble();
        for (int i = 576; i < 2720; i++) {
            m.write8(AREA + i, 0);
        }
        m.write64(BV, Long.parseUnsignedLong(bv, 16));
        m.write64(COMP, Long.parseUnsignedLong(comp, 16));
        m.write8(AREA + 528, at528);
        m.write8(AREA + 536, at536);
        m.write32(AREA + 24, 0x1f80);
        assertEquals(xrstor, m.exec(XRSTOR), "XRSTOR");
        start();
        assertEquals(xrstors, m.exec(XRSTORS), "XRSTORS");
    }

    @Test
    void save_to_memory_that_is_partly_missing_writes_nothing() {
        fill(1);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 2, 0);
        c.mmu().flushAll();
        int end = 0x40_0000 - 512;
        m.write64(end, 0x1111);
        c.setReg(CpuState.RDI, end);
        assertEquals(Vector.PF, m.exec(XSAVE));
        assertEquals(0x1111, m.read64(end));
    }

    @Test
    void eight_vectors_outside_64_bit_mode() {
        m.compatibility(0);
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXSAVE);
        c.updateMode();
        fill(2);
        scribble();
        c.setReg(CpuState.RDI, AREA);
        mask(-1);
        assertEquals(NONE, m.exec(XSAVE));
        assertEquals(0xcccc_cccc_cccc_ccccL, m.read64(AREA + 160 + 8 * 16));
        clear();
        c.setYmm(9, 0, 77);
        assertEquals(NONE, m.exec(XRSTOR));
        assertEquals(77, c.ymm(9, 0));
        assertEquals(2L << 32 | 7 << 8 | 1, c.ymm(7, 0));
    }

    @Test
    void pending_x87_exception_is_rebuilt_from_flags_and_masks() {
        scribble();
        m.write16(AREA, 0x37e);
        m.write16(AREA + 2, 0x0001);
        m.write32(AREA + 24, 0x1f80);
        assertEquals(NONE, m.exec(FXRSTOR));
        assertEquals(0x8081, c.field32(CpuState.FSW));
    }
}

package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.model.CpuModels;

/** RDMSR and WRMSR: values kept, values refused, registers that the model lacks, and who is asked for the rest. */
class MsrFileTest {
    private final TestMachine m = new TestMachine(CpuModels.named("intel"));
    private final Cpu c = m.cpu;
    private final MsrFile msrs = c.msrs();

    @AfterEach
    void close() {
        m.close();
    }

    private void refusedWrite(int msr, long v) {
        assertThrows(GuestFault.class, () -> msrs.write(msr, v), () -> Integer.toHexString(msr));
        assertEquals(Vector.GP, c.faultVector());
    }

    private void refusedRead(int msr) {
        assertThrows(GuestFault.class, () -> msrs.read(msr), () -> Integer.toHexString(msr));
        assertEquals(Vector.GP, c.faultVector());
    }

    private static int msr(String hex) {
        return Integer.parseUnsignedInt(hex, 16);
    }

    private static long value(String hex) {
        return Long.parseUnsignedLong(hex.replace("_", ""), 16);
    }

    @ParameterizedTest
    @CsvSource({"c0000081, 0123456789abcdef", "c0000082, ffff800000000000", "c0000083, 00007fffffffffff",
        "c0000084, ffffffff",
        "c0000100, ffffffffffffffff", "c0000101, 12345678", "c0000102, ffff880000000000", "c0000103, ffffffff",
        "174, ffffffff", "175, ffffffff81000000", "176, ffffffff82000000", "277, 0007050600070406", "3b, 123456789a",
        "48, 7", "200, 80000006", "201, 3fff80000800", "250, 0606060606060606", "26f, 0505050505050505",
        "2ff, c06", "17a, 4", "1d9, 2", "10, 5555555555"})
    void value_is_read_back(String number, String hex) {
        msrs.write(msr(number), value(hex));
        assertEquals(value(hex), msrs.read(msr(number)));
    }

    @ParameterizedTest
    @CsvSource({"c0000082, 0000800000000000", "c0000083, ffff7fffffffffff", "c0000100, 8000000000000000",
        "c0000101, 0001000000000000", "c0000102, ffff000000000000", "175, 0000800000000000", "176, 1000000000000000",
        "c0000103, 100000000", "c0000084, 100000000", "277, 2", "277, 0300000000000000", "277, 08", "48, 8",
        "48, 8000000000000000", "49, 2",
        "10b, 2", "da0, 1", "200, 2", "200, 7", "200, 400000000000", "201, 400", "250, 02", "26f, 0700000000000000",
        "2ff, 1000", "2ff, 3", "2ff, 100", "17a, 8", "1d9, 4", "10a, 0", "fe, 508", "179, 0", "c0000080, 2"})
    void value_is_refused(String number, String hex) {
        refusedWrite(msr(number), value(hex));
    }

    @ParameterizedTest
    @ValueSource(strings = {"49", "10b"})
    void command_registers_cannot_be_read(String number) {
        refusedRead(msr(number));
    }

    @ParameterizedTest
    @CsvSource({"tsc_adjust, 3b", "arch_capabilities, 10a", "xsaves, da0", "tsc_deadline, 6e0"})
    void register_of_a_missing_feature_does_not_exist(String feature, String number) {
        msrs.read(msr(number));
        try (TestMachine without = new TestMachine(CpuModels.parse("intel,-" + feature))) {
            assertThrows(GuestFault.class, () -> without.cpu.msrs().read(msr(number)));
            assertThrows(GuestFault.class, () -> without.cpu.msrs().write(msr(number), 0));
        }
    }

    @Test
    void amd_registers_exist_on_amd_only() {
        refusedRead(Msr.AMD_HWCR);
        try (TestMachine amd = new TestMachine(CpuModels.named("amd"))) {
            assertEquals(0, amd.cpu.msrs().read(Msr.AMD_HWCR));
            assertEquals(2, amd.cpu.msrs().read(Msr.AMD_DE_CFG));
            assertEquals(0x20, amd.cpu.msrs().read(Msr.AMD_BP_CFG));
            amd.cpu.msrs().write(Msr.AMD_NB_CFG, 1L << 46);
            assertEquals(1L << 46, amd.cpu.msrs().read(Msr.AMD_NB_CFG));
            assertThrows(GuestFault.class, () -> amd.cpu.msrs().read(Msr.MISC_ENABLE));
        }
    }

    @Test
    void unknown_register_is_asked_of_the_environment_then_counted() {
        refusedRead(0x12345);
        refusedWrite(0x12345, 1);
        assertEquals(java.util.List.of("msr:0x12345", "msr:0x12345"), m.unimplemented);
        c.setEnvironment(new CpuEnvironment() {
            @Override
            public boolean rdmsr(Cpu cpu, int msr, long[] value) {
                value[0] = msr + 1L;
                return msr == 0x12345 || msr == Msr.MTRR_CAP;
            }
        });
        assertEquals(0x12346, msrs.read(0x12345));
        assertEquals(Msr.MTRR_CAP + 1, msrs.read(Msr.MTRR_CAP), "the platform's registers are the environment's first");
    }

    @Test
    void tsc_write_moves_tsc_adjust_and_the_other_way() {
        m.now = 1000;
        msrs.write(Msr.TSC, 5000);
        assertEquals(4000, msrs.read(Msr.TSC_ADJUST));
        m.now = 1500;
        assertEquals(5500, msrs.read(Msr.TSC));
        msrs.write(Msr.TSC_ADJUST, 0);
        assertEquals(1500, msrs.read(Msr.TSC));
    }

    @Test
    void bases_are_the_segment_registers_own() {
        msrs.write(Msr.FS_BASE, 0x1234);
        msrs.write(Msr.GS_BASE, 0x5678);
        assertEquals(0x1234, c.segmentBase(CpuState.FS));
        assertEquals(0x5678, c.segmentBase(CpuState.GS));
    }

    @Test
    void arch_capabilities_is_the_models() {
        assertEquals(c.model().archCapabilities(), msrs.read(Msr.ARCH_CAPABILITIES));
        assertTrue(c.model().archCapabilities() != 0);
    }

    @Test
    void reset_clears_registers_but_not_the_random_sequence() {
        RandomSource.seed(c, 42);
        long first = RandomSource.next(c);
        msrs.write(Msr.LSTAR, 0x1000);
        msrs.write(Msr.MTRR_DEF_TYPE, 0xc06);
        c.reset();
        assertEquals(0, msrs.read(Msr.LSTAR));
        assertEquals(0, msrs.read(Msr.MTRR_DEF_TYPE));
        assertEquals(0x1801, msrs.read(Msr.MISC_ENABLE));
        long second = RandomSource.next(c);
        RandomSource.seed(c, 42);
        assertEquals(first, RandomSource.next(c));
        assertEquals(second, RandomSource.next(c));
    }
}

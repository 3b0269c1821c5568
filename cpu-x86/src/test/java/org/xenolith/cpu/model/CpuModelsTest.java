package org.xenolith.cpu.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** Models by name, the +feature,-feature notation, and CPUID leaves that agree with each other and with the CPU's state. */
class CpuModelsTest {
    private final PhysicalMemory memory = new PhysicalMemory(1 << 20);
    private Cpu cpu;

    private Cpu cpu(StandardModel model, int id) {
        cpu = new Cpu(id, id << model.apicIdShift(), model, memory, gfn -> gfn, new CpuEnvironment() {}, () -> 0,
                new Timers());
        return cpu;
    }

    @AfterEach
    void close() {
        if (cpu != null) {
            cpu.close();
        }
        memory.close();
    }

    private int[] leaf(int leaf, int subleaf) {
        return cpu.cpuid(leaf, subleaf).clone();
    }

    static java.util.List<String> names() {
        return CpuModels.names();
    }

    @Test
    void default_model_is_x86_64_v2_without_avx() {
        StandardModel m = CpuModels.parse(CpuModels.DEFAULT);
        assertTrue(m.has(Feature.SSE4_2) && m.has(Feature.POPCNT) && m.has(Feature.CX16) && m.has(Feature.LAHF_LM));
        assertFalse(m.has(Feature.AVX) || m.has(Feature.AES) || m.has(Feature.MONITOR) || m.has(Feature.VMX));
    }

    @Test
    void v3_has_what_the_psabi_level_asks_for() {
        StandardModel m = CpuModels.parse("x86-64-v3");
        for (Feature f : new Feature[]{Feature.AVX, Feature.AVX2, Feature.BMI1, Feature.BMI2, Feature.F16C, Feature.FMA,
            Feature.LZCNT, Feature.MOVBE, Feature.XSAVE}) {
            assertTrue(m.has(f), f.name());
        }
    }

    @Test
    void added_feature_brings_its_dependencies() {
        StandardModel m = CpuModels.parse("x86-64-v2,+avx2");
        assertTrue(m.has(Feature.AVX2) && m.has(Feature.AVX) && m.has(Feature.XSAVE));
    }

    @Test
    void removed_feature_takes_its_dependents() {
        StandardModel m = CpuModels.parse("intel,-xsave");
        assertFalse(m.has(Feature.AVX) || m.has(Feature.AVX2) || m.has(Feature.XSAVES) || m.has(Feature.PKU));
    }

    @Test
    void feature_names_are_read_as_people_write_them() {
        StandardModel m = CpuModels.parse("x86-64-v2, +AES ,+sha-ni,-sse4.2,+TSC-deadline");
        assertTrue(m.has(Feature.AES) && m.has(Feature.SHA) && m.has(Feature.TSC_DEADLINE));
        assertFalse(m.has(Feature.SSE4_2));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"pentium|no CPU model 'pentium'; there are x86-64-v2, x86-64-v3, intel, amd",
        "''|no CPU model ''; there are x86-64-v2, x86-64-v3, intel, amd",
        "intel,|CPU feature '' in 'intel,': write +feature or -feature",
        "intel,avx|CPU feature 'avx' in 'intel,avx': write +feature or -feature",
        "intel,+avx512f|no CPU feature 'avx512f'; near it are avx, avx2", "intel,+q|no CPU feature 'q'",
        "intel,+sse4a|CPU feature sse4a is not built", "intel,-sse2|CPU feature sse2 is part of every x86-64 CPU"})
    void bad_specification_is_explained(String spec, String message) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> CpuModels.parse(spec)).getMessage());
    }

    @ParameterizedTest
    @MethodSource("names")
    void every_feature_is_reported_by_its_bit_and_no_other_bit_of_a_feature_leaf(String name) {
        StandardModel m = CpuModels.named(name);
        cpu(m, 0);
        for (Feature f : Feature.values()) {
            int max = leaf(f.leaf() & 0x8000_0000, 0)[0];
            int[] r = Integer.compareUnsigned(f.leaf(), max) > 0 ? new int[4] : leaf(f.leaf(), f.subleaf());
            assertEquals(m.has(f), (r[f.register()] >>> f.bit() & 1) != 0, f.name());
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void vendor_and_brand_are_text(String name) {
        StandardModel m = CpuModels.named(name);
        cpu(m, 0);
        int[] r = leaf(0, 0);
        ByteBuffer vendor = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(r[1]).putInt(r[3])
                .putInt(r[2]);
        assertEquals(m.amd() ? "AuthenticAMD" : "GenuineIntel",
                new String(vendor.array(), StandardCharsets.US_ASCII));
        ByteBuffer brand = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 2; i <= 4; i++) {
            for (int v : leaf(0x8000_0000 | i, 0)) {
                brand.putInt(v);
            }
        }
        assertEquals("Xenolith " + name, new String(brand.array(), StandardCharsets.US_ASCII).replace("\0", ""));
    }

    @ParameterizedTest
    @CsvSource({"1,0,0", "1,1,0", "2,1,1", "3,1,2", "8,0,7", "8,1,5", "32,1,31"})
    void topology_agrees_with_the_apic_ids(int cpus, int shift, int number) {
        StandardModel m = CpuModels.named("x86-64-v2").withTopology(cpus, shift);
        cpu(m, number);
        int id = number << shift;
        assertEquals(id, leaf(1, 0)[1] >>> 24);
        assertEquals(id, leaf(0xb, 0)[3]);
        assertEquals(cpus, leaf(0xb, 1)[1]);
        assertEquals(1, leaf(0xb, 0)[1]);
        int packageShift = leaf(0xb, 1)[0];
        assertEquals(0, id >> packageShift, "all in package 0");
        assertEquals(number, id >> leaf(0xb, 0)[0], "core number");
        assertEquals(1 << packageShift, leaf(1, 0)[1] >>> 16 & 0xff);
        assertEquals(cpus > 1, (leaf(1, 0)[3] >>> 28 & 1) != 0, "HTT");
    }

    @ParameterizedTest
    @ValueSource(ints = {1_000_000, 999_999, 2_500_000, 3_141_593, 1000})
    void tsc_frequency_follows_from_crystal_and_ratio(int khz) {
        cpu(CpuModels.named("x86-64-v2").withTscKhz(khz), 0);
        int[] r = leaf(0x15, 0);
        assertEquals(khz * 1000L, (r[2] & 0xffff_ffffL) * r[1] / r[0]);
        assertEquals(khz / 1000, leaf(0x16, 0)[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {1_000_000, 999_999, 2_500_000, 3_141_593, 1000})
    void nanoseconds_is_the_first_time_that_has_the_ticks(int khz) {
        StandardModel m = CpuModels.named("x86-64-v2").withTscKhz(khz);
        for (long ticks : new long[]{1, 2, 999, 1_000_003, 123_456_789_012L}) {
            long ns = m.nanoseconds(ticks);
            assertTrue(m.ticks(ns) >= ticks, ticks + " at " + ns);
            assertTrue(m.ticks(ns - 1) < ticks, ticks + " before " + ns);
        }
        assertTrue(m.nanoseconds(-1) > 1L << 40, "the highest count is far in the future");
    }

    @Test
    void xsave_sizes_follow_xcr0() {
        cpu(CpuModels.named("intel"), 0);
        assertEquals(576, leaf(0xd, 0)[1]);
        assertEquals(2696, leaf(0xd, 0)[2]);
        assertEquals(0x207, leaf(0xd, 0)[0]);
        cpu.setField(CpuState.XCR0, 7);
        assertEquals(832, leaf(0xd, 0)[1]);
        assertEquals(832, leaf(0xd, 1)[1]);
        cpu.setField(CpuState.XCR0, 0x203);
        assertEquals(2696, leaf(0xd, 0)[1]);
        assertEquals(584, leaf(0xd, 1)[1]);
        int[] avx = leaf(0xd, 2);
        assertEquals(256, avx[0]);
        assertEquals(576, avx[1]);
    }

    @Test
    void osxsave_and_ospke_mirror_cr4() {
        cpu(CpuModels.named("intel"), 0);
        assertEquals(0, leaf(1, 0)[2] >>> 27 & 1);
        cpu.setField(CpuState.CR4, ControlRegisters.CR4_OSXSAVE | ControlRegisters.CR4_PKE);
        assertEquals(1, leaf(1, 0)[2] >>> 27 & 1);
        assertEquals(1, leaf(7, 0)[2] >>> 4 & 1);
    }

    @Test
    void leaf_beyond_the_range_reads_as_the_highest_on_intel_and_zero_on_amd() {
        cpu(CpuModels.named("intel"), 0);
        assertEquals(leaf(0x16, 0)[0], leaf(0x1234, 0)[0]);
        cpu.close();
        cpu(CpuModels.named("amd"), 0);
        assertEquals(0, leaf(0x1234, 0)[0]);
        assertEquals(0, leaf(0x4000_0000, 0)[0]);
    }

    @Test
    void intel_models_deny_every_speculation_fault_that_linux_would_work_around() {
        long caps = CpuModels.named("x86-64-v2").archCapabilities();
        for (int bit : new int[]{0, 1, 3, 4, 5, 6, 8, 13, 14, 15, 20, 24, 26, 27, 62}) {
            assertEquals(1, caps >>> bit & 1, "bit " + bit);
        }
        assertEquals(0, caps & 1 << 2, "RSBA");
        assertEquals(0, caps & 1 << 19, "RRSBA");
    }
}

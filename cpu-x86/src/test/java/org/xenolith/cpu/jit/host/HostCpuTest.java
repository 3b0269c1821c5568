package org.xenolith.cpu.jit.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What single instructions do on the host CPU: results, branches, and each kind of fault without harm to the JVM. */
class HostCpuTest {
    private static final int OFFSET = 0x100;
    private HostCpu cpu;

    @BeforeEach
    void open() {
        Assumptions.assumeTrue(HostFeatures.isX64Linux(), "needs Linux on x86-64");
        cpu = HostCpu.open();
        cpu.data().fill((byte) 0x5a);
        cpu.protect();
        cpu.in().gpr(4, cpu.dataBase() + 0x1000);
    }

    @AfterEach
    void close() {
        if (cpu != null) {
            cpu.close();
        }
    }

    private int run(int... bytes) {
        byte[] code = new byte[bytes.length];
        for (int i = 0; i < code.length; i++) { code[i] = (byte) bytes[i]; }
        return cpu.run(OFFSET, code, false);
    }

    private long rip() {
        return cpu.out().rip() - cpu.codeBase() - OFFSET;
    }

    @Test
    void add_stores_sum_and_flags_and_leaves_the_rest() {
        for (int i = 0; i < 16; i++) {
            if (i != 4) {
                cpu.in().gpr(i, 0x1111_1111_1111_1111L * i);
            }
        }
        assertEquals(HostCpu.NO_FAULT, run(0x48, 0x01, 0xc8));
        assertEquals(3, rip());
        assertEquals(0x1111_1111_1111_1111L, cpu.out().gpr(0));
        for (int i = 1; i < 16; i++) { assertEquals(cpu.in().gpr(i), cpu.out().gpr(i)); }
        assertEquals(0x4, cpu.out().rflags() & 0x8d5);
    }

    @Test
    void direction_and_alignment_flags_do_not_leak_into_the_host() {
        cpu.in().rflags(0x40602);
        assertEquals(HostCpu.NO_FAULT, run(0x90));
        assertEquals(0x40400, cpu.out().rflags() & 0x40400);
        cpu.in().rflags(0x202);
        assertEquals(HostCpu.NO_FAULT, run(0x90));
        assertEquals(0, cpu.out().rflags() & 0x40400);
    }

    @Test
    void upper_ymm_halves_go_in_and_out() {
        Assumptions.assumeTrue(cpu.features().avx(), "needs AVX");
        cpu.in().ymm(1, 3, 0x4000_0000_0000_0000L);
        cpu.in().ymm(2, 3, 0x3ff0_0000_0000_0000L);
        assertEquals(HostCpu.NO_FAULT, run(0xc5, 0xf5, 0x58, 0xc2));
        assertEquals(Double.doubleToLongBits(3.0), cpu.out().ymm(0, 3));
        assertEquals(0, cpu.out().ymm(0, 0));
    }

    @Test
    void x87_loads_reach_the_image() {
        assertEquals(HostCpu.NO_FAULT, run(0xd9, 0xe8));
        assertEquals(0x3fff, cpu.out().stExponent(0));
        assertEquals(0x8000_0000_0000_0000L, cpu.out().stSignificand(0));
        assertEquals(0x80, cpu.out().tags());
    }

    @Test
    void taken_branch_and_call_end_at_their_target() {
        assertEquals(HostCpu.NO_FAULT, run(0xeb, 0x10));
        assertEquals(0x12, rip());
        assertEquals(HostCpu.NO_FAULT, run(0xe8, 0x10, 0, 0, 0));
        assertEquals(0x15, rip());
        assertEquals(cpu.codeBase() + OFFSET + 5, cpu.data().get(ValueLayout.JAVA_LONG, 0xff8));
    }

    @Test
    void divide_by_zero_is_vector_0() {
        assertEquals(0, run(0x48, 0xf7, 0xf1));
        assertEquals(0, rip());
    }

    @Test
    void undefined_opcode_is_vector_6() {
        assertEquals(6, run(0x0f, 0x0b));
        assertEquals(0, rip());
    }

    @Test
    void breakpoint_reports_the_next_instruction() {
        assertEquals(3, run(0xcc));
        assertEquals(1, rip());
    }

    @Test
    void privileged_instruction_is_vector_13() {
        assertEquals(13, run(0xf4));
        assertEquals(0, cpu.errorCode());
    }

    @Test
    void load_past_the_data_is_vector_14_with_its_address() {
        cpu.in().gpr(0, cpu.dataBase() + 5 * HostCpu.PAGE);
        assertEquals(14, run(0x8b, 0x00));
        assertEquals(4, cpu.errorCode());
        assertEquals(cpu.in().gpr(0), cpu.faultAddress());
    }

    @Test
    void store_to_the_read_only_page_is_vector_14_with_write_and_present() {
        cpu.in().gpr(0, cpu.dataBase() + 4 * HostCpu.PAGE);
        assertEquals(14, run(0x89, 0x00));
        assertEquals(7, cpu.errorCode());
    }

    @Test
    void non_canonical_stack_is_vector_12_and_signals_still_work() {
        cpu.in().gpr(4, 0x8000_0000_0000_0000L);
        assertEquals(12, run(0x58));
        assertEquals(HostCpu.NO_FAULT, run(0x90));
        assertEquals(0x8000_0000_0000_0000L, cpu.out().gpr(4));
    }

    @Test
    void unmasked_simd_exception_is_vector_19() {
        cpu.in().mxcsr(0);
        cpu.in().ymm(0, 0, 0x7ff0_0000_0000_0001L);
        assertEquals(19, run(0xf2, 0x0f, 0x58, 0xc0));
        assertEquals(1, cpu.out().mxcsr());
    }

    @Test
    void pending_x87_exception_is_vector_16_and_does_not_follow_the_jvm() {
        cpu.in().fcw(0);
        cpu.in().fsw(0x8081);
        assertEquals(16, run(0x9b));
        assertEquals(3.5, Math.scalb(1.75, 1));
    }

    @Test
    void fs_base_of_the_jvm_survives_wrfsbase() {
        Assumptions.assumeTrue(cpu.features().fsGsBase(), "needs FSGSBASE");
        cpu.in().gpr(0, 0x1234);
        assertEquals(HostCpu.NO_FAULT, run(0xf3, 0x48, 0x0f, 0xae, 0xd0));
        assertEquals(0x1234, cpu.out().fsBase());
        cpu.in().gpr(0, 3);
        assertEquals(HostCpu.NO_FAULT, run(0x8e, 0xe0));
        assertEquals(3, cpu.out().selector(4));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void implicit_null_checks_still_reach_hotspot(boolean open) {
        if (!open) {
            cpu.close();
        }
        int thrown = 0;
        for (int i = 0; i < 50_000; i++) {
            String s = i % 5 == 0 ? null : "x";
            try {
                thrown -= s.length() - 1;
            } catch (NullPointerException e) {
                thrown++;
            }
        }
        assertEquals(10_000, thrown);
    }

    @Test
    void foreign_thread_is_refused() throws InterruptedException {
        Throwable[] seen = new Throwable[1];
        Thread thread = new Thread(() -> seen[0] = assertThrows(IllegalStateException.class, () -> run(0x90)));
        thread.start();
        thread.join();
        assertEquals(IllegalStateException.class, seen[0].getClass());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void code_cache_runs_what_was_written(boolean dual) throws Throwable {
        try (CodeCache cache = CodeCache.map(0, 4096, dual)) {
            cache.write(16, new byte[]{(byte) 0xb8, 42, 0, 0, 0, (byte) 0xc3});
            assertEquals(dual, cache.writable().address() != cache.base());
            assertEquals(42, (int) HostCalls.entry(cache.base() + 16, FunctionDescriptor.of(ValueLayout.JAVA_INT))
                    .invokeExact());
        }
    }
}

package org.xenolith.cpu.benchmark;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.mmu.Mmu;

/** Guest accesses of 8 bytes through the software TLB; the addresses walk over the pages of an area. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class MemoryBenchmark {
    private static final int TABLE = 0x3_0000;
    private static final int PAGES = 512;
    /** First address of the area, mapped by a page table of 4 KiB pages. */
    private static final long AREA = 0x60_0000;

    private final TestMachine machine = new TestMachine();
    private final Mmu mmu = machine.cpu.mmu();
    private int page;

    /** Maps the area on itself with small pages, and touches all of them. */
    @Setup
    public void setUp() {
        machine.long64(0);
        for (int i = 0; i < PAGES; i++) {
            machine.write64(TABLE + 8L * i, AREA + 0x1000L * i | 0x67);
        }
        machine.write64(TestMachine.PAGES + 0x2000 + 8 * (AREA >>> 21), TABLE | 7);
        machine.cpu.setField(CpuState.CR4, ControlRegisters.CR4_PAE);
        mmu.flushAll();
        for (int i = 0; i < PAGES; i++) {
            write();
        }
    }

    /** Frees guest memory. */
    @TearDown
    public void tearDown() {
        machine.close();
    }

    private long next() {
        page = page + 1 & PAGES - 1;
        return AREA + ((long) page << 12) + (page << 3 & 0xff8);
    }

    /** A load that the TLB serves. */
    @Benchmark
    public long read() {
        return mmu.read64(next(), CpuState.DS);
    }

    /** A store that the TLB serves. */
    @Benchmark
    public void write() {
        mmu.write64(next(), CpuState.DS, page);
    }

    /** INVLPG, then a load: what is dropped is found again by a walk of four levels. */
    @Benchmark
    public long readAfterFlushOfPage() {
        long va = next();
        mmu.flushPage(va);
        return mmu.read64(va, CpuState.DS);
    }

    /** A write to CR3 without PCID, then a load with a walk: a change of address space at its cheapest. */
    @Benchmark
    public long readAfterFlushOfAll() {
        mmu.flushAllNonGlobal();
        return mmu.read64(next(), CpuState.DS);
    }
}

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
import org.xenolith.cpu.jit.host.HostCpu;

/** Entering machine code with a whole CPU state, and leaving it with one: registers, flags, XSAVE area. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class HostCodeBenchmark {
    private static final byte[] NOP = {(byte) 0x90};
    /** UD2. */
    private static final byte[] UNDEFINED = {0x0f, 0x0b};

    private HostCpu host;

    /** Opens the host CPU on the thread that measures. */
    @Setup
    public void setUp() {
        host = HostCpu.open();
        if (run() != HostCpu.NO_FAULT || fault() != 6) {
            throw new IllegalStateException("the host CPU does not run code");
        }
    }

    /** Gives back its mappings and signal handlers. */
    @TearDown
    public void tearDown() {
        host.close();
    }

    /** In, one NOP, out. */
    @Benchmark
    public int run() {
        return host.run(0, NOP, false);
    }

    /** In, an invalid instruction, its signal, out. */
    @Benchmark
    public int fault() {
        return host.run(0, UNDEFINED, false);
    }
}

package org.xenolith.cpu.benchmark;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.insn.InstructionSet;

/** A block of 16 instructions, decoded and interpreted; the time is that of one instruction. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class InstructionBenchmark {
    private static final int BLOCK = 16;
    /** Loads, stores, arithmetic with and without flags that are read, a stack, and a loop; RSI points to data. */
    // @formatter:off
    private static final byte[] CODE = HexFormat.of().parseHex(
              "488b06"              // mov rax,[rsi]
            + "4801d8"              // add rax,rbx
            + "488d5c8310"          // lea rbx,[rbx+rax*4+0x10]
            + "48c1e307"            // shl rbx,7
            + "48894608"            // mov [rsi+8],rax
            + "0fb64e10"            // movzx ecx,byte [rsi+0x10]
            + "39c8"                // cmp eax,ecx
            + "0f42c1"              // cmovb eax,ecx
            + "4831c3"              // xor rbx,rax
            + "50"                  // push rax
            + "59"                  // pop rcx
            + "480fafd9"            // imul rbx,rcx
            + "83461801"            // add dword [rsi+0x18],1
            + "6690"                // nop
            + "48ffcd"              // dec rbp
            + "75d0");              // jnz to the start
    // @formatter:on
    /** Blocks in one call of the interpreter. */
    private static final int LOOPS = 1000;

    private final TestMachine machine = new TestMachine();
    private final Decoder decoder = new Decoder(InstructionSet.create(), machine.cpu.model());
    /** Padded, so that the decoder never lacks bytes. */
    private final byte[] padded = Arrays.copyOf(CODE, CODE.length + Decoder.MAX_LENGTH);

    /** Puts the loop into guest memory, and checks that it is the 16 instructions that it is meant to be. */
    @Setup
    public void setUp() {
        if (decodeBlock() != CODE.length) {
            throw new IllegalStateException("not " + BLOCK + " instructions");
        }
        machine.long64(0);
        machine.code(TestMachine.CODE, HexFormat.of().formatHex(CODE));
        machine.cpu.setReg(CpuState.RSI, 0x40_0000);
        machine.cpu.setReg(CpuState.RBP, Long.MAX_VALUE);
        if (interpretLoop() != LOOPS * BLOCK || machine.cpu.rip() != TestMachine.CODE) {
            throw new IllegalStateException("the loop does not loop: rip " + Long.toHexString(machine.cpu.rip()));
        }
    }

    /** Frees guest memory. */
    @TearDown
    public void tearDown() {
        machine.close();
    }

    /** Bytes to {@link Insn}s. */
    @Benchmark
    @OperationsPerInvocation(BLOCK)
    public int decodeBlock() {
        int at = 0;
        for (int i = 0; i < BLOCK; i++) {
            at += decoder.decode(padded, at, padded.length, 64, machine.cpu).length();
        }
        return at;
    }

    /** The decoded block, in the interpreter's cache, a thousand times. */
    @Benchmark
    @OperationsPerInvocation(LOOPS * BLOCK)
    public long interpretLoop() {
        return machine.interpreter.run(LOOPS * BLOCK);
    }

    /** The lazy flags of the last instruction, made into RFLAGS. */
    @Benchmark
    public int materializeFlags() {
        return Flags.materialize(machine.cpu.reg(CpuState.RBX), machine.cpu.reg(CpuState.RAX));
    }
}

package org.xenolith.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/** Turns of CPUs that share a machine. */
final class RunLoopTest {
    private static final int DONE = 0x600;

    @Test
    void lock_that_one_cpu_frees_and_takes_in_a_loop_comes_to_the_other() {
        try (PhysicalMemory memory = new PhysicalMemory(1 << 20)) {
            // ten instructions, of which two run with the lock free: mov [500h],0; pause; lock bts [500h],0; jc; cmp [600h],0; 4 nops; je
            code(memory, 0x1000, "c606000500 f390 f00fba2e000500 72f5 803e000600 90909090 74e5 f4");
            // pause; lock bts [500h],0; jc; mov [600h],1; hlt
            code(memory, 0x2000, "f390 f00fba2e000500 72f5 c606000601 f4");
            RawMemory.put8(memory.base() + 0x500, 1);
            MachineClock clock = new MachineClock(2);
            Timers timers = new Timers();
            CodeCache cache = new CodeCache(memory);
            List<VirtualCpu> cpus = new ArrayList<>();
            for (int id = 0; id < 2; id++) {
                Cpu c = new Cpu(id, id, CpuModels.named("x86-64-v2"), memory, gfn -> gfn, new CpuEnvironment() {
                }, clock, timers);
                c.setSegment(CpuState.CS, 0, 0, 0xffff, 0x9b);
                c.setRip(0x1000 + 0x1000 * id);
                c.updateMode();
                c.setActivity(Cpu.Activity.RUNNING);
                cpus.add(VirtualCpu.of(c, new Interpreter(c, cache, InstructionSet.create())));
            }
            RunLoop loop = new RunLoop(clock, timers);
            for (int n = 0; n < 100; n++) {
                loop.round(cpus, Long.MAX_VALUE / 2);
            }
            assertEquals(1, RawMemory.get8(memory.base() + DONE));
            cpus.forEach(c -> c.cpu().close());
        }
    }

    private static void code(PhysicalMemory memory, int at, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        for (int k = 0; k < bytes.length; k++) {
            RawMemory.put8(memory.base() + at + k, bytes[k]);
        }
    }
}

package org.xenolith.devices.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.Board;
import org.xenolith.devices.CharBackend;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** SeaBIOS on a PC of these devices and an interpreted CPU, to the point where it finds nothing to boot from. Needs Debian's package seabios. */
final class FirmwareTest {
    private static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
    private static final long RAM = 64 << 20;
    private static final long DEVICES = 4 << 20;
    private static final long LIMIT_NS = 10_000_000_000L;

    private final StringBuilder log = new StringBuilder();
    private final Map<String, Integer> reports = new TreeMap<>();
    private final Timers timers = new Timers();
    private Interpreter interpreter;
    /** Virtual time in which the CPU was halted. */
    private long idle;

    private long now() {
        return idle + (interpreter == null ? 0 : interpreter.retiredNow());
    }

    private void report(String what) {
        reports.merge(what, 1, Integer::sum);
    }

    /** Collects what the firmware prints. */
    private final class Log implements CharBackend {
        @Override
        public void send(int b) {
            log.append((char) b);
        }

        @Override
        public int poll() {
            return -1;
        }

        @Override
        public void setInputListener(Runnable listener) {
        }
    }

    /** Nothing of this is to happen. */
    private final class Events implements PcEvents {
        private final BareMemory memory;

        Events(BareMemory memory) {
            this.memory = memory;
        }

        @Override
        public void reset() {
            report("reset");
        }

        @Override
        public void powerOff() {
            report("off");
        }

        @Override
        public void exit(int code) {
            report("exit");
        }

        @Override
        public void a20(boolean open) {
            memory.setA20(open);
        }
    }

    @Test
    void seabios_finds_the_devices_of_the_pc() throws IOException {
        assumeTrue(Files.exists(SEABIOS), "SKIPPED: needs " + SEABIOS + " (Debian: apt-get install seabios)");
        try (PhysicalMemory machine = new PhysicalMemory(RAM + DEVICES)) {
            BareMemory memory = new BareMemory(machine, RAM);
            Board board = new Board(new PortBus(what -> {}), new MmioBus(this::report), memory, memory, timers,
                    this::now, this::report);
            ApicBus apics = new ApicBus();
            PcConfig config = new PcConfig(1, memory.lowRam(), memory.highRam(), 0, "c", CharBackend.NONE, null,
                    new Log(), false);
            Pc pc = new Pc(board, apics, config, new Events(memory), Files.readAllBytes(SEABIOS));
            try (Cpu cpu = new Cpu(0, 0, CpuModels.named("x86-64-v2"), machine, memory, environment(board, pc),
                    this::now, timers)) {
                apics.add(cpu.apic());
                memory.setListener(() -> cpu.mmu().flushAll());
                timers.setOnChange(cpu::requestAttention);
                interpreter = new Interpreter(cpu, new CodeCache(machine), InstructionSet.create());
                pc.reset();
                cpu.reset();
                run();
            }
        }
        String text = log.toString();
        for (String expected : new String[]{"PCI: init bdf=00:01.3 id=8086:7113", "Using pmtimer", "Found 1 cpu(s)",
            "ACPI DSDT=", "PS2 keyboard initialized", "0000000000100000 - 0000000003ffe000 = 1 RAM",
            "No bootable device"}) {
            assertTrue(text.contains(expected), () -> "'" + expected + "' is not in:\n" + text);
        }
        assertEquals(Map.of(), reports);
    }

    private CpuEnvironment environment(Board board, Pc pc) {
        return new CpuEnvironment() {
            @Override
            public long in(Cpu cpu, int port, int size) {
                return board.ports().in(port, size);
            }

            @Override
            public void out(Cpu cpu, int port, int size, long value) {
                board.ports().out(port, size, value);
                cpu.requestAttention();
            }

            @Override
            public long mmioRead(Cpu cpu, long gpa, int size) {
                return board.mmio().read(gpa, size);
            }

            @Override
            public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
                board.mmio().write(gpa, size, value);
                cpu.requestAttention();
            }

            @Override
            public boolean rdmsr(Cpu cpu, int msr, long[] value) {
                value[0] = 0;
                return true;
            }

            @Override
            public boolean hasExternalInterrupt(Cpu cpu) {
                return pc.pending(cpu.apic());
            }

            @Override
            public int externalInterrupt(Cpu cpu) {
                return pc.acknowledge();
            }
        };
    }

    private void run() {
        while (now() < LIMIT_NS && log.indexOf("No bootable device") < 0) {
            timers.expire(now());
            if (!interpreter.runnable()) {
                if (timers.next() == Timers.NEVER) {
                    return;
                }
                idle += Math.max(0, timers.next() - now());
                continue;
            }
            interpreter.cpu().requestAttention();
            interpreter.run(Math.clamp(timers.next() - now(), 1, 100_000));
        }
    }
}

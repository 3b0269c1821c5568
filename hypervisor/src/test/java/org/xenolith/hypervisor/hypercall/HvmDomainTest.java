package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.RamWindows;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.HvmPlatform;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/** HVM domains on VT-x and AMD-V, each a few instructions from the reset vector on, with a PC that writes down what it is asked. */
final class HvmDomainTest {
    private static final int LINE = 10;

    private final PhysicalMemory memory = new PhysicalMemory(32 << 20);
    private final Timers timers = new Timers();
    private final List<String> asked = new ArrayList<>();
    private boolean line;
    private boolean interrupt;
    private Host host;
    private Domain d;
    private Vcpu v;
    private Interpreter interpreter;

    /** Answers everything with 5Ah, and has one interrupt line. */
    private final class Platform implements HvmPlatform {
        @Override
        public CpuEnvironment devices() {
            return new CpuEnvironment() {
                @Override
                public long in(Cpu cpu, int port, int size) {
                    asked.add("in " + Integer.toHexString(port));
                    return 0x5a;
                }

                @Override
                public void out(Cpu cpu, int port, int size, long value) {
                    asked.add("out " + Integer.toHexString(port) + " " + Long.toHexString(value));
                }

                @Override
                public long mmioRead(Cpu cpu, long gpa, int size) {
                    asked.add("read " + Long.toHexString(gpa));
                    return 0x5a;
                }

                @Override
                public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
                    asked.add("write " + Long.toHexString(gpa) + " " + Long.toHexString(value));
                }

                @Override
                public boolean hasExternalInterrupt(Cpu cpu) {
                    return interrupt;
                }

                @Override
                public int externalInterrupt(Cpu cpu) {
                    interrupt = false;
                    return 0x21;
                }
            };
        }

        @Override
        public IrqLine gsi(int number) {
            return number == LINE ? level -> line = level : null;
        }

        @Override
        public IrqLine intx(int devfn, int pin) {
            return null;
        }
    }

    @BeforeEach
    void nothing_yet() {
        asked.clear();
    }

    /** A guest with RAM to A0000h and from C0000h to 1 MiB, and code at 1000h. */
    private void start(String cpu, String code) {
        CpuModel model = CpuModels.parse(cpu).withoutVirtualization();
        host = new Host(memory, () -> 0, timers, model, HostConfig.defaults(), new HypercallTable());
        d = host.createDomain(DomainConfig.of("t", TestHost.HANDLE, 1, 512).withHvm());
        assertTrue(d.populateRange(0, 0xa0) && d.populateRange(0xc0, 0x40));
        d.setPlatform(new Platform());
        byte[] jump = HexFormat.of().parseHex("ea00100000");
        d.write(0xffff0, jump, 0, jump.length);
        byte[] bytes = HexFormat.of().parseHex(code.replace(" ", ""));
        d.write(0x1000, bytes, 0, bytes.length);
        v = d.vcpu(0);
        interpreter = new Interpreter(v.cpu(), new CodeCache(memory), InstructionSet.create());
        v.startHvm();
        d.unpause();
    }

    private void run() {
        for (int i = 0; i < 1000 && interpreter.runnable(); i++) {
            v.beforeRun();
            interpreter.run(100);
            v.afterRun();
        }
        assertFalse(interpreter.runnable());
    }

    @AfterEach
    void no_frame_is_lost() {
        d.destroy();
        assertEquals(host.frames().frames(), host.frames().freeFrames());
        host.close();
        memory.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void ports_and_device_memory_go_to_the_pc_and_cpuid_to_the_hypervisor(String cpu) {
        // in al, 60h; out 80h, al; mov ax, a000h; mov ds, ax; mov [4], al; mov bl, [8]; mov eax, 40000000h; cpuid; cli; hlt
        start(cpu, "e460 e680 b800a0 8ed8 a20400 8a1e0800 66b800000040 0fa2 fa f4");
        run();
        assertEquals(List.of("in 60", "out 80 5a", "write a0004 0", "read a0008"), asked);
        assertEquals(0x566e_6558, v.cpu().reg(CpuState.RBX));
        assertEquals(ShutdownReason.POWEROFF, d.shutdownReason());
        assertEquals(1, host.exits().get("cpuid"));
        assertEquals(2, host.exits().get("io"));
        assertEquals(2, host.exits().get(cpu.equals("amd") ? "npf" : "ept_violation"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void an_interrupt_waits_until_the_guest_takes_it(String cpu) {
        // handler at 3000h: out 21h, al; cli; hlt
        start(cpu, "bc0080 b001 e610 fb 90 90 ebfe");
        byte[] handler = HexFormat.of().parseHex("e621faf4");
        d.write(0x3000, handler, 0, handler.length);
        d.write32(4 * 0x21, 0x3000);
        interrupt = true;
        run();
        assertEquals(List.of("out 10 1", "out 21 1"), asked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void memory_of_a_device_is_read_without_exits_and_a_rom_is_not_written(String cpu) {
        // mov ax, a000h; mov ds, ax; mov [0], al; mov al, [1000h]; mov [1000h], al; cli; hlt
        start(cpu, "b800a0 8ed8 b077 a20000 a00010 a20010 fa f4");
        RamWindows.Block block = d.windows().allocate(0x2000);
        RawMemory.put8(block.address() + 0x1000, 0x99);
        d.windows().show(0xa0000, block, 0, 0x1000, true);
        d.windows().show(0xa1000, block, 0x1000, 0x1000, false);
        // the guest's own memory is never covered
        d.windows().show(0x0, block, 0, 0x1000, true);
        run();
        assertEquals(0x77, RawMemory.get8(block.address()));
        assertEquals(List.of("write a1000 99"), asked);
        assertEquals(0x99, v.cpu().reg(CpuState.RAX) & 0xff);
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void a_triple_fault_is_a_reboot_and_memory_comes_when_it_is_used(String cpu) {
        // mov ax, 9000h; mov ds, ax; mov [0], al; lidt with a limit of 0; int 3
        start(cpu, "b80090 8ed8 a20000 2e0f011e2010 cc");
        d.remove(0x90);
        d.populateOnDemand(0x90, 1);
        d.setOnDemandPages(d.totalPages() + 1);
        run();
        assertEquals(ShutdownReason.REBOOT, d.shutdownReason());
        assertEquals(1, d.onDemandUse().populated());
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void events_reach_a_guest_without_a_vector_by_a_line_of_its_pc(String cpu) {
        start(cpu, "fa f4");
        d.params().set(HvmParams.CALLBACK_IRQ, LINE);
        d.callback().changed();
        assertFalse(line);
        v.info().setUpcallPending(true);
        v.upcall();
        assertTrue(line);
        v.info().setUpcallPending(false);
        assertFalse(v.container().hasExternalInterrupt(v.cpu()));
        assertFalse(line);
    }
}

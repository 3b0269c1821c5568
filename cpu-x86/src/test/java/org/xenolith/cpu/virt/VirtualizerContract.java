package org.xenolith.cpu.virt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.TestMachine;

/** A hypervisor in Java has a guest's CPU: exits come to it, and it enters again; the same by VT-x and by AMD-V, but for the names of exits. */
public abstract class VirtualizerContract implements RootSoftware {
    private static final long TABLES = 0x20_0000;
    /** The guest's memory is from here on, 1 MiB. */
    protected static final long RAM = 0x40_0000;

    protected final TestMachine m;
    protected final Cpu c;
    protected final Virtualizer v;
    protected final List<String> exits = new ArrayList<>();
    private final String nestedFault;
    private final String hostInterrupt;
    private final String window;
    private final List<String> accesses = new ArrayList<>();
    private boolean interrupt;

    /**
     * @param of the CPU's VMX or SVM
     * @param nestedFault architectural name of the exit for a page that is not there
     * @param hostInterrupt that of an interrupt for the host
     * @param window that of the guest's being able to take an interrupt
     */
    protected VirtualizerContract(TestMachine m, Function<Cpu, Virtualizer> of, String nestedFault,
            String hostInterrupt,
            String window) {
        this.m = m;
        this.nestedFault = nestedFault;
        this.hostInterrupt = hostInterrupt;
        this.window = window;
        c = m.cpu;
        v = of.apply(c);
    }

    @BeforeEach
    final void start() {
        c.setRoot(this);
        c.setEnvironment(new CpuEnvironment() {
            @Override
            public long mmioRead(Cpu cpu, long gpa, int size) {
                accesses.add("read " + Long.toHexString(gpa) + " " + size);
                return 0x1234_5678;
            }

            @Override
            public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
                accesses.add("write " + Long.toHexString(gpa) + " " + size + " " + Long.toHexString(value));
            }

            @Override
            public void out(Cpu cpu, int port, int size, long value) {
                accesses.add("out " + Integer.toHexString(port) + " " + Long.toHexString(value));
            }

            @Override
            public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
                regs[1] = 0x584d_4d56;
            }
        });
        m.write64(TABLES, TABLES + 0x1000 | 7);
        m.write64(TABLES + 0x1000, TABLES + 0x2000 | 7);
        m.write64(TABLES + 0x1018, TABLES + 0x4000 | 7);
        m.write64(TABLES + 0x2000, TABLES + 0x3000 | 7);
        for (int i = 0; i < 256; i++) {
            m.write64(TABLES + 0x3000 + 8 * i, RAM + ((long) i << 12) | 0x37);
        }
        // the page of the reset vector is the one at F0000h
        m.write64(TABLES + 0x4000 + 8 * 511, TABLES + 0x5000 | 7);
        m.write64(TABLES + 0x5000 + 8 * 511, RAM + 0xff000 | 0x37);
        long[] frames = new long[v.frames()];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = 0x600L + i;
        }
        v.start(frames, TABLES >>> 12);
    }

    @AfterEach
    final void close() {
        m.close();
    }

    @Override
    public void exited(Cpu cpu) {
        exits.add(v.exitName());
        switch (v.kind()) {
            case CPUID, XSETBV, CACHE, NESTED_FAULT -> v.emulate();
            case PORT -> {
                if (v.portString()) {
                    v.emulate();
                } else {
                    c.environment().out(c, v.port(), v.portBytes(), c.reg(CpuState.RAX, 8 * v.portBytes()));
                    v.skipInstruction();
                }
            }
            case HLT -> {
                v.skipInstruction();
                c.setActivity(Cpu.Activity.HALTED);
                return;
            }
            case WINDOW -> {
                v.requestWindow(false);
                v.inject(EventInfo.of(0x21, Exceptions.Source.EXTERNAL, false, 0));
            }
            case INTERRUPT -> {
                interrupt = false;
                v.requestWindow(true);
            }
            default -> throw new AssertionError(v.exitName());
        }
        assertTrue(v.enter(), v::failure);
    }

    @Override
    public void enter(Cpu cpu) {
        assertTrue(v.enter(), v::failure);
    }

    @Override
    public boolean wakes(Cpu cpu) {
        return false;
    }

    @Override
    public boolean interrupts(Cpu cpu) {
        return interrupt;
    }

    protected final void run() {
        for (int i = 0; i < 200 && c.activity() == Cpu.Activity.RUNNING; i++) {
            m.interpreter.run(10);
        }
        assertEquals(Cpu.Activity.HALTED, c.activity());
    }

    @Test
    void a_guest_starts_at_the_reset_vector_and_its_accesses_to_devices_are_emulated() {
        // jmp 0:1000h
        m.code(RAM + 0xffff0, "ea00100000");
        // mov ax, ffffh; mov ds, ax; mov ax, [10h]; mov [20h], eax; mov al, 41h; out e9h, al; xor ax, ax; cpuid; hlt: no page is at 100000h
        m.code(RAM + 0x1000, "b8ffff 8ed8 a11000 66a32000 b041 e6e9 31c0 0fa2 f4");
        run();
        assertEquals(List.of(nestedFault, nestedFault, "io", "cpuid", "hlt"), exits);
        assertEquals(List.of("read 100000 2", "write 100010 4 5678", "out e9 41"), accesses);
        assertEquals(0x584d_4d56, c.reg(CpuState.RBX));
        assertEquals(ExitKind.HLT, v.kind());
    }

    @Test
    void strings_to_ports_and_devices_are_emulated_to_their_end() {
        m.code(RAM + 0xffff0, "ea00100000");
        // mov si, 2000h; mov cx, 3; mov dx, e9h; rep outsb; mov ax, ffffh; mov es, ax; mov di, 10h; mov cx, 2; rep stosw
        m.code(RAM + 0x2000, "616263");
        m.code(RAM + 0x1000, "be0020 b90300 bae900 f36e b8ffff 8ec0 bf1000 b90200 f3ab f4");
        run();
        assertEquals(List.of("out e9 61", "out e9 62", "out e9 63", "write 100000 2 ffff", "write 100002 2 ffff"),
                accesses);
        assertEquals(List.of("io", nestedFault, "hlt"), exits);
    }

    @Test
    void an_interrupt_waits_for_its_window_and_is_injected() {
        m.code(RAM + 0xffff0, "ea00100000");
        m.write16(RAM + 4 * 0x21, 0x3000);
        m.write16(RAM + 4 * 0x21 + 2, 0);
        m.code(RAM + 0x3000, "f4");
        m.code(RAM + 0x1000, "bc0080 9090 fb 90 90 ebfe");
        interrupt = true;
        run();
        assertEquals(List.of(hostInterrupt, window, "hlt"), exits);
        assertEquals(0x1007, m.read16(RAM + 0x7ffa));
        assertFalse(v.injecting());
    }
}

package org.xenolith.hypervisor.hypercall;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.E820Entry;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** A host with 16 MiB for hypercall tests: guests make calls in 64-bit mode with paging off, so that gva = gpa. */
final class TestHost implements AutoCloseable {
    static final UUID HANDLE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    /** Pages of RAM of each guest, from gfn 0. */
    static final int PAGES = 512;
    /** gpa that calls use for their argument structures. */
    static final long ARG = 0x1000;

    final PhysicalMemory memory = new PhysicalMemory(16 << 20);
    final Timers timers = new Timers();
    final HypercallTable table = new HypercallTable();
    final List<String> log = new ArrayList<>();
    final Host host;
    long now = 1_000_000;

    TestHost() {
        host = new Host(memory, () -> now, timers, new Model(), HostConfig.defaults(), table);
        host.setLog((domid, line) -> log.add(domid + ":" + line));
    }

    /** Moves virtual time and runs what is due. */
    void advance(long ns) {
        now += ns;
        timers.expire(now);
    }

    Domain domain(int vcpus) {
        return domain(DomainConfig.of("test", HANDLE, vcpus, PAGES + 64));
    }

    Domain domain(DomainConfig config) {
        Domain d = host.createDomain(config);
        if (!d.populateRange(0, PAGES)) {
            throw new IllegalStateException("out of memory");
        }
        d.setMemoryMap(List.of(new E820Entry(0, PAGES * 4096L, E820Entry.RAM),
                new E820Entry(0xfeff_8000L, 0x8000, E820Entry.RESERVED)));
        for (Vcpu v : d.vcpus()) {
            v.startPvh(0x10_0000, 0x2000);
            longMode(v.cpu(), true);
        }
        d.unpause();
        return d;
    }

    static void longMode(Cpu cpu, boolean on) {
        cpu.setField(CpuState.EFER, on ? ControlRegisters.EFER_LMA : 0);
        cpu.setSegment(CpuState.CS, 0, 0, 0xffff_ffffL, on ? 0xa09b : 0xc09b);
        cpu.updateMode();
    }

    /** Makes a hypercall as VMCALL does and returns RAX; follows continuations. */
    static long call(Vcpu v, int number, long... args) {
        int[] registers = {CpuState.RDI, CpuState.RSI, CpuState.RDX, 10, 8, 9};
        int[] registers32 = {CpuState.RBX, CpuState.RCX, CpuState.RDX, CpuState.RSI, CpuState.RDI, CpuState.RBP};
        Cpu cpu = v.cpu();
        cpu.setReg(CpuState.RAX, number);
        for (int i = 0; i < args.length; i++) {
            cpu.setReg(cpu.code64() ? registers[i] : registers32[i], args[i]);
        }
        for (int rounds = 0; rounds < 10_000; rounds++) {
            cpu.setRip(0x10_0003);
            v.container().hypercall(cpu);
            if (cpu.rip() == 0x10_0003) {
                return cpu.code64() ? cpu.reg(CpuState.RAX) : cpu.reg32(CpuState.RAX);
            }
        }
        throw new AssertionError("the hypercall never ends");
    }

    /** A structure of zeros in the guest's present ABI. */
    static StructView struct(Vcpu v, Struct s) {
        return s.view(v.container().callAbi());
    }

    static void put(Vcpu v, StructView s, long gpa) {
        v.domain().write(gpa, s.data(), 0, s.data().length);
    }

    static StructView get(Vcpu v, Struct s, long gpa) {
        StructView view = struct(v, s);
        v.domain().read(gpa, view.data(), 0, view.data().length);
        return view;
    }

    /** A call with a command and a structure, which is read back. */
    static long call(Vcpu v, int number, int command, StructView s) {
        put(v, s, ARG);
        long rc = call(v, number, command, ARG, 1);
        v.domain().read(ARG, s.data(), 0, s.data().length);
        return rc;
    }

    @Override
    public void close() {
        host.close();
        memory.close();
    }

    /** 2.6 GHz, no extension but x2APIC and SYSCALL. */
    static final class Model implements CpuModel {
        @Override
        public String name() {
            return "test";
        }

        @Override
        public int signature() {
            return 0x806c1;
        }

        @Override
        public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
            java.util.Arrays.fill(regs, leaf);
        }

        @Override
        public boolean has(Feature feature) {
            return feature == Feature.X2APIC || feature == Feature.SYSCALL;
        }

        @Override
        public int maxPhysicalAddressBits() {
            return 40;
        }

        @Override
        public long ticks(long nanoseconds) {
            return nanoseconds / 10 * 26 + nanoseconds % 10 * 26 / 10;
        }

        @Override
        public int tscKhz() {
            return 2_600_000;
        }
    }
}

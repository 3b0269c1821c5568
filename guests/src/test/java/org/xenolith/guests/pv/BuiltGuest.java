package org.xenolith.guests.pv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.UUID;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.hypercall.HypercallTable;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/** A PV guest that has been built, read back through page tables that are walked anew here. */
final class BuiltGuest implements AutoCloseable {
    private static final long FRAME = 0x000f_ffff_ffff_f000L;

    final PhysicalMemory machine;
    final Host host;
    final Domain domain;
    final PvLayout layout;
    final PvStart start;

    BuiltGuest(KernelImage kernel, Optional<ImageFile> initrd, String commandLine, long memory) throws ImageException {
        layout = PvLayout.of(kernel, initrd, commandLine, memory);
        machine = new PhysicalMemory(memory + (64L << 20));
        host = new Host(machine, () -> 1_000_000, new Timers(), CpuModels.parse("x86-64-v2"), HostConfig.defaults(),
                new HypercallTable());
        domain = host.createDomain(
                DomainConfig.of("test", new UUID(1, 2), 1, layout.pages()).withPv(layout.abi()));
        start = PvBuilder.build(domain, layout, layout.pages());
    }

    long word(long machineAddress) {
        return RawMemory.get64(machine.hostPage(machineAddress >>> 12) + (machineAddress & 0xfff));
    }

    /** The level 1 entry of a virtual address; 0 when some level maps nothing. */
    long entry(long va) {
        int level = layout.kernel().wide() ? 4 : 3;
        long table = start.topMfn() << 12;
        while (true) {
            int bits = level == 3 && !layout.kernel().wide() ? 3 : 511;
            long entry = word(table + 8 * (va >>> 3 + 9 * level & bits));
            if (level == 1 || (entry & 1) == 0) {
                return entry;
            }
            assertEquals(0, entry & 0x80, "no large pages");
            table = entry & FRAME;
            level--;
        }
    }

    boolean mapped(long va) {
        return (entry(va) & 1) != 0;
    }

    boolean writable(long va) {
        return (entry(va) & 3) == 3;
    }

    long machineAddress(long va) {
        long entry = entry(va);
        assertTrue((entry & 1) != 0, "nothing at 0x" + Long.toHexString(va));
        return entry & FRAME | va & 0xfff;
    }

    byte[] bytes(long va, int length) {
        byte[] out = new byte[length];
        for (int i = 0; i < length; i++) {
            long at = machineAddress(va + i);
            out[i] = (byte) RawMemory.get8(machine.hostPage(at >>> 12) + (at & 0xfff));
        }
        return out;
    }

    long u64(long va) {
        return word(machineAddress(va));
    }

    long u32(long va) {
        long at = machineAddress(va);
        return RawMemory.get32(machine.hostPage(at >>> 12) + (at & 0xfff)) & 0xffff_ffffL;
    }

    /** An {@code unsigned long} of the guest. */
    long uword(long va) {
        return layout.kernel().wide() ? u64(va) : u32(va);
    }

    String text(long va) {
        StringBuilder out = new StringBuilder();
        for (long at = va; bytes(at, 1)[0] != 0; at++) {
            out.append((char) bytes(at, 1)[0]);
        }
        return out.toString();
    }

    /** The machine frame of a pseudo-physical one, as the guest's own list says. */
    long mfn(long pfn) {
        return uword(layout.p2mVa() + pfn * layout.abi().wordBytes());
    }

    @Override
    public void close() {
        host.close();
        machine.close();
    }
}

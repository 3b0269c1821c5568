package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Cpu;
import org.xenolith.memory.RawMemory;

/** Physical memory of the CPU's host as VMX reads and writes it; where no RAM is it reads as ones, and writes are lost. */
final class HostMemory {
    private final Cpu cpu;

    HostMemory(Cpu cpu) {
        this.cpu = cpu;
    }

    private long at(long address) {
        long page = cpu.mmu().physicalPage(address);
        return page == 0 ? 0 : page + (address & 0xfff);
    }

    int read8(long address) {
        long at = at(address);
        return at == 0 ? 0xff : RawMemory.get8(at);
    }

    /** Within one page. */
    int read32(long address) {
        long at = at(address);
        return at == 0 ? -1 : RawMemory.get32(at);
    }

    /** Within one page. */
    long read64(long address) {
        long at = at(address);
        return at == 0 ? -1 : RawMemory.get64(at);
    }

    void write32(long address, int v) {
        long at = at(address);
        if (at != 0) {
            RawMemory.put32(at, v);
            written(at);
        }
    }

    void write64(long address, long v) {
        long at = at(address);
        if (at != 0) {
            RawMemory.put64(at, v);
            written(at);
        }
    }

    private void written(long at) {
        cpu.memory().written(at - cpu.memory().base() >>> 12);
    }
}

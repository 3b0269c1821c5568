package org.xenolith.hypervisor;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.memory.RawMemory;

/** A guest's own page tables as its hypervisor walks them: for addresses in hypercalls, without side effects. */
final class GuestWalk {
    private static final long PRESENT = 1;
    private static final long LARGE = 0x80;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
    private static final long PSE_ADDRESS = 0xffc0_0000L;

    private GuestWalk() {
    }

    /** The gpa of a guest-virtual address, or -1 where it has none. */
    static long gpa(Domain d, Cpu cpu, long va) {
        if ((cpu.cr0() & ControlRegisters.CR0_PG) == 0) {
            return va & 0xffff_ffffL;
        }
        long cr3 = cpu.field(CpuState.CR3);
        if (cpu.longMode()) {
            return wide(d, cr3 & ADDRESS, va, 3);
        }
        if ((cpu.cr4() & ControlRegisters.CR4_PAE) != 0) {
            long entry = word(d, (cr3 & 0xffff_ffe0L) + (va >>> 30 & 3) * 8, 8);
            return (entry & PRESENT) == 0 ? -1 : wide(d, entry & ADDRESS, va, 1);
        }
        long entry = word(d, (cr3 & 0xffff_f000L) + (va >>> 22 & 0x3ff) * 4, 4);
        if ((entry & PRESENT) == 0) {
            return -1;
        }
        if ((entry & LARGE) != 0 && (cpu.cr4() & ControlRegisters.CR4_PSE) != 0) {
            return entry & PSE_ADDRESS | (entry >>> 13 & 0xff) << 32 | va & 0x3f_ffff;
        }
        entry = word(d, (entry & 0xffff_f000L) + (va >>> 12 & 0x3ff) * 4, 4);
        return (entry & PRESENT) == 0 ? -1 : entry & 0xffff_f000L | va & 0xfff;
    }

    private static long wide(Domain d, long table, long va, int top) {
        long at = table;
        for (int level = top;; level--) {
            long entry = word(d, at + (va >>> 12 + 9 * level & 511) * 8, 8);
            if ((entry & PRESENT) == 0) {
                return -1;
            }
            if (level == 0 || level < 3 && (entry & LARGE) != 0) {
                long offset = (1L << 12 + 9 * level) - 1;
                return entry & ADDRESS & ~offset | va & offset;
            }
            at = entry & ADDRESS;
        }
    }

    private static long word(Domain d, long gpa, int bytes) {
        long page = d.hostPage(gpa >>> 12);
        if (page == 0) {
            return 0;
        }
        return bytes == 8
                ? RawMemory.get64(page + (gpa & 0xfff))
                : RawMemory.get32(page + (gpa & 0xfff)) & 0xffff_ffffL;
    }
}

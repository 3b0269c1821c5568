package org.xenolith.cpu.svm;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.virt.NestedPaging;

/**
 * Nested page tables: the host's tables of four or three levels, or two of 32-bit entries, as the host's CR4 and EFER are at VMRUN (APM
 * vol. 2, 15.25). Every access is a user's, and the walks of the guest's own tables are writes.
 */
final class NestedTables implements NestedPaging {
    private static final long P = 1;
    private static final long RW = 2;
    private static final long US = 4;
    private static final long A = 0x20;
    private static final long D = 0x40;
    private static final long LEAF = 0x80;
    /** Must be zero in a PML4E. */
    private static final long GLOBAL = 0x100;
    private static final long NX = 1L << 63;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    /** EXITINFO1 of a nested page fault. */
    static final long ERROR_PRESENT = 1;
    static final long ERROR_WRITE = 2;
    static final long ERROR_USER = 4;
    static final long ERROR_RESERVED = 8;
    static final long ERROR_FETCH = 16;
    static final long ERROR_FINAL = 1L << 32;
    static final long ERROR_TABLE = 1L << 33;

    private final Cpu cpu;
    private final SvmGuest guest;
    private final long[] hosts = new long[4];
    private long root;
    private int levels;
    private boolean wide;
    private boolean noExecute;
    private boolean largePages;
    private boolean tellsFetches;
    private boolean forgiving;
    private boolean writable;
    private int pageShift;

    NestedTables(Cpu cpu, SvmGuest guest) {
        this.cpu = cpu;
        this.guest = guest;
    }

    /** Takes up the format of the tables from the registers of the host. */
    void configure(long nestedCr3, long hostCr4, long hostEfer) {
        root = nestedCr3;
        wide = (hostCr4 & ControlRegisters.CR4_PAE) != 0;
        levels = !wide ? 2 : (hostEfer & ControlRegisters.EFER_LMA) != 0 ? 4 : 3;
        noExecute = wide && (hostEfer & ControlRegisters.EFER_NXE) != 0;
        tellsFetches = noExecute || (hostCr4 & ControlRegisters.CR4_SMEP) != 0;
        largePages = wide || (hostCr4 & ControlRegisters.CR4_PSE) != 0;
    }

    /** While a hypervisor emulates an instruction, a device answers where no page is, and takes what is written to a page that is not writable. */
    void setForgiving(boolean forgives) {
        forgiving = forgives;
    }

    private int shift(int level) {
        return 12 + (wide ? 9 : 10) * level;
    }

    private boolean isLeaf(long entry, int level) {
        return level == 0 || (entry & LEAF) != 0 && largePages
                && (level == 1 || wide && level == 2 && levels == 4 && cpu.model().has(Feature.PAGE1GB));
    }

    private long top() {
        return wide && levels == 3 ? root & 0xffff_ffe0L : root & (wide ? ADDRESS : 0xffff_f000L);
    }

    /** Bits that an entry must not have. */
    private long reserved(int level, boolean leaf) {
        if (!wide) {
            return leaf && level > 0
                    ? 0x3f_e000L & ~((1L << Math.min(40, cpu.model().maxPhysicalAddressBits()) - 32) - 1 << 13)
                    : 0;
        }
        long bits = ~(-1L >>> 64 - cpu.model().maxPhysicalAddressBits()) & ADDRESS | (noExecute ? 0 : NX);
        if (levels == 3) {
            bits |= 0x7ff0_0000_0000_0000L;
            if (level == 2) {
                return bits | NX | 0x1e6;
            }
        }
        if (leaf && level > 0) {
            bits |= (1L << shift(level)) - 1 & ~0x1fffL;
        }
        return level == 3 ? bits | LEAF | GLOBAL : level == 2 && !leaf ? bits | LEAF : bits;
    }

    @Override
    public long translate(long gpa, int access, long va, boolean table, boolean user) {
        boolean write = table || access == WRITE;
        long error = (write ? ERROR_WRITE : 0) | ERROR_USER | (access == FETCH && tellsFetches ? ERROR_FETCH : 0)
                | (table ? ERROR_TABLE : ERROR_FINAL);
        if (levels < 4 && gpa >>> 32 != 0) {
            throw fault(error, gpa, va, access);
        }
        long at = top();
        long rights = RW | US;
        long never = 0;
        int level = levels - 1;
        long entry;
        while (true) {
            long host = entryHost(at, gpa, level);
            entry = host == 0 ? 0 : wide ? get64(host) : get32(host) & 0xffff_ffffL;
            if ((entry & P) == 0) {
                if (forgiving) {
                    return DEVICE;
                }
                throw fault(error, gpa, va, access);
            }
            boolean leaf = isLeaf(entry, level);
            if ((entry & reserved(level, leaf)) != 0) {
                if (forgiving) {
                    return DEVICE;
                }
                throw fault(error | ERROR_PRESENT | ERROR_RESERVED, gpa, va, access);
            }
            hosts[level] = host;
            if (levels != 3 || level != 2) {
                rights &= entry;
                never |= entry & NX;
            }
            if (leaf) {
                break;
            }
            at = entry & (wide ? ADDRESS : 0xffff_f000L);
            level--;
        }
        long need = write ? RW | US : US;
        if ((rights & need) != need || access == FETCH && never != 0) {
            if (forgiving) {
                return DEVICE;
            }
            throw fault(error | ERROR_PRESENT, gpa, va, access);
        }
        for (int l = levels - 1; l >= level; l--) {
            if (levels != 3 || l != 2) {
                mark(hosts[l], l == level && write ? A | D : A);
            }
        }
        writable = (rights & RW) != 0 && (write || (entry & D) != 0);
        pageShift = shift(level);
        return frame(entry, level) | gpa & (1L << pageShift) - 1;
    }

    private long entryHost(long table, long gpa, int level) {
        long page = cpu.mmu().physicalPage(table);
        if (page == 0) {
            return 0;
        }
        if (wide) {
            long offset = levels == 3 && level == 2 ? table & 0xfe0 : 0;
            return page + offset + (gpa >>> shift(level) & 511) * 8;
        }
        return page + (gpa >>> shift(level) & 1023) * 4;
    }

    /** The physical address that a leaf maps. */
    private long frame(long entry, int level) {
        long offset = (1L << shift(level)) - 1;
        if (!wide && level == 1) {
            return entry & 0xffc0_0000L | (entry >>> 13 & 0xff) << 32;
        }
        return entry & (wide ? ADDRESS : 0xffff_f000L) & ~offset;
    }

    private void mark(long host, long bits) {
        long e = wide ? get64(host) : get32(host);
        if ((e & bits) != bits) {
            if (wide) {
                put64(host, e | bits);
            } else {
                put32(host, (int) (e | bits));
            }
            cpu.memory().written(host - cpu.memory().base() >>> 12);
        }
    }

    private RuntimeException fault(long error, long gpa, long va, int access) {
        return guest.nestedFault(error, gpa, va, access);
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public int pageShift() {
        return pageShift;
    }

    @Override
    public boolean readsPdptes() {
        return true;
    }

    @Override
    public long peek(long gpa) {
        if (levels < 4 && gpa >>> 32 != 0) {
            return -1;
        }
        long at = top();
        for (int level = levels - 1;; level--) {
            long host = entryHost(at, gpa, level);
            long entry = host == 0 ? 0 : wide ? get64(host) : get32(host) & 0xffff_ffffL;
            if ((entry & P) == 0) {
                return -1;
            }
            if (isLeaf(entry, level)) {
                return frame(entry, level) | gpa & (1L << shift(level)) - 1;
            }
            at = entry & (wide ? ADDRESS : 0xffff_f000L);
        }
    }
}

package org.xenolith.cpu.vmx;

import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.virt.NestedPaging;

/**
 * Extended page tables of four levels, with 2 MiB and 1 GiB pages, accessed and dirty flags, and execute-only pages (SDM vol. 3, 29.3); and
 * the APIC-access page, which also a guest without EPT can have (30.4).
 */
final class Ept implements NestedPaging {
    private static final long R = 1;
    private static final long W = 2;
    private static final long X = 4;
    private static final long LEAF = 0x80;
    private static final long A = 0x100;
    private static final long D = 0x200;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
    private static final long EPTP_AD = 0x40;

    private final Cpu cpu;
    private final VmxGuest guest;
    private final VirtualApic apic;
    private final long[] hosts = new long[4];
    private long pointer;
    private boolean on;
    private boolean flags;
    private boolean forgiving;
    private long apicPage = -1;
    private boolean writable;
    private int pageShift;
    private boolean virtual;

    Ept(Cpu cpu, VmxGuest guest, VirtualApic apic) {
        this.cpu = cpu;
        this.guest = guest;
        this.apic = apic;
    }

    /** A pointer with a memory type of UC or WB, four levels, and no reserved bits. */
    static boolean validPointer(Cpu cpu, long eptp) {
        long type = eptp & 7;
        return (type == 0 || type == 6) && (eptp >>> 3 & 7) == 3 && (eptp & 0xf80) == 0
                && eptp >>> cpu.model().maxPhysicalAddressBits() == 0;
    }

    /**
     * Takes up what the VMCS says.
     *
     * @param useEpt false for an identity under which only the APIC-access page is
     * @param apicAccess the APIC-access page's address, or -1
     */
    void configure(boolean useEpt, long eptp, long apicAccess) {
        on = useEpt;
        pointer = eptp;
        flags = (eptp & EPTP_AD) != 0;
        apicPage = apicAccess == -1 ? -1 : apicAccess >>> 12;
    }

    long pointer() {
        return pointer;
    }

    /** While a hypervisor emulates an instruction, a device answers where no page is, and takes what is written to a page that is not writable. */
    void setForgiving(boolean forgives) {
        forgiving = forgives;
    }

    @Override
    public long translate(long gpa, int access, long va, boolean table, boolean user) {
        virtual = false;
        long p = on ? walk(gpa, access, va, table) : gpa;
        if (!on) {
            writable = true;
            pageShift = 12;
        }
        if (p != DEVICE && p >>> 12 == apicPage) {
            if (table || access == FETCH || !guest.virtualizesApicPage()) {
                throw guest.apicAccessExit((int) gpa & 0xfff, access, va, table);
            }
            virtual = true;
            return DEVICE;
        }
        return p;
    }

    private long walk(long gpa, int access, long va, boolean table) {
        long reserved = ~(-1L >>> 64 - cpu.model().maxPhysicalAddressBits()) & ADDRESS;
        long at = pointer & ADDRESS;
        long rights = R | W | X;
        int level = 3;
        long entry;
        while (true) {
            long page = cpu.mmu().physicalPage(at);
            long host = page + (gpa >>> 12 + 9 * level & 511) * 8;
            entry = page == 0 ? 0 : get64(host);
            if ((entry & (R | W | X)) == 0) {
                if (forgiving) {
                    return DEVICE;
                }
                throw violation(gpa, access, va, table, 0);
            }
            boolean leaf = level == 0 || level < 3 && (entry & LEAF) != 0;
            if (misconfigured(entry, level, leaf, reserved)) {
                if (forgiving) {
                    return DEVICE;
                }
                throw guest.misconfiguration(gpa, va);
            }
            rights &= entry;
            hosts[level] = host;
            if (leaf) {
                break;
            }
            at = entry & ADDRESS;
            level--;
        }
        boolean write = access == WRITE || table && flags;
        long need = (access == FETCH ? X : access == WRITE ? W : R) | (write ? W : 0);
        if ((rights & need) != need) {
            if (forgiving) {
                return DEVICE;
            }
            throw violation(gpa, access, va, table, rights);
        }
        boolean dirty = true;
        if (flags) {
            for (int l = 3; l >= level; l--) {
                long want = l == level && write ? A | D : A;
                long e = get64(hosts[l]);
                if ((e & want) != want) {
                    put64(hosts[l], e | want);
                    cpu.memory().written(hosts[l] - cpu.memory().base() >>> 12);
                }
            }
            dirty = write || (entry & D) != 0;
        }
        writable = (rights & W) != 0 && dirty;
        pageShift = 12 + 9 * level;
        long offset = (1L << pageShift) - 1;
        return entry & ADDRESS & ~offset | gpa & offset;
    }

    /** Settings that are reserved (29.3.3.1). */
    private static boolean misconfigured(long entry, int level, boolean leaf, long reserved) {
        if ((entry & (R | W)) == W || (entry & reserved) != 0) {
            return true;
        }
        if (!leaf) {
            return (entry & (level == 3 ? 0xf8 : 0x78)) != 0;
        }
        long type = entry >>> 3 & 7;
        return type == 2 || type == 3 || type == 7 || level > 0 && (entry & (1L << 12 + 9 * level) - 1 & ~0xfffL) != 0;
    }

    private RuntimeException violation(long gpa, int access, long va, boolean table, long rights) {
        long q = access == FETCH ? 4 : access == WRITE ? 2 : 1;
        if (table && flags) {
            q |= 3;
        }
        q |= rights << 3 | 0x80 | (table ? 0 : 0x100);
        return guest.violation(q, gpa, va, access);
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
    public boolean virtualDevice() {
        return virtual;
    }

    @Override
    public long deviceRead(long gpa, int bytes) {
        return apic.pageRead((int) gpa & 0xfff, bytes);
    }

    @Override
    public void deviceWrite(long gpa, int bytes, long value) {
        apic.pageWrite((int) gpa & 0xfff, bytes, value);
    }

    @Override
    public long peek(long gpa) {
        if (!on) {
            return gpa;
        }
        long at = pointer & ADDRESS;
        for (int level = 3;; level--) {
            long page = cpu.mmu().physicalPage(at);
            long entry = page == 0 ? 0 : get64(page + (gpa >>> 12 + 9 * level & 511) * 8);
            if ((entry & (R | W | X)) == 0) {
                return -1;
            }
            if (level == 0 || level < 3 && (entry & LEAF) != 0) {
                long offset = (1L << 12 + 9 * level) - 1;
                return entry & ADDRESS & ~offset | gpa & offset;
            }
            at = entry & ADDRESS;
        }
    }
}

package org.xenolith.emulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.FaultLog;
import org.xenolith.cpu.Vector;
import org.xenolith.hypervisor.Vcpu;

/** Exceptions in words: what a page fault or a selector's error code was about, looked up without side effects. */
final class FaultWords {
    /** Types of system descriptors (SDM vol. 3, table 3-2). */
    private static final String[] SYSTEM = {"reserved type 0", "16-bit TSS", "LDT", "busy 16-bit TSS",
        "16-bit call gate", "task gate", "16-bit interrupt gate", "16-bit trap gate", "reserved type 8", "TSS",
        "reserved type 10", "busy TSS", "call gate", "reserved type 13", "interrupt gate", "trap gate"};

    private FaultWords() {
    }

    /** The newest exception and those that it came up in: "#GP while delivering #DF ...". */
    static String chain(List<FaultLog.Entry> newestFirst) {
        List<String> names = new ArrayList<>();
        for (FaultLog.Entry f : newestFirst) {
            names.add(Vector.name(f.vector()));
            if (!f.nested()) {
                break;
            }
        }
        return String.join(" while delivering ", names);
    }

    /** What the exception was about; empty for those that say nothing but their vector. */
    static String about(Vcpu v, FaultLog.Entry f) {
        if (f.vector() == Vector.PF) {
            // an HVM guest's tables are behind nested ones, which the processor does not walk outside of the guest
            return v.domain().config().hvm()
                    ? pageFault(f)
                    : pageFault(f) + "; entries now: " + v.cpu().mmu().describe(f.address());
        }
        // bit 0 alone is EXT: an event was being delivered, and no selector is named
        boolean names = f.vector() >= Vector.TS && f.vector() <= Vector.GP && (f.error() & 0xfffe) != 0;
        return names ? selector(v, f.error()) : "";
    }

    /** Error code of a page fault (SDM vol. 3, 4.7). */
    private static String pageFault(FaultLog.Entry f) {
        int e = f.error();
        String access = (e & 16) != 0 ? "instruction fetch from" : (e & 2) != 0 ? "write to" : "read of";
        String why;
        if ((e & 8) != 0) {
            why = "a reserved bit is set in an entry";
        } else if ((e & 1) == 0) {
            why = "the page is not present";
        } else {
            why = (e & 32) != 0
                    ? "the page is present but its protection key forbids it"
                    : "the page is present but its rights forbid it";
        }
        return String.format(Locale.ROOT, "%s %x in %s mode: %s", access, f.address(),
                (e & 4) != 0 ? "user" : "supervisor", why);
    }

    /** An error code that names a descriptor (SDM vol. 3, 6.13). */
    private static String selector(Vcpu v, int error) {
        Cpu c = v.cpu();
        int index = error >>> 3 & 0x1fff;
        boolean idt = (error & 2) != 0;
        boolean ldt = !idt && (error & 4) != 0;
        long base = idt
                ? c.field(CpuState.IDTR_BASE)
                : ldt ? c.segmentBase(CpuState.LDTR) : c.field(CpuState.GDTR_BASE);
        long limit = idt
                ? c.field(CpuState.IDTR_LIMIT)
                : ldt ? c.segmentLimit(CpuState.LDTR) : c.field(CpuState.GDTR_LIMIT);
        int size = idt && c.longMode() ? 16 : 8;
        long offset = (long) index * size;
        String where = String.format(Locale.ROOT, "entry %d (0x%x) of the %s at %x", index, index,
                idt ? "IDT" : ldt ? "LDT" : "GDT", base);
        if (offset + size - 1 > limit) {
            return where + String.format(Locale.ROOT, ", which is past its limit %x", limit);
        }
        byte[] bytes = new byte[8];
        for (int k = 0; k < bytes.length; k++) {
            // byte by byte: the table need not be aligned, and may end where its mapping does
            long va = base + offset + k;
            long gpa = v.access().gpa(va);
            if (gpa < 0 || !v.domain().tryRead(gpa, bytes, k, 1)) {
                return where + ", which is not mapped to memory";
            }
        }
        long d = 0;
        for (int k = bytes.length - 1; k >= 0; k--) {
            d = d << 8 | bytes[k] & 0xff;
        }
        return where + String.format(Locale.ROOT, " is now %016x: %s", d, descriptor(d));
    }

    /** A descriptor's kind, DPL and presence (SDM vol. 3, 3.4.5 and 3.5). */
    static String descriptor(long d) {
        if (d == 0) {
            return "empty";
        }
        int type = (int) (d >>> 40) & 15;
        String kind = (d & 1L << 44) == 0 ? SYSTEM[type] : segment(d, type);
        return String.format(Locale.ROOT, "%s, dpl %d%s", kind, d >>> 45 & 3,
                (d & 1L << 47) != 0 ? "" : ", not present");
    }

    private static String segment(long d, int type) {
        if ((type & 8) == 0) {
            return (type & 2) != 0 ? "writable data" : "read-only data";
        }
        String bits = (d & 1L << 53) != 0 ? "64-bit" : (d & 1L << 54) != 0 ? "32-bit" : "16-bit";
        return bits + ((type & 4) != 0 ? " conforming code" : " code");
    }
}

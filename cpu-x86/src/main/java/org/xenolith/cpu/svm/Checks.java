package org.xenolith.cpu.svm;

import static org.xenolith.cpu.ControlRegisters.CR0_CD;
import static org.xenolith.cpu.ControlRegisters.CR0_NW;
import static org.xenolith.cpu.ControlRegisters.CR0_PE;
import static org.xenolith.cpu.ControlRegisters.CR0_PG;
import static org.xenolith.cpu.ControlRegisters.CR4_PAE;
import static org.xenolith.cpu.ControlRegisters.EFER_LME;
import static org.xenolith.cpu.ControlRegisters.EFER_SVME;

import java.util.List;
import java.util.function.BiPredicate;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.EventInfo;

/** The consistency checks of VMRUN (APM vol. 2, 15.5.1 and where each names), which end it with VMEXIT_INVALID. */
final class Checks {
    /** Attributes of a segment in the VMCB: long, default size. */
    private static final int LONG = 0x200;
    private static final int BIG = 0x400;

    /**
     * One check.
     *
     * @param section of APM vol. 2
     * @param words what holds when it passes
     */
    record Check(String section, String words, BiPredicate<Cpu, Vmcb> holds) {
        @Override
        public String toString() {
            return words + " (APM vol. 2, " + section + ")";
        }
    }

    /** In the manual's order. */
    static final List<Check> ALL = List.of(
            new Check("15.5.1", "EFER.SVME is set", (c, v) -> (v.get(Vmcb.EFER) & EFER_SVME) != 0),
            new Check("15.5.1", "CR0.NW is not set without CR0.CD",
                    (c, v) -> (v.get(Vmcb.CR0) & (CR0_CD | CR0_NW)) != CR0_NW),
            new Check("15.5.1", "CR0 has 32 bits", (c, v) -> v.get(Vmcb.CR0) >>> 32 == 0),
            new Check("15.5.1", "CR3 has no reserved bits", (c, v) -> physical(c, v.get(Vmcb.CR3))),
            new Check("15.5.1", "CR4 has no reserved bits",
                    (c, v) -> (v.get(Vmcb.CR4) & ~ControlWrites.cr4Mask(c.model())) == 0),
            new Check("15.5.1", "DR6 has 32 bits", (c, v) -> v.get(Vmcb.DR6) >>> 32 == 0),
            new Check("15.5.1", "DR7 has 32 bits", (c, v) -> v.get(Vmcb.DR7) >>> 32 == 0),
            new Check("15.5.1", "EFER has no reserved bits",
                    (c, v) -> (v.get(Vmcb.EFER) & ~(ControlWrites.eferMask(c.model()) | EFER_SVME)) == 0),
            new Check("15.5.1", "EFER.LME with CR0.PG needs CR4.PAE",
                    (c, v) -> !longPaging(v) || (v.get(Vmcb.CR4) & CR4_PAE) != 0),
            new Check("15.5.1", "EFER.LME with CR0.PG needs CR0.PE",
                    (c, v) -> !longPaging(v) || (v.get(Vmcb.CR0) & CR0_PE) != 0),
            new Check("15.5.1", "CS does not have both L and D in long mode",
                    (c, v) -> !longPaging(v) || (v.get(Vmcb.CR4) & CR4_PAE) == 0
                            || (v.shortAt(Vmcb.SEGMENTS + 16 * CpuState.CS + 2) & (LONG | BIG)) != (LONG | BIG)),
            new Check("15.5.1", "VMRUN is intercepted", (c, v) -> (v.intAt(Vmcb.INTERCEPTS + 16) & 1) != 0),
            new Check("15.10.1", "the I/O permissions map is in the physical address width",
                    (c, v) -> !intercepts(v, ExitCode.IOIO) || physical(c, (v.get(Vmcb.IOPM) & -4096L) + 0x2fff)),
            new Check("15.11", "the MSR permissions map is in the physical address width",
                    (c, v) -> !intercepts(v, ExitCode.MSR) || physical(c, (v.get(Vmcb.MSRPM) & -4096L) + 0x2fff)),
            new Check("15.20", "the type of the injected event is not reserved",
                    (c, v) -> !injects(v) || switch (EventInfo.type(v.get(Vmcb.EVENT_INJECTION))) {
                        case EventInfo.EXTERNAL, EventInfo.NMI, EventInfo.EXCEPTION, EventInfo.SOFTWARE -> true;
                        default -> false;
                    }),
            new Check("15.20", "the vector of an injected exception is one of an exception",
                    (c, v) -> !injects(v) || EventInfo.type(v.get(Vmcb.EVENT_INJECTION)) != EventInfo.EXCEPTION
                            || exception(v)),
            new Check("15.5.1", "the ASID is not 0", (c, v) -> v.intAt(Vmcb.ASID) != 0),
            new Check("15.5.1", "the ASID is one that CPUID offers",
                    (c, v) -> Integer.compareUnsigned(v.intAt(Vmcb.ASID), Svm.ASIDS) < 0),
            new Check("15.16", "TLB_CONTROL is 0, 1, 3 or 7", (c, v) -> switch (v.byteAt(Vmcb.TLB_CONTROL)) {
                case 0, 1, 3, 7 -> true;
                default -> false;
            }),
            new Check("15.25.3", "nested paging needs paging in the host",
                    (c, v) -> !nested(v) || c.root() != null || (c.cr0() & CR0_PG) != 0),
            new Check("15.25.4", "the nested CR3 has no reserved bits",
                    (c, v) -> !nested(v) || physical(c, v.get(Vmcb.NESTED_CR3))),
            new Check("15.25.8", "G_PAT has memory types only", (c, v) -> !nested(v) || validPat(v.get(Vmcb.PAT))));

    private Checks() {
    }

    /** The first that fails, or null. */
    static Check failing(Cpu c, Vmcb v) {
        for (int i = 0; i < ALL.size(); i++) {
            Check k = ALL.get(i);
            if (!k.holds.test(c, v)) {
                return k;
            }
        }
        return null;
    }

    private static boolean longPaging(Vmcb v) {
        return (v.get(Vmcb.EFER) & EFER_LME) != 0 && (v.get(Vmcb.CR0) & CR0_PG) != 0;
    }

    private static boolean physical(Cpu c, long address) {
        return address >>> c.model().maxPhysicalAddressBits() == 0;
    }

    private static boolean intercepts(Vmcb v, int code) {
        return (v.intAt(Vmcb.INTERCEPTS + (code >>> 5) * 4) >>> (code & 31) & 1) != 0;
    }

    private static boolean injects(Vmcb v) {
        return (v.get(Vmcb.EVENT_INJECTION) & EventInfo.VALID) != 0;
    }

    private static boolean exception(Vmcb v) {
        int vector = EventInfo.vector(v.get(Vmcb.EVENT_INJECTION));
        boolean wide = longPaging(v) && (v.shortAt(Vmcb.SEGMENTS + 16 * CpuState.CS + 2) & LONG) != 0;
        return vector <= 31 && vector != Vector.NMI && !(wide && (vector == Vector.OF || vector == Vector.BR));
    }

    private static boolean nested(Vmcb v) {
        return (v.get(Vmcb.NESTED) & Vmcb.NESTED_PAGING) != 0;
    }

    private static boolean validPat(long pat) {
        for (int i = 0; i < 8; i++) {
            long type = pat >>> 8 * i & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }
}

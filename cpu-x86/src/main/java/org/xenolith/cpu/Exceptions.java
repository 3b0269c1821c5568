package org.xenolith.cpu;

import org.xenolith.cpu.virt.EventInfo;
import org.xenolith.cpu.virt.GuestMode;

/** Delivery of exceptions and interrupts, with double faults and shutdown (SDM vol. 3, chapter 6). */
public final class Exceptions {
    /** DR7.GD: accesses to debug registers raise #DB; cleared when #DB is delivered. */
    private static final long DR7_GD = 1 << 13;

    private static final int BENIGN = 0;
    private static final int CONTRIBUTORY = 1;
    private static final int PAGE_FAULT = 2;
    /** More faults within one delivery than any that ends has. */
    private static final int MOST_NESTED = 8;

    private Exceptions() {
    }

    /** How an event came about; decides on the DPL check, the pushed RF and the EXT bit. */
    public enum Source {
        /** A fault or abort of an instruction: RIP is the faulting instruction. */
        EXCEPTION,
        /** A trap after an instruction (single step, data breakpoint), or an instruction breakpoint: the pushed RF is the current one. */
        TRAP,
        /** External interrupt or NMI. */
        EXTERNAL,
        /** INT n: the gate's DPL is checked. */
        SOFTWARE,
        /** INT3 and INTO: like {@link #SOFTWARE}. */
        SOFTWARE_EXCEPTION,
        /** INT1 (ICEBP): no DPL check. */
        PRIVILEGED_SOFTWARE;

        /** Made by an INT instruction whose gate must admit the CPL. */
        boolean checksDpl() {
            return this == SOFTWARE || this == SOFTWARE_EXCEPTION;
        }

        /** Made by an INT instruction, so that faults while delivering are faults of an instruction. */
        boolean isInstruction() {
            return ordinal() >= SOFTWARE.ordinal();
        }
    }

    /**
     * Delivers an event; faults met while delivering become double or triple faults (SDM vol. 3, table 6-5). RIP must be the address to return to.
     */
    public static void deliver(Cpu c, int vector, Source source, boolean hasError, int error) {
        int v = vector;
        Source s = source;
        boolean withError = hasError;
        int code = error;
        if (c.environment().takesEvent(c, vector, source, hasError, error)) {
            return;
        }
        GuestMode guest = c.guestMode();
        long during = guest == null ? 0 : c.takeVectoring();
        // an interrupt is not in the log, so that a fault while delivering one stands at the start of its chain
        boolean nested = false;
        int again = 0;
        while (true) {
            if (s == Source.EXCEPTION) {
                c.faults().record(c, v, code, nested);
                nested = true;
            }
            long event = guest == null ? 0 : EventInfo.of(v, s, withError, code);
            if (guest != null && (s == Source.EXCEPTION || s == Source.TRAP) && guest.event(c, event, during)) {
                return;
            }
            try {
                once(c, v, s, withError, code);
                return;
            } catch (GuestFault _) {
                int second = c.faultVector();
                if (second == Vector.VM_EXIT) {
                    guest.exit(c, event);
                    return;
                }
                during = event;
                // #AC met while delivering #AC, at the same level, is delivered again and again: a processor hangs there for good, deaf even
                // to NMIs (CVE-2015-5307); ours shuts down, so that its machine can go on without it
                if (v == Vector.DF && s == Source.EXCEPTION || ++again > MOST_NESTED) {
                    c.faults().record(c, second, c.faultError(), true);
                    shutdown(c);
                    return;
                }
                int first = s == Source.EXCEPTION ? classOf(v) : BENIGN;
                int then = classOf(second);
                if (first == CONTRIBUTORY && then == CONTRIBUTORY || first == PAGE_FAULT && then != BENIGN) {
                    // the double fault hides it from the guest, but its error code and CR2 are what a report needs
                    c.faults().record(c, second, c.faultError(), true);
                    v = Vector.DF;
                    withError = true;
                    code = 0;
                } else {
                    v = second;
                    withError = c.faultHasError();
                    code = c.faultError();
                }
                s = Source.EXCEPTION;
            }
        }
    }

    /**
     * Delivers the event of an INT instruction, to be called from its semantics: RIP is past the instruction. A fault while delivering unwinds as a
     * fault of the instruction.
     */
    public static void software(Cpu c, int vector, Source source) {
        c.debug().suppressStep();
        if (source == Source.PRIVILEGED_SOFTWARE) {
            c.debug().mergePending();
        }
        if (c.environment().takesEvent(c, vector, source, false, 0)) {
            return;
        }
        GuestMode guest = c.guestMode();
        if (guest == null) {
            once(c, vector, source, false, 0);
            return;
        }
        long event = EventInfo.of(vector, source, false, 0);
        if (source != Source.SOFTWARE && guest.event(c, event, 0)) {
            return;
        }
        try {
            once(c, vector, source, false, 0);
        } catch (GuestFault f) {
            c.setVectoring(event);
            throw f;
        }
    }

    /**
     * INT n in virtual-8086 mode with VME: true when the redirection bitmap sent it to the 8086 program's own handler (SDM vol. 3, 21.3.3).
     */
    public static boolean redirect(Cpu c, int vector) {
        if (!Tss.redirects(c, vector)) {
            return false;
        }
        c.debug().suppressStep();
        InterruptDelivery.redirected(c, vector);
        return true;
    }

    private static void once(Cpu c, int vector, Source source, boolean hasError, int error) {
        if (vector == Vector.DB && (source == Source.EXCEPTION || source == Source.TRAP)) {
            c.setField(CpuState.DR + 7 * 8, c.field(CpuState.DR + 7 * 8) & ~DR7_GD);
        }
        int ext = source.checksDpl() ? 0 : 1;
        if (!c.protectedMode()) {
            InterruptDelivery.real(c, vector, source);
        } else if (c.longMode()) {
            InterruptDelivery.longMode(c, vector, source, ext, hasError, error);
        } else {
            InterruptDelivery.legacy(c, vector, source, ext, hasError, error);
        }
    }

    private static int classOf(int vector) {
        return switch (vector) {
            case Vector.DE, Vector.TS, Vector.NP, Vector.SS, Vector.GP -> CONTRIBUTORY;
            case Vector.PF -> PAGE_FAULT;
            default -> BENIGN;
        };
    }

    private static void shutdown(Cpu c) {
        c.faults().tripleFault();
        if (c.guestMode() != null && c.guestMode().tripleFault(c)) {
            return;
        }
        c.setActivity(Cpu.Activity.SHUTDOWN);
        c.environment().shutdown(c);
    }
}

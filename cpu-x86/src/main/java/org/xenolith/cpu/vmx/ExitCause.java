package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.EventInfo;

/** What the VMCS will say of the exit that is being made (SDM vol. 3, 28.2). */
final class ExitCause {
    ExitReason reason = ExitReason.CPUID;
    long qualification;
    int length;
    int info;
    long event;
    long vectoring;
    long gpa;
    long linear;
    /** Of an EPT violation: {@code NestedPaging.READ} and so on. */
    int access;
    /** RIP when the exit was noted, past the instruction, whose length its start then gives; or 0. */
    long ripPast;

    void begin(ExitReason why, long exitQualification) {
        reason = why;
        qualification = exitQualification;
        length = 0;
        info = 0;
        event = 0;
        vectoring = 0;
        gpa = 0;
        linear = 0;
        ripPast = 0;
    }

    void store(Vmcs v) {
        v.put(Field.EXIT_REASON, reason.number);
        v.put(Field.QUALIFICATION, qualification);
        v.put(Field.GUEST_PHYSICAL, gpa);
        v.put(Field.GUEST_LINEAR, linear);
        v.put(Field.EXIT_LENGTH, length);
        v.put(Field.EXIT_INFO, info & 0xffff_ffffL);
        v.put(Field.EXIT_EVENT, event & 0xffff_ffffL);
        v.put(Field.EXIT_ERROR, event >>> 32);
        v.put(Field.VECTORING, vectoring & 0xffff_ffffL);
        v.put(Field.VECTORING_ERROR, vectoring >>> 32);
    }

    boolean nmi() {
        return reason == ExitReason.EXCEPTION_NMI && EventInfo.type(event) == EventInfo.NMI;
    }

    /** RFLAGS.RF is saved as 1: the instruction faulted, and is to be executed again (28.3.3). */
    boolean resumes() {
        boolean fault = EventInfo.type(event) == EventInfo.EXCEPTION && EventInfo.vector(event) != Vector.DB
                || reason == ExitReason.EPT_VIOLATION || reason == ExitReason.EPT_MISCONFIG
                || reason == ExitReason.APIC_ACCESS;
        return fault && vectoring == 0;
    }
}

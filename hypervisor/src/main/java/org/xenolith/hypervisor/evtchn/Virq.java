package org.xenolith.hypervisor.evtchn;

/** Numbers of the virtual interrupts (public/xen.h, VIRQ_*). */
public final class Virq {
    public static final int TIMER = 0;
    public static final int DEBUG = 1;
    public static final int XENOPROF = 7;
    public static final int ARGO = 11;
    public static final int XENPMU = 13;
    public static final int COUNT = 24;

    private Virq() {
    }

    /** True when each vCPU has its own; the others belong to the domain and start on vCPU 0. */
    public static boolean perVcpu(int virq) {
        return virq == TIMER || virq == DEBUG || virq == XENOPROF || virq == XENPMU;
    }
}

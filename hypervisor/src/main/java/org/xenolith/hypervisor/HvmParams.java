package org.xenolith.hypervisor;

/** The HVM parameters of a domain (public/hvm/params.h), by number. */
public final class HvmParams {
    public static final int CALLBACK_IRQ = 0;
    public static final int STORE_PFN = 1;
    public static final int STORE_EVTCHN = 2;
    public static final int IOREQ_PFN = 5;
    public static final int BUFIOREQ_PFN = 6;
    public static final int VIRIDIAN = 9;
    public static final int TIMER_MODE = 10;
    public static final int HPET_ENABLED = 11;
    public static final int IDENT_PT = 12;
    public static final int DM_DOMAIN = 13;
    public static final int ACPI_S_STATE = 14;
    public static final int VM86_TSS = 15;
    public static final int VPT_ALIGN = 16;
    public static final int CONSOLE_PFN = 17;
    public static final int CONSOLE_EVTCHN = 18;
    public static final int ACPI_IOPORTS_LOCATION = 19;
    public static final int NESTEDHVM = 24;
    public static final int PAGING_RING_PFN = 27;
    public static final int MONITOR_RING_PFN = 28;
    public static final int SHARING_RING_PFN = 29;
    public static final int TRIPLE_FAULT_REASON = 31;
    public static final int IOREQ_SERVER_PFN = 32;
    public static final int NR_IOREQ_SERVER_PAGES = 33;
    public static final int VM_GENERATION_ID_ADDR = 34;
    public static final int ALTP2M = 35;
    public static final int X87_FIP_WIDTH = 36;
    public static final int VM86_TSS_SIZED = 37;
    public static final int MCA_CAP = 38;
    public static final int COUNT = 39;

    /**
     * Kind of callback in the top byte of {@link #CALLBACK_IRQ}: none, or a GSI of the interrupt controllers that PVH
     * lacks.
     */
    public static final int CALLBACK_TYPE_GSI = 0;
    public static final int CALLBACK_TYPE_PCI_INTX = 1;
    public static final int CALLBACK_TYPE_VECTOR = 2;

    private final long[] values = new long[COUNT];

    HvmParams() {
        values[TRIPLE_FAULT_REASON] = ShutdownReason.REBOOT;
    }

    public long get(int index) {
        return values[index];
    }

    public void set(int index, long value) {
        values[index] = value;
    }
}

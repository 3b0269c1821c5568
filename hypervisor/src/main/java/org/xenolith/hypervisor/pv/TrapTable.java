package org.xenolith.hypervisor.pv;

/** A PV vCPU's virtual interrupt descriptor table (public/arch-x86/xen.h, struct trap_info): where the guest takes exceptions and INT n. */
public final class TrapTable {
    /** Vectors of the table. */
    public static final int SIZE = 256;
    private static final int DPL = 3;
    private static final int MASKS_EVENTS = 4;

    private final int[] selector = new int[SIZE];
    private final int[] flags = new int[SIZE];
    private final long[] address = new long[SIZE];

    /**
     * Stores an entry.
     *
     * @param vector 0 to 255
     * @param entryFlags TI_GET_DPL in bits 0 and 1, TI_GET_IF in bit 2
     * @param cs selector of the handler's code
     * @param eip 0 for no handler
     */
    public void set(int vector, int entryFlags, int cs, long eip) {
        selector[vector] = cs & 0xffff;
        flags[vector] = entryFlags & 0xff;
        address[vector] = eip;
    }

    /** Removes all entries. */
    public void clear() {
        for (int v = 0; v < SIZE; v++) {
            set(v, 0, 0, 0);
        }
    }

    /** True when the guest has a handler. */
    boolean handles(int vector) {
        return address[vector] != 0;
    }

    long address(int vector) {
        return address[vector];
    }

    int selector(int vector) {
        return selector[vector];
    }

    boolean masksEvents(int vector) {
        return (flags[vector] & MASKS_EVENTS) != 0;
    }

    /** Least privileged ring that may reach the entry by INT n. */
    int dpl(int vector) {
        return flags[vector] & DPL;
    }
}

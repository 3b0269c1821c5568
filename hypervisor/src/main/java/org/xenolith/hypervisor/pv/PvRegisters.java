package org.xenolith.hypervisor.pv;

/** What a PV vCPU has of a processor that is not in the real one: tables of entry points, the kernel's stack, and control registers. */
public final class PvRegisters {
    private final TrapTable traps = new TrapTable();
    private final Callback.Table callbacks = new Callback.Table();
    private long kernelSp;
    private int kernelSs;
    private int iopl;
    private long cr4;
    private long ioBitmap;
    private int ioPorts;

    PvRegisters() {
    }

    public TrapTable traps() {
        return traps;
    }

    public Callback.Table callbacks() {
        return callbacks;
    }

    /** HYPERVISOR_stack_switch: where frames go when the guest was in user mode. */
    public void setKernelStack(int ss, long sp) {
        kernelSs = ss & 0xffff;
        kernelSp = sp;
    }

    long kernelSp() {
        return kernelSp;
    }

    int kernelSs() {
        return kernelSs;
    }

    /** PHYSDEVOP_set_iopl, 0 to 3. */
    public void setIopl(int level) {
        iopl = level;
    }

    int iopl() {
        return iopl;
    }

    /** PHYSDEVOP_set_iobitmap: linear address and number of ports of a bit map in which 0 allows a port. */
    public void setIoBitmap(long gva, int ports) {
        ioBitmap = gva;
        ioPorts = ports;
    }

    long ioBitmap() {
        return ioBitmap;
    }

    int ioPorts() {
        return ioPorts;
    }

    /** CR4 as the guest last wrote it. */
    long cr4() {
        return cr4;
    }

    void setCr4(long v) {
        cr4 = v;
    }
}

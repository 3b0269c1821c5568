package org.xenolith.cpu;

import java.util.ArrayList;
import java.util.List;

/** The last exceptions that one CPU delivered, for reports on why a guest died. Not part of the guest's state. */
public final class FaultLog {
    /** Exceptions remembered. */
    public static final int SIZE = 8;

    private final int[] vector = new int[SIZE];
    private final int[] error = new int[SIZE];
    private final int[] cpl = new int[SIZE];
    private final long[] rip = new long[SIZE];
    private final long[] address = new long[SIZE];
    private final boolean[] nested = new boolean[SIZE];
    private long count;
    private boolean tripleFault;

    FaultLog() {
    }

    /**
     * One exception.
     *
     * @param vector 0 to 31
     * @param error error code, 0 where the vector has none
     * @param cpl privilege level that it happened at
     * @param rip RIP of the instruction
     * @param address CR2 for a page fault, else 0
     * @param nested true when it came up while the one before it was being delivered
     */
    public record Entry(int vector, int error, int cpl, long rip, long address, boolean nested) {
    }

    /** Notes an exception; RIP and CR2 are the CPU's. */
    public void record(Cpu c, int faultVector, int faultError, boolean whileDelivering) {
        int at = (int) (count++ % SIZE);
        vector[at] = faultVector;
        error[at] = faultError;
        cpl[at] = c.cpl();
        rip[at] = c.rip();
        address[at] = faultVector == Vector.PF ? c.field(CpuState.CR2) : 0;
        nested[at] = whileDelivering;
    }

    void tripleFault() {
        tripleFault = true;
    }

    /** True once a double fault could not be delivered. */
    public boolean isTripleFault() {
        return tripleFault;
    }

    /** The exceptions, the newest first. */
    public List<Entry> newestFirst() {
        List<Entry> list = new ArrayList<>();
        for (long n = count - 1; n >= 0 && n >= count - SIZE; n--) {
            int at = (int) (n % SIZE);
            list.add(new Entry(vector[at], error[at], cpl[at], rip[at], address[at], nested[at]));
        }
        return list;
    }
}

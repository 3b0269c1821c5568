package org.xenolith.hypervisor;

import org.xenolith.hypervisor.abi.GuestAbi;

/** Time that a vCPU has spent in each state (public/vcpu.h, struct vcpu_runstate_info), in virtual nanoseconds. */
public final class Runstate {
    public static final int RUNNING = 0;
    public static final int RUNNABLE = 1;
    public static final int BLOCKED = 2;
    public static final int OFFLINE = 3;

    private final long[] time = new long[4];
    private int state = OFFLINE;
    private long entered;

    Runstate(long now) {
        entered = now;
    }

    public int state() {
        return state;
    }

    /** System time at which the state was entered. */
    public long entered() {
        return entered;
    }

    /** Time spent in a state up to {@code now}. */
    public long time(int which, long now) {
        return time[which] + (which == state ? now - entered : 0);
    }

    void change(int to, long now) {
        time[state] += now - entered;
        entered = now;
        state = to;
    }

    /**
     * The structure as a guest reads it; the present state's time runs up to {@code now}, so that the sum is system
     * time.
     */
    public byte[] bytes(GuestAbi abi, long now) {
        int at = abi == GuestAbi.X86_64 ? 8 : 4;
        byte[] b = new byte[at + 40];
        put(b, 0, state, 4);
        put(b, at, entered, 8);
        for (int i = 0; i < 4; i++) {
            put(b, at + 8 + 8 * i, time(i, now), 8);
        }
        return b;
    }

    /** The structure as it stands since the last change, for the copy in guest memory. */
    byte[] storedBytes(GuestAbi abi) {
        return bytes(abi, entered);
    }

    private static void put(byte[] b, int at, long v, int n) {
        for (int i = 0; i < n; i++) {
            b[at + i] = (byte) (v >>> 8 * i);
        }
    }
}

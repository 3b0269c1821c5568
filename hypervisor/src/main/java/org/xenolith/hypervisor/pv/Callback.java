package org.xenolith.hypervisor.pv;

import org.xenolith.hypervisor.abi.Errno;

/** The entry points that a PV guest registers beside its trap table (public/callback.h). */
public enum Callback {
    EVENT(0), FAILSAFE(1), SYSCALL(2), NMI(4), SYSENTER(5), SYSCALL32(7);

    /** CALLBACKF_mask_events. */
    public static final int MASK_EVENTS = 1;

    private final int number;

    Callback(int number) {
        this.number = number;
    }

    /** The callback of a CALLBACKTYPE_* number, or null. */
    public static Callback of(int number) {
        for (Callback c : values()) {
            if (c.number == number) {
                return c;
            }
        }
        return null;
    }

    /** Where one callback leads. */
    private static final class Target {
        private int selector;
        private long address;
        private boolean masksEvents;
    }

    /** The callbacks of one vCPU. */
    public static final class Table {
        private final Target[] targets = new Target[values().length];

        Table() {
            for (int i = 0; i < targets.length; i++) {
                targets[i] = new Target();
            }
        }

        /**
         * Registers a callback.
         *
         * @param selector code selector for 32-bit guests; 64-bit ones have the flat one
         */
        public void set(Callback c, int selector, long address, boolean masksEvents) {
            Target t = targets[c.ordinal()];
            t.selector = selector & 0xffff;
            t.address = address;
            t.masksEvents = masksEvents;
        }

        /** CALLBACKOP_unregister; 0 or a negative error number. */
        public int remove(Callback c) {
            if (c == EVENT || c == FAILSAFE || c == SYSCALL) {
                return -Errno.EINVAL;
            }
            set(c, 0, 0, false);
            return 0;
        }

        /** 0 when there is none. */
        long address(Callback c) {
            return targets[c.ordinal()].address;
        }

        int selector(Callback c) {
            return targets[c.ordinal()].selector;
        }

        boolean masksEvents(Callback c) {
            return targets[c.ordinal()].masksEvents;
        }
    }
}

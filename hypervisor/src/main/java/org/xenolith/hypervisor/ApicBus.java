package org.xenolith.hypervisor;

/** Delivers the interrupt commands of one domain's local APICs to its vCPUs (SDM vol. 3, 11.6.1 and 11.12.9). */
final class ApicBus {
    private static final int FIXED = 0;
    private static final int LOWEST = 1;
    private static final int NMI = 4;
    private static final int INIT = 5;
    private static final int STARTUP = 6;

    private static final int LOGICAL = 1 << 11;
    private static final int DEASSERT_MASK = 1 << 14 | 1 << 15;
    private static final int LEVEL = 1 << 15;
    private static final int BROADCAST = -1;

    private ApicBus() {
    }

    /**
     * Delivers a command.
     *
     * @param icr x2APIC layout: destination in bits 63 to 32
     */
    static void deliver(Vcpu from, long icr) {
        int low = (int) icr;
        int mode = low >>> 8 & 7;
        int shorthand = low >>> 18 & 3;
        if (mode == INIT && (low & DEASSERT_MASK) == LEVEL) {
            // INIT level de-assert: only old processors know it
            return;
        }
        boolean done = false;
        for (Vcpu to : from.domain().vcpus()) {
            boolean hit = switch (shorthand) {
                case 0 -> matches(to, (int) (icr >>> 32), (low & LOGICAL) != 0);
                case 1 -> to == from;
                case 2 -> true;
                default -> to != from;
            };
            if (hit && !(mode == LOWEST && done)) {
                done = true;
                send(to, mode, low & 0xff);
            }
        }
        if (mode != FIXED && mode != LOWEST && mode != NMI && mode != INIT && mode != STARTUP) {
            from.domain().count("icr:mode" + mode);
        }
    }

    private static boolean matches(Vcpu to, int destination, boolean logical) {
        if (destination == BROADCAST) {
            return true;
        }
        int id = to.cpu().apic().id();
        if (logical) {
            // x2APIC logical id: cluster in the high half, one bit of 16 in the low half
            return id >>> 4 == destination >>> 16 && (destination & 1 << (id & 15)) != 0;
        }
        return id == destination;
    }

    private static void send(Vcpu to, int mode, int vector) {
        switch (mode) {
            case FIXED, LOWEST -> {
                to.cpu().apic().post(vector);
                to.wake();
            }
            case NMI -> {
                to.cpu().setNmiPending(true);
                to.wake();
            }
            case INIT -> to.init();
            case STARTUP -> to.startup(vector);
            default -> {}
        }
    }
}

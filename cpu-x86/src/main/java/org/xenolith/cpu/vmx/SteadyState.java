package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Flags;

/**
 * The part of a guest's state that seldom changes between two entries, as it was when it last passed its checks. The checks look at nothing
 * else, so that equal values need none of them again.
 */
final class SteadyState {
    private static final int SEGMENTS = 8;
    private static final int[] SINGLE = {Field.GUEST_CR0, Field.GUEST_CR3, Field.GUEST_CR4, Field.GUEST_EFER,
        Field.GUEST_PAT,
        Field.GUEST_DEBUGCTL, Field.GUEST_DR7, Field.GUEST_SYSENTER_ESP, Field.GUEST_SYSENTER_EIP,
        Field.GUEST_GDTR_BASE,
        Field.GUEST_IDTR_BASE, Field.GUEST_GDTR_LIMIT, Field.GUEST_IDTR_LIMIT, Field.ENTRY};

    private final long[] passed = new long[4 * SEGMENTS + SINGLE.length];
    private int settings;
    private boolean known;

    /** Secondary controls and RFLAGS.VM, which decide on the checks as well. */
    private static int settings(EntryState s) {
        return s.proc2 ^ (s.rflag(Flags.VM) ? 1 << 31 : 0);
    }

    boolean same(EntryState s) {
        if (!known || settings != settings(s)) {
            return false;
        }
        long differences = 0;
        for (int seg = 0; seg < SEGMENTS; seg++) {
            differences |= passed[4 * seg] ^ s.v.get(Field.GUEST_SELECTOR + 2 * seg)
                    | passed[4 * seg + 1] ^ s.v.get(Field.GUEST_BASE + 2 * seg)
                    | passed[4 * seg + 2] ^ s.v.get(Field.GUEST_LIMIT + 2 * seg)
                    | passed[4 * seg + 3] ^ s.v.get(Field.GUEST_RIGHTS + 2 * seg);
        }
        for (int i = 0; i < SINGLE.length; i++) {
            differences |= passed[4 * SEGMENTS + i] ^ s.v.get(SINGLE[i]);
        }
        return differences == 0;
    }

    void remember(EntryState s) {
        for (int seg = 0; seg < SEGMENTS; seg++) {
            passed[4 * seg] = s.v.get(Field.GUEST_SELECTOR + 2 * seg);
            passed[4 * seg + 1] = s.v.get(Field.GUEST_BASE + 2 * seg);
            passed[4 * seg + 2] = s.v.get(Field.GUEST_LIMIT + 2 * seg);
            passed[4 * seg + 3] = s.v.get(Field.GUEST_RIGHTS + 2 * seg);
        }
        for (int i = 0; i < SINGLE.length; i++) {
            passed[4 * SEGMENTS + i] = s.v.get(SINGLE[i]);
        }
        settings = settings(s);
        known = true;
    }
}

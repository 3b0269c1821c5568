package org.xenolith.hypervisor.xenstore;

import java.util.HashMap;
import java.util.Map;

/** The accounts of all domains and the limits that they are held to. */
final class Accounts {
    // Only looked up by number, never walked: its order reaches nobody.
    private final Map<Integer, DomainAccount> byDomid = new HashMap<>();
    private final Quotas quotas;

    Accounts(Quotas quotas) {
        this.quotas = quotas;
    }

    Quotas quotas() {
        return quotas;
    }

    DomainAccount of(int domid) {
        return byDomid.computeIfAbsent(domid, _ -> new DomainAccount());
    }

    static boolean isPrivileged(int domid) {
        return domid == Xenstored.CONTROL_DOMID;
    }

    /** Whether {@code domid} would hold more than its memory quota with {@code extra} bytes more. */
    boolean exceedsMemory(int domid, long extra) {
        return !isPrivileged(domid) && of(domid).memory() + extra > quotas.memory();
    }

    void forgetIfEmpty(int domid) {
        DomainAccount account = byDomid.get(domid);
        if (account != null && account.isEmpty()) {
            byDomid.remove(domid);
        }
    }
}

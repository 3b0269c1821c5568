package org.xenolith.hypervisor.xenstore;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.xenolith.hypervisor.ring.HeapRingPage;

/** Domains for tests: each has a page in the heap, frame 0x1000 plus its number, and port 1. */
final class FakeDomains implements DomainAccess {
    final Map<Integer, HeapRingPage> pages = new TreeMap<>();
    final Map<Integer, Integer> signals = new TreeMap<>();

    HeapRingPage add(int domid) {
        HeapRingPage page = new HeapRingPage();
        pages.put(domid, page);
        signals.put(domid, 0);
        return page;
    }

    Runnable signal(int domid) {
        return () -> signals.merge(domid, 1, Integer::sum);
    }

    @Override
    public boolean exists(int domid) {
        return pages.containsKey(domid);
    }

    @Override
    public Optional<RingEnd> connect(int domid, long gfn, int port) {
        if (!exists(domid) || gfn != 0x1000 + domid || port != 1) {
            return Optional.empty();
        }
        return Optional.of(new RingEnd(pages.get(domid), signal(domid)));
    }
}

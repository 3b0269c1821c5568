package org.xenolith.cpu.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.memory.HostMapping;
import org.xenolith.memory.RawMemory;

/** The data TLB and the address spaces over it against maps that do the same the slow way, in random order. */
class TlbModelTest {
    private static final int STEPS = 50_000;
    private static final int FRAMES = 9000;
    private static final long HOST = 0x7000_0000_0000L;

    private record Key(int view, int slot) {
    }

    private record Entry(long page, long host, boolean writable, boolean global, int shift) {
        boolean coveredBy(long va) {
            return (page ^ va) >>> shift == 0;
        }
    }

    private Map<Key, Entry> current = new HashMap<>();
    private final Map<Integer, Map<Key, Entry>> parked = new HashMap<>();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void does_what_the_model_does(long seed) {
        try (HostMapping memory = new HostMapping(Tlb.BYTES)) {
            run(new SplittableRandom(seed), new Tlb(memory.address()));
        }
    }

    /** An access of n bytes hits when the page of its last byte, with the tag added, is 0: also where that byte is in page 0. */
    @Test
    void access_past_the_end_of_the_address_space_hits_in_no_empty_table() {
        try (HostMapping memory = new HostMapping(Tlb.BYTES)) {
            Tlb tlb = new Tlb(memory.address());
            for (int view = Tlb.SUPERVISOR; view <= Tlb.SUPERVISOR_ANY; view++) {
                for (int tag : new int[]{Tlb.READ, Tlb.WRITE}) {
                    assertNotEquals(0, -1L + 7 + RawMemory.get64(tlb.entry(view, -1L) + tag) >>> 12);
                }
            }
        }
    }

    private void run(SplittableRandom random, Tlb tlb) {
        AddressSpaces spaces = new AddressSpaces(tlb, new FetchTlb());
        int pcid = 0;
        for (int step = 0; step < STEPS; step++) {
            long va = address(random);
            long host = HOST + ((long) random.nextInt(FRAMES) << 12);
            switch (random.nextInt(1000)) {
                case 0 -> {
                    spaces.flushAll();
                    current.clear();
                    parked.clear();
                }
                case 1 -> {
                    spaces.flushNonGlobal(false);
                    current.values().removeIf(e -> !e.global);
                }
                case 2, 3, 4, 5, 6, 7 -> {
                    int to = random.nextInt(4);
                    boolean keep = random.nextBoolean();
                    if (to != pcid) {
                        spaces.switchTo(pcid, to, keep);
                        switchModel(pcid, to, keep);
                        pcid = to;
                    }
                }
                case 8, 9 -> {
                    int other = random.nextInt(4);
                    spaces.flushParkedPage(other, va);
                    parked.getOrDefault(other, new HashMap<>()).values().removeIf(e -> e.coveredBy(va));
                }
                case 11, 12, 13 -> {
                    spaces.flushPrograms();
                    current.entrySet().removeIf(e -> e.getValue().page >= 0 || e.getKey().view == Tlb.USER);
                }
                case 10 -> {
                    int other = random.nextInt(4);
                    spaces.flushParked(other);
                    parked.remove(other);
                }
                default -> {
                    if (random.nextInt(10) < 8) {
                        fill(random, tlb, va, host);
                    } else {
                        byPageOrFrame(random, spaces, va, host);
                    }
                }
            }
            look(tlb, random.nextInt(3), address(random));
        }
    }

    /** Few pages, many of which share slots, regions and large pages. */
    private static long address(SplittableRandom random) {
        long area = switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> 0x4000_0000L;
            case 2 -> 0x7f00_0000_0000L;
            default -> 0xffff_ffff_8000_0000L;
        };
        return area + ((long) random.nextInt(2) << 26) + ((long) random.nextInt(4) << 20)
                + ((long) random.nextInt(8) << 12) + random.nextInt(4096);
    }

    private void fill(SplittableRandom random, Tlb tlb, long va, long host) {
        int view = random.nextInt(3);
        boolean writable = random.nextBoolean();
        boolean global = random.nextInt(3) == 0;
        int shift = new int[]{12, 12, 12, 21, 22, 30}[random.nextInt(6)];
        tlb.fill(view, va, host, writable, global, shift);
        current.put(new Key(view, slot(va)), new Entry(va & -4096L, host, writable, global, shift));
    }

    private void byPageOrFrame(SplittableRandom random, AddressSpaces spaces, long va, long host) {
        switch (random.nextInt(3)) {
            case 0 -> {
                spaces.flushPage(va);
                current.values().removeIf(e -> e.coveredBy(va));
            }
            case 1 -> {
                spaces.protectPage(host);
                protect(current, host);
                parked.values().forEach(m -> protect(m, host));
            }
            default -> {
                spaces.dropFrame(-1, host);
                current.values().removeIf(e -> e.host == host);
                parked.values().forEach(m -> m.values().removeIf(e -> e.host == host));
            }
        }
    }

    private static void protect(Map<Key, Entry> entries, long host) {
        entries.replaceAll((k, e) -> e.host == host ? new Entry(e.page, e.host, false, e.global, e.shift) : e);
    }

    private void switchModel(int from, int to, boolean keep) {
        Map<Key, Entry> left = new HashMap<>(current);
        left.values().removeIf(e -> e.global);
        parked.put(from, left);
        current.values().removeIf(e -> !e.global);
        Map<Key, Entry> back = parked.remove(to);
        if (back != null && keep) {
            back.forEach(current::putIfAbsent);
        }
    }

    private void look(Tlb tlb, int view, long va) {
        Entry model = current.get(new Key(view, slot(va)));
        boolean hit = model != null && model.page == (va & -4096L);
        long e = tlb.entry(view, va);
        assertEquals(hit, Long.compareUnsigned(va + RawMemory.get64(e + Tlb.READ), 4095) <= 0);
        assertEquals(hit && model.writable, Long.compareUnsigned(va + RawMemory.get64(e + Tlb.WRITE), 4095) <= 0);
        if (hit) {
            assertEquals(model.host + (va & 4095), va + RawMemory.get64(e + Tlb.ADDEND));
        }
    }

    private static int slot(long va) {
        return (int) (va >>> 12) & Tlb.ENTRIES - 1;
    }
}

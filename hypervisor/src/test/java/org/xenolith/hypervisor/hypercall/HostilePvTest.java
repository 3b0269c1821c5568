package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.GuestFault;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.StructView;

/**
 * Two PV domains that do anything at all to their memory: after each step all page tables and counts of the machine are
 * looked through. A failing sequence is shortened and printed.
 */
final class HostilePvTest {
    private static final int SEQUENCES = 100;
    private static final int STEPS = 60;
    private static final long SEED = 20260715;

    /** One step: what to do, on which guest, with parameters that each kind reads in its own way. */
    private record Step(Kind kind, int guest, int a, int b, int c, long value) {
    }

    private enum Kind {
        STORE, READ, REMAP, REMAP_READ_ONLY, MAKE_TABLE, MMU_UPDATE, MMUEXT, PIN, UNPIN, BASEPTR, EXCHANGE,
        RESERVATION, GRANT, MAP_GRANT, UNMAP_GRANT, COPY_GRANT, TRANSFER, PT_WRITE, GDT, LDT, DESCRIPTOR, VCPU_INFO,
        MULTICALL,
        ANY
    }

    private static final long[] BITS = {1, 3, 7, 0x21, 0x63, 0x67, 5, 0x65, 0x87, 0x1e7, 0x63 | 1L << 63,
        0x67 | 1L << 52, 0, 2, 0x6f};
    private static final int[] PAGES = {16, 17, 18, 19, 20, 21, 22, PvGuest.L1, PvGuest.L2, PvGuest.L3, PvGuest.L4};
    private static final int CLEAR = 16;
    private static final int[] SLOTS = {0, 1, 3, 16, 17, 18, 19, 20, 255, 256, 260, 271, 272, 300, 427, 428, 511};

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void no_sequence_of_calls_makes_a_page_table_writable(GuestAbi abi) {
        TreeMap<String, Integer> outcomes = new TreeMap<>();
        for (int n = 0; n < SEQUENCES; n++) {
            SplittableRandom random = new SplittableRandom(SEED + n);
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < STEPS; i++) {
                steps.add(step(random));
            }
            String wrong = run(abi, steps, outcomes);
            if (wrong != null) {
                steps = shorten(abi, steps);
                StringBuilder text = new StringBuilder("seed " + (SEED + n) + ": " + run(abi, steps, outcomes));
                steps.forEach(s -> text.append("\n    ").append(s));
                fail(text.toString());
            }
        }
        // a test in which every call fails would show nothing
        for (Kind k : new Kind[]{Kind.REMAP, Kind.MAKE_TABLE, Kind.MMU_UPDATE, Kind.PIN, Kind.UNPIN, Kind.EXCHANGE,
            Kind.MAP_GRANT, Kind.UNMAP_GRANT, Kind.PT_WRITE, Kind.GDT}) {
            assertTrue(outcomes.getOrDefault(k + " done", 0) > 0, () -> k + " never succeeded: " + outcomes);
            assertTrue(outcomes.getOrDefault(k + " refused", 0) > 0, () -> k + " was never refused: " + outcomes);
        }
    }

    private static Step step(SplittableRandom r) {
        Kind[] kinds = Kind.values();
        return new Step(kinds[r.nextInt(kinds.length)], r.nextInt(8) == 0 ? 1 : 0, r.nextInt(1 << 16),
                r.nextInt(1 << 16), r.nextInt(1 << 16), r.nextInt(4) == 0 ? r.nextLong() : r.nextInt(1 << 12));
    }

    private static List<Step> shorten(GuestAbi abi, List<Step> failing) {
        List<Step> steps = new ArrayList<>(failing);
        for (int i = steps.size() - 1; i >= 0; i--) {
            List<Step> fewer = new ArrayList<>(steps);
            fewer.remove(i);
            if (run(abi, fewer, new TreeMap<>()) != null) {
                steps = fewer;
            }
        }
        return steps;
    }

    /** What went wrong, or null. */
    private static String run(GuestAbi abi, List<Step> steps, TreeMap<String, Integer> outcomes) {
        try (TestHost t = new TestHost()) {
            PvGuest[] guests = {new PvGuest(t, abi, 2), new PvGuest(t, GuestAbi.X86_64)};
            int free = t.host.frames().freeFrames();
            for (int i = 0; i < steps.size(); i++) {
                Step s = steps.get(i);
                long rc;
                try {
                    rc = carryOut(s, guests[s.guest], guests[1 - s.guest]);
                } catch (ErrnoException | GuestFault e) {
                    rc = -1;
                } catch (RuntimeException e) {
                    return "step " + i + ": " + e + " at " + List.of(e.getStackTrace()).subList(0, 4);
                }
                outcomes.merge(s.kind + (rc >= 0 ? " done" : " refused"), 1, Integer::sum);
                List<String> wrong = PvInvariant.violations(t);
                if (!wrong.isEmpty()) {
                    return "step " + i + ": " + wrong;
                }
            }
            try {
                guests[0].d.destroy();
                guests[1].d.destroy();
            } catch (RuntimeException e) {
                return "end: " + e + " at " + List.of(e.getStackTrace()).subList(0, 6);
            }
            return t.host.frames().freeFrames() < free ? "frames are lost: " + t.host.frames().freeFrames() : null;
        }
    }

    private static int pick(int[] from, int n) {
        return from[n % from.length];
    }

    /** A frame: mostly the guest's own, sometimes one that it has no business with. */
    private static long frame(PvGuest g, PvGuest other, int n) {
        return switch (n >>> 4 & 15) {
            case 0 -> other.mfn(pick(PAGES, n));
            case 1 -> g.d.sharedInfo().page().mfn();
            case 2 -> g.t.host.machineToPhys().extents(false)[0];
            case 3 -> g.t.host.frames().frames() - 1 - (n & 3);
            default -> g.mfn(pick(PAGES, n));
        };
    }

    private static long entry(PvGuest g, PvGuest other, int n, int bits) {
        return frame(g, other, n) << 12 | BITS[bits % BITS.length];
    }

    private static long carryOut(Step s, PvGuest g, PvGuest other) {
        int page = pick(PAGES, s.a);
        int slot = pick(SLOTS, s.b);
        switch (s.kind) {
            case STORE -> {
                g.store(page, slot, entry(g, other, s.c, s.a >>> 8));
                return 0;
            }
            case READ -> {
                return g.v.cpu().mmu().read64(g.va(page), CpuState.DS) & 0;
            }
            case REMAP -> {
                return g.updateVa(g.va(page), entry(g, other, s.b, s.c), s.value & 6);
            }
            case REMAP_READ_ONLY -> {
                return g.updateVa(g.va(page), g.entry(page, PvGuest.RO_PAGE), s.value & 6);
            }
            case MAKE_TABLE -> {
                // an empty table, or one with an entry, that may be pinned at once
                g.updateVa(g.va(page), g.entry(page, PvGuest.RW_PAGE), 6);
                g.mmuext(CLEAR, g.mfn(page), 0);
                g.mmuUpdate(g.at(page, slot), entry(g, other, s.c, s.b >>> 8));
                long rc = g.updateVa(g.va(page), g.entry(page, PvGuest.RO_PAGE), 6);
                return rc == 0 ? g.mmuext(s.c >>> 9 & 3, g.mfn(page), 0) : rc;
            }
            case MMU_UPDATE -> {
                return g.mmuUpdate(frame(g, other, s.a) * 4096 + 8L * slot | (s.value & 7) % 6,
                        entry(g, other, s.c, s.a >>> 8), (s.value & 0x100) != 0 ? (int) s.value : PvGuest.SELF);
            }
            case MMUEXT -> {
                return g.mmuext(s.a % 22, frame(g, other, s.b), (s.value & 1) != 0 ? s.value : frame(g, other, s.c));
            }
            case PIN -> {
                return g.mmuext(s.b & 3, frame(g, other, s.a), 0);
            }
            case UNPIN -> {
                return g.mmuext(4, frame(g, other, s.a), 0);
            }
            case BASEPTR -> {
                return g.mmuext((s.b & 1) != 0 ? 5 : 15, frame(g, other, s.a), 0);
            }
            case EXCHANGE -> {
                return exchange(s, g, other);
            }
            case RESERVATION -> {
                StructView r = g.struct(MemoryOp.RESERVATION);
                g.v.access().copyOut(g.va(1), words(frame(g, other, s.b)), 0, 8);
                r.set("extent_start", (s.value & 3) == 0 ? s.value : g.va(1));
                r.set("nr_extents", (s.value & 12) == 0 ? s.value : 1);
                r.set("extent_order", (s.value & 16) == 0 ? s.c & 3 : 0);
                r.set("domid", PvGuest.SELF);
                g.put(r, g.va(0));
                int command = s.a % 3 == 0 ? 0 : s.a % 3 == 1 ? 1 : 6;
                return g.call(12, command, g.va(0)) - 1;
            }
            case GRANT -> {
                g.d.grants().grant(8 + s.b % 4, other.d.domid(), frame(g, other, s.a));
                return 0;
            }
            case MAP_GRANT -> {
                StructView m = g.struct(GrantTableOp.MAP);
                boolean byEntry = (s.c & 1) != 0;
                other.d.grants().grant(8 + s.b % 4, g.d.domid(), other.mfn(pick(PAGES, s.b)));
                m.set("host_addr", byEntry ? frame(g, other, s.c >>> 4) * 4096 + 8L * slot : g.va(page));
                m.set("flags", 2 | (byEntry ? 16 : 0) | s.a >>> 9 & 4 | s.a >>> 10 & 8);
                m.set("ref", 8 + s.b % 4);
                m.set("dom", other.d.domid());
                g.put(m, g.va(0));
                return status(g, GrantTableOp.MAP, g.call(20, 0, g.va(0), 1));
            }
            case UNMAP_GRANT -> {
                boolean replace = (s.value & 0x30) == 0;
                StructView u = g.struct(GrantTableOp.UNMAP);
                u.set("host_addr", (s.c & 3) == 0
                        ? frame(g, other, s.c >>> 4) * 4096 + 8L * slot
                        : g.va((s.c & 3) == 1 ? page : foreignPage(g, s.a)));
                u.set("dev_bus_addr", replace ? g.va(pick(PAGES, s.c)) : 0);
                u.set("handle", s.b & 1);
                g.put(u, g.va(0));
                return status(g, GrantTableOp.UNMAP, g.call(20, replace ? 7 : 1, g.va(0), 1));
            }
            case COPY_GRANT -> {
                StructView c = g.struct(GrantCopy.COPY);
                c.set("source.u.gmfn", frame(g, other, s.a));
                c.set("source.domid", PvGuest.SELF);
                c.set("dest.u.gmfn", (s.c & 1) != 0 ? 8 + s.b % 4 : frame(g, other, s.b));
                c.set("dest.domid", (s.c & 1) != 0 ? other.d.domid() : PvGuest.SELF);
                c.set("len", 4096);
                c.set("flags", (s.c & 1) * 2);
                g.put(c, g.va(0));
                return status(g, GrantCopy.COPY, g.call(20, 5, g.va(0), 1));
            }
            case TRANSFER -> {
                long table = g.t.memory.hostPage(other.d.grants().sharedFrame(0)) + 8 * (8 + s.b % 4);
                org.xenolith.memory.RawMemory.put32(table, 2 | g.d.domid() << 16);
                if ((s.c & 1) != 0) {
                    g.updateVa(g.va(page), 0, 6);
                }
                StructView v = g.struct(GrantTableOp.TRANSFER);
                v.set("mfn", frame(g, other, s.a));
                v.set("domid", other.d.domid());
                v.set("ref", 8 + s.b % 4);
                g.put(v, g.va(0));
                return status(g, GrantTableOp.TRANSFER, g.call(20, 4, g.va(0), 1));
            }
            case PT_WRITE -> {
                int bytes = 1 << (s.c & 3);
                long va = g.va(page) + 8L * slot + ((s.c & 64) != 0 && bytes < 8 ? bytes : 0);
                return g.m.emulatePtWrite(g.v, va, bytes, entry(g, other, s.a, s.c >>> 8)) ? 0 : -1;
            }
            case GDT -> {
                return g.m.setGdt(g.v, new long[]{frame(g, other, s.a), frame(g, other, s.b)}, s.c % 1100);
            }
            case LDT -> {
                return g.mmuext(13, g.va(page), 512) == 0 && g.m.mapLdtPage(g.v, s.b & 0x1fff) ? 0 : -1;
            }
            case DESCRIPTOR -> {
                return g.m.updateDescriptor(frame(g, other, s.a) * 4096 + 8L * slot,
                        (s.c & 1) != 0 ? s.value : 0x00cf_fb00_0000_ffffL);
            }
            case VCPU_INFO -> {
                StructView v = g.struct(VcpuOp.REGISTER_VCPU_INFO);
                v.set("mfn", frame(g, other, s.a));
                v.set("offset", s.b & 0xfc0);
                g.put(v, g.va(0));
                return g.call(g.d.vcpu(s.guest == 0 ? s.c & 1 : 0), 24, 10, s.guest == 0 ? s.c & 1 : 0, g.va(0));
            }
            case MULTICALL -> {
                StructView u = g.struct(MmuUpdate.UPDATE);
                u.set("ptr", g.at(page, slot));
                u.set("val", entry(g, other, s.c, s.a >>> 8));
                g.put(u, g.va(0));
                StructView e = g.struct(Multicall.ENTRY);
                e.set("op", s.b % 3 == 0 ? 13 : 1);
                e.set("args[0]", g.va(0));
                e.set("args[1]", (s.value & 0x3f) == 0 ? -1 : 1);
                e.set("args[3]", PvGuest.SELF);
                g.put(e, g.va(1));
                return g.call(13, g.va(1), (s.value & 0x3f) == 1 ? -1 : 1);
            }
            default -> {
                int[] numbers = {1, 12, 13, 14, 20, 22, 24, 26, 32};
                long[] args = new long[6];
                SplittableRandom r = new SplittableRandom(s.value * 31 + s.a);
                for (int i = 0; i < args.length; i++) {
                    args[i] = switch (r.nextInt(5)) {
                        case 0 -> r.nextLong();
                        case 1 -> g.va(r.nextInt(PvGuest.PAGES)) + r.nextInt(4096);
                        case 2 -> r.nextInt(32);
                        case 3 -> PvGuest.SELF;
                        default -> entry(g, other, r.nextInt(1 << 16), r.nextInt(16));
                    };
                }
                return g.call(pick(numbers, s.a), args);
            }
        }
    }

    /** A page of the linear map at which another domain's frame is, if there is one. */
    private static int foreignPage(PvGuest g, int n) {
        for (int i = 0; i < PAGES.length; i++) {
            int page = pick(PAGES, n + i);
            long mfn = (g.peek(g.mfn(PvGuest.L1), page) & 0xf_ffff_f000L) >>> 12;
            if (g.t.host.frames().valid(mfn) && !g.m.owns(mfn)) {
                return page;
            }
        }
        return pick(PAGES, n);
    }

    private static byte[] words(long value) {
        return java.nio.ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    }

    private static long status(PvGuest g, org.xenolith.hypervisor.abi.Struct struct, long rc) {
        StructView v = g.struct(struct);
        g.v.access().copyIn(g.va(0), v.data());
        return rc != 0 ? rc : (short) v.get("status");
    }

    private static long exchange(Step s, PvGuest g, PvGuest other) {
        StructView e = g.struct(PvMemoryOp.EXCHANGE);
        // a page must not be mapped to be exchanged
        if ((s.c & 4) != 0) {
            g.updateVa(g.va(pick(PAGES, s.a)), 0, 6);
        }
        g.v.access().copyOut(g.va(1), words(frame(g, other, s.a)), 0, 8);
        g.v.access().copyOut(g.va(2), words(s.b), 0, 8);
        e.set("in.extent_start", g.va(1));
        e.set("in.nr_extents", (s.c & 3) == 3 ? s.value : 1);
        e.set("in.domid", PvGuest.SELF);
        e.set("out.extent_start", g.va(2));
        e.set("out.nr_extents", (s.c & 3) == 3 ? s.value : 1);
        e.set("out.extent_order", (s.value & 0x70) == 0 ? s.value & 15 : 0);
        e.set("out.mem_flags", (s.value & 0x700) == 0 ? s.value & 0xff : 0);
        e.set("out.domid", PvGuest.SELF);
        g.put(e, g.va(0));
        return g.call(12, 11, g.va(0));
    }
}

package org.xenolith.hypervisor;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.devices.RamWindows;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.hypervisor.p2m.Physmap.Type;
import org.xenolith.memory.PhysicalMemory;

/**
 * Memory of an HVM domain's devices, in frames of the hypervisor, and where the domain sees it. As on Xen, the guest's own RAM is never
 * covered: where it has some, a device's memory does not show, and there is no shadow RAM to be switched.
 */
public final class DeviceWindows implements RamWindows {
    private final Domain domain;
    private final List<Frames> blocks = new ArrayList<>();

    DeviceWindows(Domain domain) {
        this.domain = domain;
    }

    /** Adjacent frames, {@code count} of them taken. */
    private record Frames(PhysicalMemory memory, long first, int count, long bytes) implements Block {
        @Override
        public long address() {
            return memory.hostPage(first);
        }

        @Override
        public void written(long offset) {
            memory.written(first + (offset >>> 12));
        }
    }

    @Override
    public Block allocate(long bytes) {
        if (bytes <= 0 || (bytes & 0xfff) != 0 || bytes > 1L << 40) {
            throw new IllegalStateException("no room for " + bytes + " bytes of device memory");
        }
        int count = Math.toIntExact(Long.highestOneBit(2 * (bytes >>> 12) - 1));
        long first = domain.frames().allocate(FrameTable.XEN, count);
        if (first < 0) {
            throw new IllegalStateException("machine memory has no room for " + bytes + " bytes of device memory");
        }
        Frames f = new Frames(domain.host().memory(), first, count, bytes);
        blocks.add(f);
        return f;
    }

    @Override
    public void show(long gpa, Block block, long offset, long bytes, boolean writable) {
        if (!(block instanceof Frames f) || !blocks.contains(f) || offset < 0 || offset + bytes > f.bytes()) {
            throw new IllegalArgumentException("not a part of a block of this domain");
        }
        for (long i = 0; i < bytes >>> 12; i++) {
            long gfn = (gpa >>> 12) + i;
            if (gfn < Physmap.GFN_LIMIT && free(gfn)) {
                domain.physmap().set(gfn, f.first() + (offset >>> 12) + i, writable ? Type.XEN : Type.XEN_RO);
            }
        }
        flush();
    }

    @Override
    public void hide(long gpa, long bytes) {
        for (long gfn = gpa >>> 12; gfn < gpa + bytes >>> 12 && gfn < Physmap.GFN_LIMIT; gfn++) {
            if (isWindow(gfn)) {
                domain.physmap().set(gfn, 0, Type.NONE);
            }
        }
        flush();
    }

    @Override
    public void restore(long gpa, long bytes, boolean writable) {
        // RAM was never taken away
        hide(gpa, bytes);
    }

    private boolean free(long gfn) {
        return !domain.physmap().onDemand(gfn) && (domain.physmap().type(gfn) == Type.NONE || isWindow(gfn));
    }

    /** True for a gfn at which memory of a device shows. */
    boolean isWindow(long gfn) {
        if (domain.physmap().onDemand(gfn)) {
            return false;
        }
        Type t = domain.physmap().type(gfn);
        if (t != Type.XEN && t != Type.XEN_RO) {
            return false;
        }
        long mfn = domain.physmap().frame(gfn);
        for (Frames f : blocks) {
            if (mfn >= f.first() && mfn < f.first() + f.count()) {
                return true;
            }
        }
        return false;
    }

    private void flush() {
        domain.vcpus().forEach(v -> v.cpu().mmu().flushAll());
    }

    /** Gives all frames back, when nothing shows them any more. */
    void close() {
        for (Frames f : blocks) {
            for (int i = 0; i < f.count(); i++) {
                domain.frames().put(f.first() + i);
            }
        }
        blocks.clear();
    }
}

package org.xenolith.hypervisor.gnttab;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.hypervisor.shared.SharedPage;

/**
 * The grant table of one domain (public/grant_table.h): its shared frames in version 1 or 2, and the grants that others
 * use now.
 *
 * <p>Everything in the shared frames is the guest's to write at any time; a grant in use is remembered here and does
 * not follow it.
 */
public final class GrantTable {
    public static final int RESERVED_ENTRIES = 8;

    static final int TYPE_MASK = 3;
    static final int PERMIT_ACCESS = 1;
    static final int ACCEPT_TRANSFER = 2;
    static final int TRANSITIVE = 3;
    static final int TRANSFER_COMMITTED = 1 << 2;
    static final int TRANSFER_COMPLETED = 1 << 3;
    static final int READONLY = 1 << 2;
    static final int READING = 1 << 3;
    static final int WRITING = 1 << 4;
    static final int SUB_PAGE = 1 << 8;
    private static final int MAX_TRANSITIVE_STEPS = 2;

    /** What is known of a grant in use. */
    private static final class Active {
        private int domid;
        private long mfn;
        private int start;
        private int length;
        /** The frame is another domain's, granted through this one. */
        private boolean transitive;
        private int readers;
        private int writers;
    }

    private final GrantDomain domain;
    private final int maxFrames;
    private final List<SharedPage> shared = new ArrayList<>();
    private final List<SharedPage> status = new ArrayList<>();
    private final SortedMap<Integer, Active> active = new TreeMap<>();
    private int version = 1;
    private boolean dead;

    /**
     * Creates a table of one frame.
     *
     * @param maxFrames limit of shared frames (xl's {@code max_grant_frames}), 0 for a domain that grants nothing
     */
    public GrantTable(GrantDomain domain, int maxFrames) {
        this.domain = domain;
        this.maxFrames = maxFrames;
        if (maxFrames > 0) {
            grow(1);
        }
    }

    public int version() {
        return version;
    }

    public int frameCount() {
        return shared.size();
    }

    public int maxFrames() {
        return maxFrames;
    }

    /** Frames of version 2's status words that go with the present number of shared frames. */
    public int statusFrameCount() {
        return status.size();
    }

    private int entrySize() {
        return version == 1 ? 8 : 16;
    }

    /** Number of references that exist now. */
    public int entries() {
        return shared.size() * 4096 / entrySize();
    }

    /** Makes the table {@code frames} long; false beyond the limit or when machine memory is out. */
    public boolean grow(int frames) {
        if (frames > maxFrames || dead) {
            return false;
        }
        while (shared.size() < frames) {
            SharedPage p = newPage();
            if (p == null) {
                return false;
            }
            shared.add(p);
        }
        return version == 1 || growStatus();
    }

    private boolean growStatus() {
        int wanted = (entries() * 2 + 4095) / 4096;
        while (status.size() < wanted) {
            SharedPage p = newPage();
            if (p == null) {
                return false;
            }
            status.add(p);
        }
        return true;
    }

    private SharedPage newPage() {
        long mfn = domain.frames().allocate(FrameTable.XEN);
        return mfn < 0 ? null : new SharedPage(domain.machineMemory(), mfn);
    }

    /** The mfn of a shared frame for XENMAPSPACE_grant_table, growing the table to it; -1 when there is none. */
    public long sharedFrame(int index) {
        return index < 0 || index >= shared.size() && !grow(index + 1) ? -1 : shared.get(index).mfn();
    }

    /** The mfn of a status frame, growing the table to it; -1 when there is none. */
    public long statusFrame(int index) {
        if (version != 2 || index < 0 || index >= (maxFrames + 7) / 8) {
            return -1;
        }
        if (index >= status.size() && !grow(Math.min(maxFrames, (index + 1) * 8))) {
            return -1;
        }
        return index < status.size() ? status.get(index).mfn() : -1;
    }

    /**
     * GNTTABOP_set_version. The reserved entries keep what they grant.
     *
     * @return 0 or a positive error number
     */
    public int setVersion(int wanted) {
        if (wanted != 1 && wanted != 2) {
            return Errno.EINVAL;
        }
        if (wanted == version) {
            return 0;
        }
        for (Active a : active.values()) {
            if (a.readers + a.writers > 0) {
                return Errno.EBUSY;
            }
        }
        int[] flags = new int[RESERVED_ENTRIES];
        int[] domids = new int[RESERVED_ENTRIES];
        long[] frames = new long[RESERVED_ENTRIES];
        for (int i = 0; i < RESERVED_ENTRIES; i++) {
            flags[i] = flags(i) & ~(READING | WRITING);
            domids[i] = domid(i);
            frames[i] = frame(i);
            if (version == 2 && ((flags[i] & TYPE_MASK) == TRANSITIVE || (flags[i] & SUB_PAGE) != 0)) {
                flags[i] = 0;
            }
        }
        int old = version;
        version = wanted;
        if (version == 2 && !growStatus()) {
            version = old;
            return Errno.ENOMEM;
        }
        shared.forEach(p -> p.fill(0, 4096, 0));
        status.forEach(p -> p.fill(0, 4096, 0));
        for (int i = 0; i < RESERVED_ENTRIES; i++) {
            writeEntry(i, flags[i], domids[i], frames[i]);
        }
        return 0;
    }

    // ---- entries ----

    private SharedPage page(int ref) {
        return shared.get(ref * entrySize() >>> 12);
    }

    private int offset(int ref) {
        return ref * entrySize() & 0xfff;
    }

    private int flags(int ref) {
        return page(ref).read16(offset(ref));
    }

    private int domid(int ref) {
        return page(ref).read16(offset(ref) + 2);
    }

    private long frame(int ref) {
        return version == 1 ? page(ref).read32(offset(ref) + 4) & 0xffff_ffffL : page(ref).read64(offset(ref) + 8);
    }

    private void writeEntry(int ref, int flags, int domid, long frame) {
        SharedPage p = page(ref);
        int at = offset(ref);
        p.write16(at + 2, domid);
        if (version == 1) {
            p.write32(at + 4, (int) frame);
        } else {
            p.write64(at + 8, frame);
        }
        p.write16(at, flags);
    }

    /** Sets an entry on behalf of the toolstack, which grants the console and xenstore pages before the guest runs. */
    public void grant(int ref, int toDomid, long gfn) {
        writeEntry(ref, PERMIT_ACCESS, toDomid, gfn);
    }

    private void setStatus(int ref, int set, int clear) {
        if (dead) {
            return;
        }
        if (version == 1) {
            page(ref).write16(offset(ref), flags(ref) & ~clear | set);
        } else {
            SharedPage p = status.get(ref * 2 >>> 12);
            p.write16(ref * 2 & 0xfff, p.read16(ref * 2 & 0xfff) & ~clear | set);
        }
    }

    // ---- use ----

    /**
     * Starts to use a grant as a mapping does: whole pages, granted directly.
     *
     * @param byDomid who uses it
     */
    public PinnedGrant pin(int byDomid, int ref, boolean write) throws GrantException {
        return pin(byDomid, ref, write, false, 0);
    }

    /** As {@link #pin}, for a copy, which may also use sub-page and transitive grants of version 2. */
    public PinnedGrant pinForCopy(int byDomid, int ref, boolean write) throws GrantException {
        return pin(byDomid, ref, write, true, 0);
    }

    private PinnedGrant pin(int byDomid, int ref, boolean write, boolean copy, int steps) throws GrantException {
        if (dead || ref < 0 || ref >= entries()) {
            throw new GrantException(GrantStatus.BAD_GNTREF);
        }
        Active a = active.get(ref);
        PinnedGrant through = null;
        if (a == null || write && a.writers == 0) {
            int flags = flags(ref);
            boolean transitive = copy && version == 2 && (flags & TYPE_MASK) == TRANSITIVE;
            boolean sub = version == 2 && !transitive && (flags & SUB_PAGE) != 0;
            if (!transitive && (flags & TYPE_MASK) != PERMIT_ACCESS || domid(ref) != byDomid || sub && !copy
                    || write && (flags & READONLY) != 0) {
                throw new GrantException(GrantStatus.GENERAL_ERROR);
            }
            if (transitive) {
                through = transitive(ref, write, steps);
            }
            if (a == null) {
                a = activate(ref, byDomid, write, sub, through);
            }
            hold(a, write);
            active.put(ref, a);
            setStatus(ref, write ? READING | WRITING : READING, 0);
        } else if (a.domid != byDomid) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        } else {
            hold(a, write);
        }
        if (write) {
            a.writers++;
        } else {
            a.readers++;
        }
        domain.frames().get(a.mfn);
        return new PinnedGrant(this, ref, write, new SharedPage(domain.machineMemory(), a.mfn), a.start, a.length,
                through);
    }

    private void hold(Active a, boolean write) throws GrantException {
        if (write && !a.transitive && !domain.holdWritable(a.mfn)) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
    }

    private Active activate(int ref, int byDomid, boolean write, boolean sub, PinnedGrant through)
            throws GrantException {
        Active a = new Active();
        a.domid = byDomid;
        a.length = 4096;
        if (through != null) {
            a.mfn = through.page().mfn();
            a.start = through.start();
            a.length = through.length();
            a.transitive = true;
        } else {
            a.mfn = grantedFrame(frame(ref), write);
            if (sub) {
                a.start = page(ref).read16(offset(ref) + 4);
                a.length = page(ref).read16(offset(ref) + 6);
                if (a.start + a.length > 4096) {
                    throw new GrantException(GrantStatus.GENERAL_ERROR);
                }
            }
        }
        return a;
    }

    /**
     * The frame behind a gfn that the domain grants: its own RAM only, never what it has from others or from the
     * hypervisor.
     */
    private long grantedFrame(long gfn, boolean write) throws GrantException {
        Physmap p2m = domain.physmap();
        Physmap.Type type = p2m.type(gfn);
        if (type != Physmap.Type.RAM_RW && (write || type != Physmap.Type.RAM_RO)) {
            throw new GrantException(GrantStatus.BAD_PAGE);
        }
        return p2m.frame(gfn);
    }

    private PinnedGrant transitive(int ref, boolean write, int steps) throws GrantException {
        int nextDomid = page(ref).read16(offset(ref) + 4);
        int nextRef = page(ref).read32(offset(ref) + 8);
        GrantTable next = domain.grantTable(nextDomid);
        if (next == null || next == this || steps >= MAX_TRANSITIVE_STEPS) {
            throw new GrantException(next == null ? GrantStatus.BAD_DOMAIN : GrantStatus.GENERAL_ERROR);
        }
        return next.pin(domain.domid(), nextRef, write, true, steps + 1);
    }

    void unpin(int ref, boolean write) {
        Active a = active.get(ref);
        if (write) {
            a.writers--;
            if (!a.transitive) {
                domain.releaseWritable(a.mfn);
            }
        } else {
            a.readers--;
        }
        int clear = (a.writers == 0 ? WRITING : 0) | (a.readers + a.writers == 0 ? READING : 0);
        if (clear != 0) {
            setStatus(ref, 0, clear);
        }
        if (a.readers + a.writers == 0) {
            active.remove(ref);
        }
        domain.frames().put(a.mfn);
    }

    // ---- transfer ----

    /** True when an entry accepts a frame from a domain; then the transfer is committed and must be completed. */
    public boolean commitTransfer(int ref, int fromDomid) {
        if (dead || ref < 0 || ref >= entries() || flags(ref) != ACCEPT_TRANSFER || domid(ref) != fromDomid) {
            return false;
        }
        page(ref).write16(offset(ref), ACCEPT_TRANSFER | TRANSFER_COMMITTED);
        return true;
    }

    /** The gfn at which a guest with a physmap wants a transferred frame. */
    public long transferGfn(int ref) {
        return frame(ref);
    }

    /** Tells the domain which frame it got. */
    public void completeTransfer(int ref, long frame) {
        writeEntry(ref, ACCEPT_TRANSFER | TRANSFER_COMMITTED | TRANSFER_COMPLETED, domid(ref), frame);
    }

    /** Number of grants of this domain that others use now. */
    public int activeCount() {
        return active.size();
    }

    /**
     * GNTTABOP_swap_grant_ref.
     *
     * @return a {@link GrantStatus}
     */
    public int swap(int a, int b) {
        if (a < 0 || a >= entries() || b < 0 || b >= entries()) {
            return GrantStatus.BAD_GNTREF;
        }
        if (active.containsKey(a) || active.containsKey(b)) {
            return GrantStatus.EAGAIN;
        }
        byte[] first = new byte[entrySize()];
        byte[] second = new byte[entrySize()];
        page(a).read(offset(a), first, 0, first.length);
        page(b).read(offset(b), second, 0, second.length);
        page(a).write(offset(a), second, 0, second.length);
        page(b).write(offset(b), first, 0, first.length);
        return GrantStatus.OKAY;
    }

    /** The domain dies: its frames go; grants in use live on until their users close them. */
    public void destroy() {
        if (!dead) {
            dead = true;
            shared.forEach(p -> domain.frames().put(p.mfn()));
            status.forEach(p -> domain.frames().put(p.mfn()));
            shared.clear();
            status.clear();
        }
    }
}

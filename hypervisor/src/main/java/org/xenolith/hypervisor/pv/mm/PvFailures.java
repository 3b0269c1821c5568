package org.xenolith.hypervisor.pv.mm;

import java.util.EnumSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;

/** Remembers why a domain's memory operations failed: counts each kind, logs the first of each. */
final class PvFailures {
    private static final Logger LOG = LoggerFactory.getLogger(PvFailures.class);

    private final Domain domain;
    private final PageTypes types;
    private final Set<Kind> logged = EnumSet.noneOf(Kind.class);
    private PvFailure last;

    PvFailures(Domain domain, PageTypes types) {
        this.domain = domain;
        this.types = types;
    }

    /** The latest failure, or null. */
    PvFailure last() {
        return last;
    }

    /** Records a failure about a frame; its error, negated. */
    int fail(Kind kind, long mfn) {
        return fail(kind, kind.errno(), 0, -1, 0, mfn);
    }

    /** Records a failure about a table entry; its error, negated. */
    int fail(Kind kind, int level, int slot, long entry) {
        return fail(kind, kind.errno(), level, slot, entry, Pte.mfn(entry));
    }

    int fail(Kind kind, int errno, int level, int slot, long entry, long mfn) {
        last = new PvFailure(kind, errno, level, slot, entry, mfn, describe(mfn));
        domain.countRefusal("pv.mm:" + kind.name().toLowerCase(java.util.Locale.ROOT));
        if (logged.add(kind)) {
            LOG.info("domain {}: {}", domain.domid(), last);
        }
        return -errno;
    }

    private String describe(long mfn) {
        FrameTable frames = domain.frames();
        if (!frames.valid(mfn)) {
            return "not in machine memory";
        }
        int owner = frames.owner(mfn);
        String who = owner == FrameTable.NOBODY ? "free" : owner == FrameTable.XEN ? "hypervisor" : "domain " + owner;
        return who + ", " + frames.references(mfn) + " references, " + types.describe(mfn);
    }
}

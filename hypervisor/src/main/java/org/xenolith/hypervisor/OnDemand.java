package org.xenolith.hypervisor;

/**
 * Counts what a domain has of memory that is populated on demand: gfns without a page, and pages for them that the domain
 * owns already. There are never more such pages than such gfns.
 */
final class OnDemand {
    /** Most pages that one sweep takes back, and the level at which the first one comes. */
    static final long SWEEP_PAGES = 8192;
    /** The first sweep comes when this part of the pages is left, at the latest. */
    private static final int SWEEP_SHARE = 4;

    private long gfns;
    private long pages;
    private long populated;
    private long reclaimed;
    private long sweepLevel;
    private long nextSweep;

    /** Pages that are kept for gfns without one. */
    long pages() {
        return pages;
    }

    /** There is another gfn without a page. */
    void added() {
        gfns++;
    }

    /** Takes a page for one of the gfns, which is then to be removed; false when none is left. */
    boolean take() {
        if (pages == 0) {
            return false;
        }
        pages--;
        populated++;
        return true;
    }

    /**
     * Whether so few pages are left that it is time to look for some that hold only zeroes. With nothing found, the next
     * time is when half of them are gone.
     */
    boolean sweepIsDue() {
        if (pages > nextSweep || pages >= gfns) {
            return false;
        }
        nextSweep = pages / 2;
        return true;
    }

    /** A page was taken back from a gfn, which has none now. */
    void reclaimed() {
        reclaimed++;
        if (pages > sweepLevel) {
            nextSweep = sweepLevel;
        }
    }

    /** {@return what there is and was} */
    OnDemandUse use() {
        return new OnDemandUse(pages, gfns, populated, reclaimed);
    }

    /** A gfn without a page is no more. Returns how many pages the domain owns less. */
    long removed() {
        gfns--;
        return -setPages(pages);
    }

    /** The domain gave a page up: it is kept for a gfn without one. Returns how many pages the domain owns more. */
    long freed() {
        return pages < gfns ? setPages(pages + 1) : 0;
    }

    /** The domain ends. Returns how many pages it owns less. */
    long clear() {
        gfns = 0;
        return -setPages(0);
    }

    /** Sets from how many pages on it is time to look for zeroes, now that the toolstack has set the pages. */
    void resetSweeps() {
        sweepLevel = Math.min(SWEEP_PAGES, pages / SWEEP_SHARE);
        nextSweep = sweepLevel;
    }

    /** Sets how many pages are kept, as far as there are gfns for them. Returns how many the domain owns more. */
    long setPages(long wanted) {
        long before = pages;
        pages = Math.clamp(wanted, 0, gfns);
        return pages - before;
    }
}

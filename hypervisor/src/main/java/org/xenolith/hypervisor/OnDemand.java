package org.xenolith.hypervisor;

/**
 * Counts what a domain has of memory that is populated on demand: gfns without a page, and pages for them that the domain
 * owns already. There are never more such pages than such gfns.
 */
final class OnDemand {
    private long gfns;
    private long pages;

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
        return true;
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

    /** Sets how many pages are kept, as far as there are gfns for them. Returns how many the domain owns more. */
    long setPages(long wanted) {
        long before = pages;
        pages = Math.clamp(wanted, 0, gfns);
        return pages - before;
    }
}

package org.xenolith.hypervisor.gnttab;

import org.xenolith.hypervisor.shared.SharedPage;

/**
 * One use of a grant by another domain. While it is open the frame stays in place whatever the granter does, and the
 * grant entry shows
 * the use. A copy grant may cover only a part of the page.
 */
public final class PinnedGrant implements AutoCloseable {
    private final GrantTable table;
    private final int ref;
    private final boolean write;
    private final SharedPage page;
    private final int start;
    private final int length;
    private final PinnedGrant through;
    private boolean open = true;

    PinnedGrant(GrantTable table, int ref, boolean write, SharedPage page, int start, int length, PinnedGrant through) {
        this.table = table;
        this.ref = ref;
        this.write = write;
        this.page = page;
        this.start = start;
        this.length = length;
        this.through = through;
    }

    /** The granted page. */
    public SharedPage page() {
        return page;
    }

    public boolean writable() {
        return write;
    }

    /** First byte of the page that was granted. */
    public int start() {
        return start;
    }

    /** Number of bytes granted from {@link #start()}. */
    public int length() {
        return length;
    }

    /** Ends the use; more calls do nothing. */
    @Override
    public void close() {
        if (open) {
            open = false;
            table.unpin(ref, write);
            if (through != null) {
                through.close();
            }
        }
    }
}

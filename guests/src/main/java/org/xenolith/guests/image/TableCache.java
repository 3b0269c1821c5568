package org.xenolith.guests.image;

import java.io.IOException;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Pages of tables in the file. Changed ones stay until their owner says that they may be written, so that tables reach the file in the order that a crash
 * can stand.
 */
public final class TableCache {
    private static final int MOST_PAGE = 16 << 10;
    private static final int SECTOR = 512;

    /** A piece of a table. */
    public static final class Page {
        /** Where the page is in the file. */
        public final long offset;
        /** What is there. */
        public final byte[] bytes;
        private int dirtyFrom;
        private int dirtyTo;

        private Page(long offset, byte[] bytes) {
            this.offset = offset;
            this.bytes = bytes;
            clean();
        }

        private void clean() {
            dirtyFrom = bytes.length;
            dirtyTo = 0;
        }

        private boolean isDirty() {
            return dirtyTo > dirtyFrom;
        }
    }

    private final ByteStore store;
    private final int clusterSize;
    private final int pageSize;
    private final int mostPages;
    private final Map<Long, Page> pages = new LinkedHashMap<>(16, 0.75f, true);
    private Page last;
    private int dirty;

    /**
     * An empty cache.
     *
     * @param store the file
     * @param clusterSize length of a table in bytes, a power of two of 512 or more
     * @param memory how much to keep, in bytes
     */
    public TableCache(ByteStore store, int clusterSize, int memory) {
        this.store = store;
        this.clusterSize = clusterSize;
        this.pageSize = Math.min(clusterSize, MOST_PAGE);
        this.mostPages = memory / pageSize;
    }

    /** The page that holds a byte of the file; it starts at a multiple of its length. */
    public Page page(long position) throws IOException {
        long offset = position & -pageSize;
        if (last != null && last.offset == offset) {
            return last;
        }
        Page page = pages.get(offset);
        if (page == null) {
            byte[] bytes = new byte[pageSize];
            store.read(offset, bytes, 0, pageSize);
            page = add(offset, bytes);
        }
        last = page;
        return page;
    }

    private Page add(long offset, byte[] bytes) {
        if (pages.size() >= mostPages) {
            Iterator<Page> oldest = pages.values().iterator();
            while (oldest.hasNext() && pages.size() >= mostPages) {
                if (!oldest.next().isDirty()) {
                    oldest.remove();
                }
            }
        }
        Page page = new Page(offset, bytes);
        pages.put(offset, page);
        return page;
    }

    /** The table entry at a position of the file. */
    public long get(long position) throws IOException {
        Page page = page(position);
        return BigEndian.i64(page.bytes, (int) (position - page.offset));
    }

    /** Changes the table entry at a position of the file. */
    public void put(long position, long value) throws IOException {
        Page page = page(position);
        int at = (int) (position - page.offset);
        BigEndian.put64(page.bytes, at, value);
        changed(page, at, at + 8);
    }

    /** Notes that bytes of a page were changed. */
    public void changed(Page page, int from, int to) {
        if (!page.isDirty()) {
            dirty++;
        }
        page.dirtyFrom = Math.min(page.dirtyFrom, from & -SECTOR);
        page.dirtyTo = Math.max(page.dirtyTo, Math.min(page.bytes.length, to + SECTOR - 1 & -SECTOR));
    }

    /** Makes a cluster a table of zeroes, whatever the file has there. */
    public void fresh(long cluster) {
        for (int at = 0; at < clusterSize; at += pageSize) {
            replace(cluster + at, new byte[pageSize]);
        }
    }

    /** Makes a cluster a copy of another. */
    public void copy(long from, long to) throws IOException {
        for (int at = 0; at < clusterSize; at += pageSize) {
            replace(to + at, page(from + at).bytes.clone());
        }
    }

    private void replace(long offset, byte[] bytes) {
        Page old = pages.remove(offset);
        if (old != null && old.isDirty()) {
            dirty--;
        }
        last = null;
        changed(add(offset, bytes), 0, pageSize);
    }

    /** Forgets a cluster that is no table any more. */
    public void drop(long cluster) {
        for (int at = 0; at < clusterSize; at += pageSize) {
            Page old = pages.remove(cluster + at);
            if (old != null && old.isDirty()) {
                dirty--;
            }
        }
        last = null;
    }

    /** {@return whether anything is changed} */
    public boolean isDirty() {
        return dirty > 0;
    }

    /** Whether so much is changed that it should be written. */
    public boolean isCrowded() {
        return dirty > mostPages / 2;
    }

    /** Writes what is changed; after a failure what could not be written is still changed. */
    public void writeDirty() throws IOException {
        if (dirty == 0) {
            return;
        }
        List<Page> changed = pages.values().stream().filter(Page::isDirty)
                .sorted(Comparator.comparingLong(page -> page.offset)).toList();
        for (Page page : changed) {
            store.write(page.offset + page.dirtyFrom, page.bytes, page.dirtyFrom, page.dirtyTo - page.dirtyFrom);
            page.clean();
            dirty--;
        }
    }
}

package org.xenolith.cpu.mmu;

import java.util.Arrays;

/** Numbers of TLB entries that have been filled, so that a flush looks at no others. Grows to what is used. */
final class EntryList {
    private int[] entries = new int[256];
    private int size;

    void add(int entry) {
        if (size == entries.length) {
            entries = Arrays.copyOf(entries, 2 * size);
        }
        entries[size++] = entry;
    }

    int size() {
        return size;
    }

    int get(int i) {
        return entries[i];
    }

    void clear() {
        size = 0;
    }
}

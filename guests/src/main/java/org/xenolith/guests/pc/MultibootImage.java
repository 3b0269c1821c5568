package org.xenolith.guests.pc;

import org.xenolith.guests.ImageException;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.ElfSegment;

/** Loads what has a Multiboot header: an ELF file, or any file whose header says where its parts go. */
final class MultibootImage {
    private static final long TO_THE_END = 0;

    private MultibootImage() {
    }

    /**
     * The addresses in a header; all are physical.
     *
     * @param header where the header goes
     * @param load where loading begins, or -1 for the beginning of the file
     * @param loadEnd where it ends, or 0 for the end of the file
     * @param bssEnd end of the zeros behind it, or 0
     */
    record Addresses(long header, long load, long loadEnd, long bssEnd) {
    }

    /** Loads by the addresses of a header that is at {@code offset} of the file. */
    static void load(Placement place, byte[] file, int offset, Addresses a) throws ImageException {
        long before = a.load() < 0 ? offset : a.header() - a.load();
        long load = a.header() - before;
        long from = offset - before;
        long length = a.loadEnd() == TO_THE_END ? file.length - from : a.loadEnd() - load;
        if (from < 0 || load < 0 || length <= 0 || from + length > file.length) {
            throw place.fault("has a Multiboot header with addresses that are not right: header 0x"
                    + Long.toHexString(a.header()) + ", load 0x" + Long.toHexString(a.load()) + " to 0x"
                    + Long.toHexString(a.loadEnd()));
        }
        long memory = Math.max(length, a.bssEnd() - load);
        place.kernel(load, file, from, length, memory);
    }

    /** Loads an ELF file; returns its entry point as a physical address. */
    static long loadElf(Placement place, String name, byte[] file) throws ImageException {
        ElfImage elf = ElfImage.parse(name, file);
        place.elf(elf);
        for (ElfSegment s : elf.segments()) {
            if (s.type() == ElfSegment.PT_LOAD
                    && Long.compareUnsigned(elf.entry() - s.vaddr(), s.memorySize()) < 0) {
                return elf.entry() - s.vaddr() + s.paddr();
            }
        }
        return elf.entry();
    }

    static void checkEntry(Placement place, long entry) throws ImageException {
        if (!place.inKernel(entry)) {
            throw place.fault("has its entry point at 0x" + Long.toHexString(entry) + ", outside of what is loaded");
        }
    }
}

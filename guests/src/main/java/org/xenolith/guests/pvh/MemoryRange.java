package org.xenolith.guests.pvh;

/**
 * An entry of the guest's memory map.
 *
 * @param start guest-physical address of the first byte
 * @param size length in bytes
 * @param type what it is to the guest
 */
public record MemoryRange(long start, long size, Type type) {
    /** Kinds of memory (XEN_HVM_MEMMAP_TYPE_* in public/arch-x86/hvm/start_info.h, equal to E820 types). */
    public enum Type {
        /** Usable RAM. */
        RAM(1),
        /** Not to be used. */
        RESERVED(2),
        /** ACPI tables, which may be overwritten once they have been read. */
        ACPI(3),
        /** ACPI memory to be kept. */
        NVS(4),
        /** Faulty memory. */
        UNUSABLE(5),
        /** Memory that is not enabled. */
        DISABLED(6),
        /** Persistent memory. */
        PMEM(7);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        /** {@return the number in the interface} */
        public int number() {
            return number;
        }
    }

    /** {@return the address behind the last byte} */
    public long end() {
        return start + size;
    }
}

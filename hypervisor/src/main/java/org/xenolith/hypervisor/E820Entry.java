package org.xenolith.hypervisor;

/**
 * One entry of a guest's memory map.
 *
 * @param start gpa of the first byte
 * @param length in bytes
 * @param type 1 RAM, 2 reserved, 3 ACPI tables, 4 ACPI non-volatile
 */
public record E820Entry(long start, long length, int type) {
    public static final int RAM = 1;
    public static final int RESERVED = 2;
    public static final int ACPI = 3;
    public static final int NVS = 4;
    /** Size of the packed structure in bytes. */
    public static final int SIZE = 20;
}

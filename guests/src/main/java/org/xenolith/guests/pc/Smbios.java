package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.smbios.SmbiosStructures.structure;

import org.xenolith.guests.smbios.SmbiosStructures;

/**
 * The SMBIOS tables of a PC (DMTF DSP0134, version 2.8) for firmware to place, as the fw_cfg files {@link #TABLES} and {@link #ANCHOR}. Firmware adds
 * what it says of itself.
 */
public final class Smbios {
    /** Name of the file with the structures. */
    public static final String TABLES = "etc/smbios/smbios-tables";
    /** Name of the file with the entry point. */
    public static final String ANCHOR = "etc/smbios/smbios-anchor";

    private static final String MAKER = "Xenolith";
    private static final int VERSION_MINOR = 8;
    private static final int UNKNOWN = 2;
    private static final int OTHER = 1;
    private static final int SAFE = 3;
    private static final int SYSTEM = 0x100;
    private static final int CHASSIS = 0x300;
    private static final int PROCESSOR = 0x400;
    private static final int MEMORY_ARRAY = 0x1000;
    private static final int MEMORY_DEVICE = 0x1100;
    private static final int MAPPED = 0x1300;
    private static final long KIB_LIMIT = 0x8000_0000L;
    private static final int SIZE_IS_EXTENDED = 0x7fff;
    private static final long FOUR_GIB = 1L << 32;

    private final SmbiosStructures structures = new SmbiosStructures();

    /**
     * Builds the tables.
     *
     * @param cpus processors, each a socket of its own
     * @param lowRam bytes of RAM from 0
     * @param highRam bytes of RAM from 4 GiB
     */
    public Smbios(int cpus, long lowRam, long highRam) {
        byte[] system = structure(1, 27, SYSTEM);
        system[4] = 1;
        system[5] = 2;
        system[6] = 3;
        system[24] = 6; // power switch
        structures.add(system, MAKER, "Xenolith PC", "i440FX");
        byte[] chassis = structure(3, 22, CHASSIS);
        chassis[4] = 1;
        chassis[5] = OTHER;
        chassis[9] = SAFE;
        chassis[10] = SAFE;
        chassis[11] = SAFE;
        chassis[12] = UNKNOWN;
        structures.add(chassis, MAKER);
        for (int i = 0; i < cpus; i++) {
            byte[] cpu = structure(4, 42, PROCESSOR + i);
            cpu[4] = 1;
            cpu[5] = 3; // central processor
            cpu[6] = OTHER;
            cpu[7] = 2;
            cpu[24] = 0x41; // populated and enabled
            cpu[25] = OTHER;
            put16(cpu, 26, 0xffff);
            put16(cpu, 28, 0xffff);
            put16(cpu, 30, 0xffff);
            cpu[35] = 1;
            cpu[36] = 1;
            cpu[37] = 1;
            structures.add(cpu, "CPU " + i, MAKER);
        }
        memory(lowRam, highRam);
        structures.add(structure(127, 4, 0x7f00));
    }

    private void memory(long lowRam, long highRam) {
        long kib = lowRam + highRam >>> 10;
        byte[] array = structure(16, 23, MEMORY_ARRAY);
        array[4] = OTHER;
        array[5] = 3; // system memory
        array[6] = 6; // ECC over many bits
        put32(array, 7, (int) Math.min(kib, KIB_LIMIT));
        put16(array, 11, 0xfffe);
        put16(array, 13, 1);
        put64(array, 15, kib >= KIB_LIMIT ? lowRam + highRam : 0);
        structures.add(array);
        byte[] device = structure(17, 34, MEMORY_DEVICE);
        put16(device, 4, MEMORY_ARRAY);
        put16(device, 6, 0xfffe);
        put16(device, 8, 0xffff);
        put16(device, 10, 0xffff);
        long mib = kib >>> 10;
        put16(device, 12, (int) Math.min(mib, SIZE_IS_EXTENDED));
        device[14] = 9; // DIMM
        device[16] = 1;
        device[18] = 7; // RAM
        put16(device, 19, UNKNOWN);
        device[23] = 2;
        put32(device, 28, mib >= SIZE_IS_EXTENDED ? (int) mib : 0);
        structures.add(device, "DIMM 0", MAKER);
        mapped(MAPPED, 0, lowRam);
        if (highRam > 0) {
            mapped(MAPPED + 1, FOUR_GIB, highRam);
        }
    }

    private void mapped(int handle, long start, long bytes) {
        byte[] range = structure(19, 31, handle);
        long last = start + bytes - 1;
        boolean wide = last >>> 10 >= 0xffff_ffffL;
        put32(range, 4, wide ? -1 : (int) (start >>> 10));
        put32(range, 8, wide ? -1 : (int) (last >>> 10));
        put16(range, 12, MEMORY_ARRAY);
        range[14] = 1;
        put64(range, 15, wide ? start : 0);
        put64(range, 23, wide ? last : 0);
        structures.add(range);
    }

    /** The structures. */
    public byte[] tables() {
        return structures.bytes();
    }

    /** The entry point; the address of the structures, and both checksums with it, are the firmware's to fill in. */
    public byte[] anchor() {
        return structures.entryPoint(VERSION_MINOR, 0);
    }
}

package org.xenolith.testimages;

import java.io.IOException;
import java.io.InputStream;

/** Code for a PC that comes with Xenolith, assembled from {@code src/main/firmware} by {@code build-guests.sh}. */
public enum EmbeddedFirmware {
    /** A BIOS of 64 KiB: as much as it takes to load a boot sector from the first IDE disk and serve it. */
    BIOS("bios"),
    /**
     * A boot sector that reports what the BIOS tells it, prints the second sector from its second byte, reads a line of keys where that sector
     * begins with {@code K}, and leaves by isa-debug-exit with {@link #EXIT_STATUS}.
     */
    BOOT_SECTOR("bootsector");

    /** What the boot sector ends with when all was well. */
    public static final int EXIT_STATUS = 42;

    private final String resource;

    EmbeddedFirmware(String resource) {
        this.resource = resource;
    }

    /** {@return the name of its file, without the folder} */
    public String file() {
        return resource + ".bin";
    }

    /** {@return its bytes} */
    public byte[] image() {
        try (InputStream in = EmbeddedFirmware.class.getResourceAsStream(file())) {
            if (in == null) {
                throw new IllegalStateException("resource " + file() + " is missing");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException("resource " + file() + " cannot be read", e);
        }
    }
}

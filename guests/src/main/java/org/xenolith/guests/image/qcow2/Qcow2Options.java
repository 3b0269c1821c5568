package org.xenolith.guests.image.qcow2;

import java.util.Optional;
import org.xenolith.guests.ImageException;

/**
 * How a new image is laid out.
 *
 * @param version 2 or 3
 * @param clusterBits 9 to 21: clusters of 512 bytes to 2 MiB
 * @param refcountBits 1, 2, 4, 8, 16, 32 or 64
 * @param lazyRefcounts whether a writer may leave reference counts out of date; ours never does
 * @param backingFile what shows through, as it is to stand in the header
 * @param backingFormat its format
 * @param dataFile the name of an external data file
 * @param rawDataFile whether the data file alone is to be a valid raw image
 */
public record Qcow2Options(int version, int clusterBits, int refcountBits, boolean lazyRefcounts,
        Optional<String> backingFile, Optional<String> backingFormat, Optional<String> dataFile, boolean rawDataFile) {
    /** What QEMU makes by default. */
    public static final Qcow2Options DEFAULT = new Qcow2Options(3, 16, 16, false, Optional.empty(), Optional.empty(),
            Optional.empty(), false);

    /** Checks that the options go together; {@code file} is for the message. */
    void check(String file) throws ImageException {
        if (clusterBits < 9 || clusterBits > 21) {
            throw new ImageException(file, "cluster_size must be a power of two from 512 to 2M");
        }
        if (refcountBits < 1 || refcountBits > 64 || Integer.bitCount(refcountBits) != 1) {
            throw new ImageException(file, "refcount_bits must be 1, 2, 4, 8, 16, 32 or 64");
        }
        if (version == 2 && (refcountBits != 16 || lazyRefcounts || dataFile.isPresent())) {
            throw new ImageException(file,
                    "compat=0.10 has no other refcount_bits than 16, no lazy_refcounts and no data_file");
        }
        if (dataFile.isPresent() && backingFile.isPresent() && rawDataFile) {
            throw new ImageException(file, "data_file_raw and a backing file do not go together");
        }
        if (rawDataFile && dataFile.isEmpty()) {
            throw new ImageException(file, "data_file_raw needs data_file");
        }
    }
}

package org.xenolith.guests.image;

import java.util.List;

/**
 * What a check of an image found.
 *
 * @param corruptions errors that can lose data
 * @param leaks clusters that nobody owns
 * @param corruptionsFixed errors that were repaired; not in {@code corruptions} any more
 * @param leaksFixed clusters that were freed; not in {@code leaks} any more
 * @param totalClusters clusters of the disk
 * @param allocatedClusters of them, how many the image holds
 * @param compressedClusters of those, how many are compressed
 * @param fragmentedClusters of those, how many do not follow the one before in the file
 * @param imageEnd behind the last byte of the file that is in use
 * @param findings what is wrong, a line each; not all if there are very many
 */
public record CheckReport(long corruptions, long leaks, long corruptionsFixed, long leaksFixed, long totalClusters,
        long allocatedClusters, long compressedClusters, long fragmentedClusters, long imageEnd,
        List<String> findings) {
    /** How far a check repairs. */
    public enum Repair {
        /** Not at all. */
        NONE,
        /** Frees what nobody owns. */
        LEAKS,
        /** Everything that can be. */
        ALL
    }
}

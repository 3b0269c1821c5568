package org.xenolith.emulator;

import java.util.List;
import java.util.Map;
import org.xenolith.hypervisor.OnDemandUse;
import org.xenolith.hypervisor.blkback.DiskCounts;

/**
 * How a run ended and what it did: the statistics that {@code --stats} writes.
 *
 * @param outcome of the run: the worst of its domains
 * @param exitCode status that a guest has asked to exit with (isa-debug-exit), or 0
 * @param reason one line for the user where the outcome is not a power-off; empty otherwise
 * @param instructions instructions, REP iterations and event deliveries of all CPUs
 * @param virtualNs virtual time since power-on in nanoseconds
 * @param wallMs host time in milliseconds
 * @param tier the tier that ran
 * @param interpretedShare share of instructions, 0 to 1, that the interpreter did
 * @param peakRssMb highest resident size of the process in MiB
 * @param exits VM exits and their like by reason, sorted
 * @param interpreted instructions that the interpreter did for the native tier, by mnemonic, sorted
 * @param domains the guests in the order of their start
 * @param unimplemented counts of what guests asked for and is not built, by name, sorted
 * @param refused counts of what guests asked for and must not have, by name, sorted
 */
public record RunResult(Outcome outcome, int exitCode, String reason, long instructions, long virtualNs, long wallMs,
        Tier tier,
        double interpretedShare, long peakRssMb, Map<String, Long> exits, Map<String, Long> interpreted,
        List<DomainResult> domains,
        Map<String, Long> unimplemented, Map<String, Long> refused) {

    /**
     * One guest's part.
     *
     * @param memory what it owns of machine memory at the end
     * @param crashReport why the guest crashed, in words, several lines; empty when it did not
     * @param consoleSha256 lower-case hex digest of all console output
     * @param disks its disks in their order
     * @param nics its network interfaces in their order
     */
    public record DomainResult(int id, String name, GuestType type, int vcpus, Outcome outcome, long instructions,
            MemoryUse memory, String consoleSha256, long consoleBytes, String crashReport, List<DiskResult> disks,
            List<NicCounts> nics) {
    }

    /**
     * Machine memory of a guest in KiB, as the hypervisor counts it.
     *
     * @param ownedKib what it owns
     * @param limitKib what it may own at most
     * @param onDemand what of it comes when it is used
     */
    public record MemoryUse(long ownedKib, long limitKib, OnDemandUse onDemand) {
        /** Of a guest that never came to be. */
        public static final MemoryUse NONE = new MemoryUse(0, 0, OnDemandUse.NONE);
    }

    /**
     * What was asked of one disk.
     *
     * @param vdev its name in the guest
     * @param file the image
     * @param problem what went wrong at the end, in words; empty when all is well on the image
     */
    public record DiskResult(String vdev, String file, DiskCounts counts, String problem) {
    }
}

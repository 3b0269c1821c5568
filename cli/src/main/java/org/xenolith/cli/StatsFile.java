package org.xenolith.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.NicCounts;
import org.xenolith.emulator.RunResult;
import org.xenolith.emulator.Tier;
import org.xenolith.host.ProcessMemory;
import org.xenolith.hypervisor.OnDemandUse;
import org.xenolith.hypervisor.blkback.DiskCounts;

/**
 * The statistics of a run as a JSON file: an object with {@code outcome}, {@code instructions}, {@code virtual_ns},
 * {@code wall_ms}, {@code tier}, {@code interpreted_share}, {@code peak_rss_mb}, {@code exits}, {@code interpreted}, {@code domains},
 * {@code unimplemented} and {@code refused}; of each domain also its {@code disks} with what was asked of them. It appears as a whole or not at all.
 */
final class StatsFile {
    /** Outcome of a run that Xenolith could not start or go on with; only here, never of a domain. */
    private static final String ERROR = "error";

    private final Path path;

    private StatsFile(Path path) {
        this.path = path;
    }

    /**
     * Checks that a file can be written later.
     *
     * @throws UserError if its folder is missing or it is a folder itself
     */
    static StatsFile at(Path path) throws UserError {
        OutputFiles.check(path);
        return new StatsFile(path);
    }

    /** Writes what a run did. */
    void write(RunResult result) throws IOException {
        write(json(result));
    }

    /** Writes that a run failed. */
    void writeFailure(MachineConfig config, long wallMs) throws IOException {
        ObjectNode root = head(ERROR, 0, 0, wallMs, config.tier(), 0, ProcessMemory.peakRssMb());
        root.putObject("exits");
        root.putObject("interpreted");
        ArrayNode domains = root.putArray("domains");
        int id = 1;
        for (DomainConfig domain : config.domains()) {
            ObjectNode node = domains.addObject();
            domain(node, id++, domain.name(), domain.type().label(), domain.vcpus(), "destroyed", 0,
                    RunResult.MemoryUse.NONE, "", 0);
            node.putArray("disks");
            node.putArray("nics");
        }
        root.putObject("unimplemented");
        root.putObject("refused");
        write(root);
    }

    /** The statistics as a tree. */
    static ObjectNode json(RunResult result) {
        ObjectNode root = head(result.outcome().label(), result.instructions(), result.virtualNs(), result.wallMs(),
                result.tier(), result.interpretedShare(), result.peakRssMb());
        counts(root.putObject("exits"), result.exits());
        counts(root.putObject("interpreted"), result.interpreted());
        ArrayNode domains = root.putArray("domains");
        for (RunResult.DomainResult d : result.domains()) {
            ObjectNode node = domain(domains.addObject(), d.id(), d.name(), d.type().label(), d.vcpus(),
                    d.outcome().label(), d.instructions(), d.memory(), d.consoleSha256(), d.consoleBytes());
            ArrayNode disks = node.putArray("disks");
            d.disks().forEach(disk -> disk(disks.addObject(), disk));
            ArrayNode nics = node.putArray("nics");
            d.nics().forEach(n -> nic(nics.addObject(), n));
        }
        counts(root.putObject("unimplemented"), result.unimplemented());
        counts(root.putObject("refused"), result.refused());
        return root;
    }

    private static ObjectNode head(String outcome, long instructions, long virtualNs, long wallMs, Tier tier,
            double share,
            long rss) {
        return JsonNodeFactory.instance.objectNode().put("outcome", outcome).put("instructions", instructions)
                .put("virtual_ns", virtualNs).put("wall_ms", wallMs).put("tier", tier.label())
                .put("interpreted_share", share).put("peak_rss_mb", rss);
    }

    private static ObjectNode domain(ObjectNode node, int id, String name, String type, int vcpus, String outcome,
            long instructions, RunResult.MemoryUse memory, String sha256, long bytes) {
        OnDemandUse pool = memory.onDemand();
        node.put("id", id).put("name", name).put("type", type).put("vcpus", vcpus).put("outcome", outcome)
                .put("instructions", instructions).put("memory_kib", memory.ownedKib())
                .put("memory_limit_kib", memory.limitKib());
        node.putObject("on_demand").put("pool_kib", pool.poolPages() << 2).put("unbacked_kib", pool.unbackedGfns() << 2)
                .put("populated", pool.populated()).put("reclaimed", pool.reclaimed());
        return node.put("console_sha256", sha256).put("console_bytes", bytes);
    }

    private static void disk(ObjectNode node, RunResult.DiskResult disk) {
        DiskCounts c = disk.counts();
        node.put("vdev", disk.vdev()).put("file", disk.file()).put("requests", c.requests()).put("reads", c.reads())
                .put("writes", c.writes()).put("flushes", c.flushes()).put("discards", c.discards())
                .put("bytes_read", c.bytesRead()).put("bytes_written", c.bytesWritten()).put("errors", c.errors());
        counts(node.putObject("refused"), c.refused());
    }

    private static void nic(ObjectNode node, NicCounts n) {
        node.put("id", n.id()).put("mac", n.mac()).put("network", n.network()).put("rx_frames", n.rxFrames())
                .put("rx_bytes", n.rxBytes()).put("rx_dropped", n.rxDropped()).put("rx_errors", n.rxErrors())
                .put("tx_frames", n.txFrames()).put("tx_bytes", n.txBytes()).put("tx_errors", n.txErrors());
    }

    private static void counts(ObjectNode node, Map<String, Long> counts) {
        counts.forEach((name, n) -> node.put(name, n));
    }

    private void write(ObjectNode root) throws IOException {
        byte[] text = (new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(root) + "\n")
                .getBytes(StandardCharsets.UTF_8);
        Path target = Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
        if (Files.exists(target) && !Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
            Files.write(target, text); // a device or pipe must not be replaced by a file
            return;
        }
        Path part = target.resolveSibling("." + target.getFileName() + "." + ProcessHandle.current().pid() + ".part");
        try {
            Files.write(part, text);
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}

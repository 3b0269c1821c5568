package org.xenolith.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.host.ProcessMemory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code xenolith info}: versions, CPU models, tiers and limits. */
@Command(name = "info", sortOptions = false, usageHelpWidth = 110,
        description = "Says what this Xenolith is and can do here: versions, guests, CPU models, tiers, limits.%n",
        footerHeading = "%nExamples:%n", footer = {"  xenolith info", "  xenolith info --json | jq .limits"})
final class InfoCommand implements Callable<Integer> {
    private final App app;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    InfoCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws JsonProcessingException {
        ObjectNode info = info();
        PrintStream out = app.text();
        if (json) {
            out.println(new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(info));
            return ExitStatus.OK;
        }
        JsonText.print(info, out);
        return ExitStatus.OK;
    }

    private static ObjectNode info() {
        ObjectNode info = JsonNodeFactory.instance.objectNode();
        info.putObject("version").put("xenolith", Main.version()).put("xen_abi", RunCommand.XEN_VERSION)
                .put("java", Runtime.version().toString());
        info.putObject("host").put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"))
                .put("cpu", System.getProperty("os.arch")).put("memory_bytes", ProcessMemory.hostBytes());
        list(info, "guests", RunCommand.BUILT_TYPES);
        list(info, "kernels",
                List.of("Linux bzImage (gzip, bzip2, LZMA, XZ, LZO, LZ4, Zstandard)", "ELF, also gzipped"));
        list(info, "cpus", CpuModels.names());
        list(info, "cpu_features", features());
        list(info, "tiers", RunCommand.BUILT_TIERS);
        info.putObject("limits").put("vcpus_min", 1).put("vcpus_max", Limits.MAX_VCPUS)
                .put("memory_min_bytes", Limits.MIN_MEMORY).put("memory_max_bytes", Limits.maxMemory());
        info.putObject("defaults").put("type", "pvh").put("memory_bytes", Limits.DEFAULT_MEMORY).put("vcpus", 1)
                .put("cpu", CpuModels.DEFAULT).put("seed", 0)
                .put("epoch", MachineConfig.DEFAULT_EPOCH.toString())
                .put("idle_timeout_ns", MachineConfig.DEFAULT_IDLE_TIMEOUT_NS);
        return info;
    }

    /** Every feature that some model has; those can be added or taken away. */
    private static List<String> features() {
        return CpuModels.names().stream().flatMap(name -> CpuModels.named(name).features().stream())
                .map(f -> f.name().toLowerCase(Locale.ROOT)).distinct().sorted().toList();
    }

    private static void list(ObjectNode node, String name, List<String> values) {
        ArrayNode array = node.putArray(name);
        values.forEach(array::add);
    }
}

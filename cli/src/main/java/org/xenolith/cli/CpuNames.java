package org.xenolith.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.xenolith.cpu.Feature;

/** Names of CPU models and features as {@code --cpu} takes them. */
final class CpuNames {
    /** The models; the first is the default. */
    static final List<String> MODELS = List.of("x86-64-v2", "x86-64-v3", "intel", "amd");

    private CpuNames() {
    }

    /** The features that can be added or taken away, sorted. */
    static List<String> features() {
        return Arrays.stream(Feature.values()).map(f -> f.name().toLowerCase(Locale.ROOT)).sorted().toList();
    }

    /**
     * Checks {@code NAME[,+feature,-feature]}.
     *
     * @return null if it is good, otherwise what is wrong
     */
    static String complaint(String spec) {
        String[] parts = spec.split(",", -1);
        if (!MODELS.contains(parts[0])) {
            return "'" + parts[0] + "' is not a CPU model: " + String.join(", ", MODELS) + " are";
        }
        for (String part : Arrays.copyOfRange(parts, 1, parts.length)) {
            if (!part.startsWith("+") && !part.startsWith("-")) {
                return "'" + part + "' must be +feature or -feature";
            }
            String name = part.substring(1).toLowerCase(Locale.ROOT).replace('.', '_').replace('-', '_');
            if (!features().contains(name)) {
                String near = features().stream()
                        .filter(f -> name.length() > 1 && (f.startsWith(name) || name.startsWith(f)))
                        .collect(Collectors.joining(", "));
                return "'" + part.substring(1) + "' is not a CPU feature"
                        + (near.isEmpty() ? "; 'xenolith info' lists them" : "; near it are " + near);
            }
        }
        return null;
    }
}

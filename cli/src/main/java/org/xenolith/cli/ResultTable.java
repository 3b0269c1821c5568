package org.xenolith.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.RunResult;

/** A table of guests that ran. */
final class ResultTable {
    private static final List<String> HEAD = List.of("guest", "type", "kernel", "outcome", "instructions",
            "virtual time",
            "wall time", "MIPS");
    /** Columns from here on are numbers and stand to the right. */
    private static final int FIRST_NUMBER = 4;

    private final List<List<String>> rows = new ArrayList<>();

    ResultTable() {
        rows.add(HEAD);
    }

    /** Adds the guests of a run. */
    void add(MachineConfig config, RunResult r) {
        for (int i = 0; i < r.domains().size(); i++) {
            RunResult.DomainResult d = r.domains().get(i);
            String kernel = config.domains().get(i).kernel().map(k -> k.getFileName().toString()).orElse("-");
            rows.add(List.of(d.name(), d.type().label(), kernel, d.outcome().label(),
                    String.format(Locale.ROOT, "%,d", d.instructions()),
                    String.format(Locale.ROOT, "%.3f s", r.virtualNs() / 1e9),
                    String.format(Locale.ROOT, "%.1f s", r.wallMs() / 1e3),
                    String.format(Locale.ROOT, "%.1f", Session.mips(r))));
        }
    }

    /** Adds a guest that did not run. */
    void addMissing(String name, String type, String kernel, String why) {
        rows.add(List.of(name, type, kernel, why, "-", "-", "-", "-"));
    }

    /** Prints the table. */
    void print(PrintStream out) {
        int[] widths = new int[HEAD.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            List<String> row = rows.get(r);
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String space = " ".repeat(widths[i] - row.get(i).length());
                line.append(i >= FIRST_NUMBER ? space + row.get(i) : row.get(i) + space).append("  ");
            }
            out.println(line.toString().stripTrailing());
            if (r == 0) {
                out.println("-".repeat(Arrays.stream(widths).sum() + 2 * (widths.length - 1)));
            }
        }
    }
}

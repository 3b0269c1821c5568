package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What the README says of options is what the command line takes. */
final class DocumentedOptionsTest {
    /** In a table row, between back quotes: an option and, after a space, its value as an example. */
    private static final Pattern QUOTED = Pattern.compile("`(--[a-z-]+)[^`]*`");
    private static final Pattern COMMAND = Pattern.compile("xenolith ([a-z]+)((?: [^\\s`]+)*)");

    private final CommandLine command = commandLine();

    private static CommandLine commandLine() {
        FakeMachine machine = new FakeMachine();
        Messages silent = new Messages(System.err, false);
        return Main.commandLine(new App(machine.in, machine.out, silent, Optional.empty(), machine),
                new Errors(silent));
    }

    private static String readme() throws IOException {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.exists(folder.resolve("README.md"))) {
            folder = folder.getParent();
        }
        return Files.readString(folder.resolve("README.md"));
    }

    private Set<String> options(String subcommand) {
        Set<String> names = new TreeSet<>();
        for (OptionSpec option : command.getSubcommands().get(subcommand).getCommandSpec().options()) {
            if (!option.hidden()) {
                names.addAll(Set.of(option.names()));
            }
        }
        return names;
    }

    @Test
    void options_in_the_tables_of_the_readme_are_options_of_run() throws IOException {
        Set<String> named = new TreeSet<>();
        for (String line : readme().lines().filter(l -> l.startsWith("|")).toList()) {
            Matcher m = QUOTED.matcher(line);
            while (m.find()) {
                named.add(m.group(1));
            }
        }
        assertTrue(named.size() >= 8, () -> "found only " + named);
        named.removeAll(options("run"));
        assertEquals(Set.of(), named);
    }

    @Test
    void commands_in_the_readme_exist_and_take_their_options() throws IOException {
        Matcher m = COMMAND.matcher(readme());
        Set<String> seen = new TreeSet<>();
        while (m.find()) {
            String name = m.group(1);
            assertTrue(command.getSubcommands().containsKey(name), m.group());
            seen.add(name);
            for (String word : m.group(2).strip().split(" ")) {
                if (word.startsWith("-")) {
                    assertTrue(options(name).contains(word), () -> word + " in: " + m.group());
                }
            }
        }
        assertTrue(seen.contains("demo") && seen.contains("run"), () -> "found only " + seen);
    }
}

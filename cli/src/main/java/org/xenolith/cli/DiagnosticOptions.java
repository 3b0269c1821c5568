package org.xenolith.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.Tier;

/** What {@code --trace} and {@code --inject-fault} ask for; closes the file that is written to. */
final class DiagnosticOptions implements AutoCloseable {
    private static final Pattern FAULT = Pattern.compile("translator@([0-9]{1,18})");
    private static final String TRACE = "translation";

    private final Messages messages;
    private final Diagnostics diagnostics;
    private Path file;
    private PrintStream out;

    /**
     * Checks the options.
     *
     * @param trace value of {@code --trace}, or null
     * @param fault value of {@code --inject-fault}, or null
     * @throws UserError when one is not understood, does not go with the tier, or its file cannot be written
     */
    DiagnosticOptions(String trace, String fault, Tier tier, Messages messages) throws UserError {
        this.messages = messages;
        diagnostics = new Diagnostics(fault == null ? Long.MAX_VALUE : faultAt(fault, tier),
                trace == null ? Optional.empty() : Optional.of(sink(trace, tier)));
    }

    Diagnostics diagnostics() {
        return diagnostics;
    }

    private static long faultAt(String fault, Tier tier) throws UserError {
        Matcher m = FAULT.matcher(fault);
        if (!m.matches()) {
            throw UserError.usage("--inject-fault: '" + fault + "' is not translator@N, N instructions");
        }
        if (tier != Tier.LOCKSTEP) {
            throw UserError.usage("--inject-fault: needs --tier lockstep, which finds the fault");
        }
        return Long.parseLong(m.group(1));
    }

    private Consumer<String> sink(String trace, Tier tier) throws UserError {
        int equals = trace.indexOf('=');
        String what = equals < 0 ? trace : trace.substring(0, equals);
        if (!what.equals(TRACE)) {
            throw UserError.usage("--trace: '" + what + "' is not something to trace; translation is");
        }
        if (tier == Tier.INTERPRETER) {
            throw UserError.usage("--trace: the interpreter translates nothing; use --tier native or lockstep");
        }
        if (equals < 0) {
            return messages::text;
        }
        file = Path.of(trace.substring(equals + 1));
        OutputFiles.check(file);
        return this::write;
    }

    private void write(String text) {
        if (out == null) {
            try {
                out = new PrintStream(file.toFile(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                out = new PrintStream(PrintStream.nullOutputStream(), false, StandardCharsets.UTF_8);
                messages.say(file + ": cannot be written: " + e.getMessage());
            }
        }
        out.println(text);
    }

    @Override
    public void close() {
        if (out != null) {
            if (out.checkError()) {
                messages.say(file + ": not everything could be written");
            }
            out.close();
        }
    }
}

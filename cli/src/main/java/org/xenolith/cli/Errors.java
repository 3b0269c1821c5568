package org.xenolith.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.xenolith.cpu.jit.LockstepDifference;
import org.xenolith.guests.ImageException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one line and an exit status. */
final class Errors implements IParameterExceptionHandler, IExecutionExceptionHandler {
    private static final Pattern BAD_VALUE = Pattern
            .compile("Invalid value for (?:option '([^']*)'|.*?)(?: \\(.*?\\))?: (.*)");

    private final Messages messages;

    Errors(Messages messages) {
        this.messages = messages;
    }

    @Override
    public int handleParseException(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        String help = "see '" + command.getCommandSpec().qualifiedName() + " --help'";
        String what = describe(e, command);
        messages.say(what + (what.endsWith("?") ? " (" + help + ")" : "; " + help));
        return ExitStatus.USAGE;
    }

    private static String describe(ParameterException e, CommandLine command) {
        if (e instanceof UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
            String first = unmatched.getUnmatched().getFirst();
            List<String> near = suggestions(unmatched, first, command);
            String what = unmatched.isUnknownOption() ? "unknown option" : "unknown command or argument";
            return what + " '" + first + "'" + (near.isEmpty()
                    ? ""
                    : "; did you mean " + near.stream().limit(3).collect(Collectors.joining(" or ")) + "?");
        }
        String message = e.getMessage().lines().findFirst().orElse("bad arguments").strip();
        // "Invalid value for option '--memory' (SIZE): 'x' is …" says the same as "--memory: 'x' is …"
        Matcher m = BAD_VALUE.matcher(message);
        if (m.matches()) {
            return (m.group(1) == null ? "" : m.group(1) + ": ") + m.group(2);
        }
        return Character.toLowerCase(message.charAt(0)) + message.substring(1);
    }

    private static List<String> suggestions(UnmatchedArgumentException e, String argument, CommandLine command) {
        if (!e.isUnknownOption()) {
            return e.getSuggestions();
        }
        // picocli offers everything that is a little alike; a hidden or single-letter option never helps
        return e.getSuggestions().stream().filter(s -> s.length() > 2)
                .filter(s -> command.getCommandSpec().findOption(s) == null
                        || !command.getCommandSpec().findOption(s).hidden())
                .filter(s -> Distance.near(strip(argument), strip(s))).toList();
    }

    private static String strip(String option) {
        return option.replaceFirst("^-+", "").replaceFirst("=.*", "");
    }

    @Override
    public int handleExecutionException(Exception e, CommandLine command, ParseResult result) {
        return report(e, wantsDetails(result.originalArgs()));
    }

    /** Whether stack traces go to standard error instead of into a file. */
    static boolean wantsDetails(List<String> args) {
        return args.contains("-v") || args.contains("--verbose");
    }

    /** Says what went wrong; the exit status that it stands for. */
    int report(Throwable e, boolean verbose) {
        switch (e) {
            case UserError user -> {
                messages.say(user.getMessage());
                return user.status();
            }
            case LockstepDifference difference -> {
                messages.say("lockstep: " + difference.getMessage());
                messages.text(difference.report());
                return ExitStatus.INTERNAL;
            }
            case ImageException image -> {
                messages.say(oneLine(image.getMessage()));
                return ExitStatus.USAGE;
            }
            case NoSuchFileException missing -> {
                messages.say(missing.getFile() + ": no such file");
                return ExitStatus.NO_FILE;
            }
            default -> {
                internal(e, verbose);
                return ExitStatus.INTERNAL;
            }
        }
    }

    private void internal(Throwable e, boolean verbose) {
        String what = e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + oneLine(e.getMessage()));
        messages.say("internal error (" + what + "); please report it" + (verbose ? "" : details(e)));
        if (verbose) {
            messages.text(trace(e));
        }
    }

    private static String trace(Throwable e) {
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace, true));
        return trace.toString();
    }

    private static String details(Throwable e) {
        String text = "xenolith " + Main.version() + ", Java " + Runtime.version() + ", "
                + System.getProperty("os.name")
                + " " + System.getProperty("os.version") + " " + System.getProperty("os.arch") + "\n" + trace(e);
        try {
            Path file = Files.createTempFile("xenolith-error-", ".txt");
            Files.writeString(file, text, StandardCharsets.UTF_8);
            return " with " + file;
        } catch (IOException unwritable) {
            return "; its details could not be kept: " + oneLine(String.valueOf(unwritable.getMessage()));
        }
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}

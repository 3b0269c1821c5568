package org.xenolith.cli;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenolith.devices.input.TypedKeys;
import org.xenolith.emulator.ScreenConfig;
import picocli.CommandLine.Option;

/** Options on the screen and keyboard of a guest that has them; a mixin. */
final class ScreenOptions {
    private static final int FIRST_PORT = 5900;
    private static final int MAX_DISPLAY = 65_535 - FIRST_PORT;
    private static final Pattern DISPLAY = Pattern.compile("(?:\\[([0-9a-fA-F:.]+)\\]|([^:\\[\\]]*)):([0-9]{1,5})");

    @Option(names = {"--vnc", "-vnc"}, paramLabel = "HOST:N",
            description = "Serve the screen by VNC at TCP port 5900+N of an address; without HOST, of 127.0.0.1.")
    private String vnc;

    @Option(names = "--screenshot", paramLabel = "F.png", description = "Write the screen to a PNG file at the end.")
    private Path screenshot;

    @Option(names = "--screen-text", paramLabel = "F.txt",
            description = "Write the characters on the screen, exact from text memory, to a file at the end.")
    private Path screenText;

    @Option(names = "--type-keys", paramLabel = "TEXT",
            description = "Type on the keyboard from 1 s after power-on: text, \\n, \\t, \\\\, \\<, <f2>, <esc>, <ctrl-alt-del>, <wait:2s>.")
    private String typeKeys;

    @Option(names = "--screen", paramLabel = "terminal",
            description = "Show text modes in the terminal and type there, in place of the serial port.")
    private String screen;

    /**
     * What the options say.
     *
     * @throws UserError when one is not understood or its file cannot be written
     */
    ScreenConfig config() throws UserError {
        if (screen != null && !screen.equals("terminal")) {
            throw UserError.usage("--screen: '" + screen + "' is not a place for a screen; terminal is");
        }
        if (screenshot != null) {
            OutputFiles.check(screenshot);
        }
        if (screenText != null) {
            OutputFiles.check(screenText);
        }
        return new ScreenConfig(vnc == null ? Optional.empty() : Optional.of(address(vnc)),
                Optional.ofNullable(screenshot), Optional.ofNullable(screenText),
                typeKeys == null ? Optional.empty() : Optional.of(typedKeys()), screen != null);
    }

    private TypedKeys typedKeys() throws UserError {
        try {
            return TypedKeys.of(typeKeys);
        } catch (IllegalArgumentException e) {
            throw new UserError("--type-keys: " + e.getMessage(), e);
        }
    }

    private static InetSocketAddress address(String text) throws UserError {
        Matcher m = DISPLAY.matcher(text);
        if (!m.matches() || Integer.parseInt(m.group(3)) > MAX_DISPLAY) {
            throw UserError
                    .usage("--vnc: '" + text + "' is not HOST:N, N 0 to " + MAX_DISPLAY + ", such as 127.0.0.1:1");
        }
        String host = m.group(1) != null ? m.group(1) : m.group(2).isEmpty() ? "127.0.0.1" : m.group(2);
        InetSocketAddress at = new InetSocketAddress(host, FIRST_PORT + Integer.parseInt(m.group(3)));
        if (at.isUnresolved()) {
            throw UserError.usage("--vnc: there is no host '" + host + "'");
        }
        return at;
    }
}

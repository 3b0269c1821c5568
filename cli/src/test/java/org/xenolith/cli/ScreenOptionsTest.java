package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.emulator.ScreenConfig;
import picocli.CommandLine;

final class ScreenOptionsTest {
    @TempDir
    Path folder;

    private static ScreenConfig parse(String... arguments) throws UserError {
        return CommandLine.populateCommand(new ScreenOptions(), arguments).config();
    }

    @Test
    void without_options_nobody_looks() throws UserError {
        assertEquals(ScreenConfig.NONE, parse());
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1:7,127.0.0.1,5907", ":1,127.0.0.1,5901", "[::1]:2,::1,5902", "0.0.0.0:0,0.0.0.0,5900"})
    void displays_count_from_port_5900(String text, String host, int port) throws UserError {
        assertEquals(Optional.of(new InetSocketAddress(host, port)), parse("--vnc", text).vnc());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "7", "host", "127.0.0.1:", "127.0.0.1:99999", "::1:5", "a:b", "127.0.0.1:-1"})
    void other_displays_are_refused(String text) {
        UserError e = assertThrows(UserError.class, () -> parse("--vnc", text));
        assertTrue(e.getMessage().startsWith("--vnc: "), e.getMessage());
    }

    @Test
    void files_keys_and_the_terminal_are_taken_over() throws UserError {
        Path png = folder.resolve("s.png");
        ScreenConfig c = parse("--screenshot", png.toString(), "--type-keys", "a<f2>", "--screen", "terminal");
        assertEquals(Optional.of(png), c.screenshot());
        assertTrue(c.typedKeys().isPresent() && c.terminal());
        assertThrows(UserError.class, () -> parse("--screen-text", folder.toString()));
        assertThrows(UserError.class, () -> parse("--type-keys", "<nokey>"));
        assertThrows(UserError.class, () -> parse("--screen", "window"));
    }
}

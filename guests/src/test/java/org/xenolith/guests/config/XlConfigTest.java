package org.xenolith.guests.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.guests.config.XlValue.Items;
import org.xenolith.guests.config.XlValue.Text;

final class XlConfigTest {
    private static final String WHOLE = """
            # a guest
            name = "g1"; type = 'pvh'
            kernel = "/boot/vmlinuz"
            ramdisk = "/boot/initrd"
            extra = "console=hvc0 quiet" # not the whole line
            memory = 256
            vcpus = 2
            vif = [ 'mac=00:16:3e:00:00:01,bridge=lan0',
                    "bridge=lan1",
            ]
            disk = [ '/images/d.qcow2,qcow2,xvda,rw' ]
            on_crash = "restart"
            uuid = "00112233-4455-6677-8899-aabbccddeeff"
            """;

    private static XlConfig parse(String source) throws ConfigException {
        return XlConfig.parse("F", source);
    }

    private static String error(String source) {
        return assertThrows(ConfigException.class, () -> parse(source)).getMessage();
    }

    @Test
    void a_file_gives_a_domain() throws Exception {
        XlDomain d = XlDomain.of(parse(WHOLE));
        assertEquals("g1", d.name());
        assertEquals("pvh", d.type());
        assertEquals(Optional.of(Path.of("/boot/vmlinuz")), d.kernel());
        assertEquals(Optional.of(Path.of("/boot/initrd")), d.ramdisk());
        assertEquals("console=hvc0 quiet", d.commandLine());
        assertEquals(256L << 20, d.memoryBytes());
        assertEquals(2, d.vcpus());
        assertEquals(List.of(new Text("mac=00:16:3e:00:00:01,bridge=lan0", 8), new Text("bridge=lan1", 9)), d.vifs());
        assertEquals(List.of(new Text("/images/d.qcow2,qcow2,xvda,rw", 11)), d.disks());
        assertEquals(ShutdownAction.DESTROY, d.onPoweroff());
        assertEquals(ShutdownAction.RESTART, d.onReboot());
        assertEquals(ShutdownAction.RESTART, d.onCrash());
        assertEquals(Optional.of(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff")), d.uuid());
        assertEquals(List.of(), d.warnings());
    }

    @Test
    void what_is_left_out_has_xl_s_default() throws Exception {
        XlDomain d = XlDomain.of(parse("name='n'\nkernel='k'"));
        assertEquals("pv", d.type());
        assertEquals(32L << 20, d.memoryBytes());
        assertEquals(1, d.vcpus());
        assertEquals("", d.commandLine());
        assertEquals(List.of(), d.vifs());
        assertEquals(Optional.empty(), d.uuid());
    }

    @Test
    void strings_have_the_escapes_of_c() throws Exception {
        XlConfig c = parse("a = 'it\\'s \"x\"'\nb = \"\\t\\x41\\102\\\\ # no comment\\n\"");
        assertEquals("it's \"x\"", c.text("a").orElseThrow());
        assertEquals("\tAB\\ # no comment\n", c.text("b").orElseThrow());
    }

    @Test
    void lists_nest_and_may_end_in_a_comma() throws Exception {
        XlConfig c = parse("a = [ 1, [ 'x', [] ],\n\n 'y', ]\nb = []");
        assertEquals(new Items(List.of(new Text("1", 1),
                new Items(List.of(new Text("x", 1), new Items(List.of(), 1)), 1), new Text("y", 3)), 1),
                c.settings().get("a"));
        assertEquals(new Items(List.of(), 4), c.settings().get("b"));
    }

    @Test
    void a_later_setting_replaces_and_plus_adds() throws Exception {
        XlConfig c = parse("a = 'x'\na += 'y'\nb = ['1']\nb += ['2']\nc += ['3']\nd = 1\nd = 2");
        assertEquals("xy", c.text("a").orElseThrow());
        assertEquals(List.of("1", "2"), c.list("b").stream().map(Text::text).toList());
        assertEquals(List.of("3"), c.list("c").stream().map(Text::text).toList());
        assertEquals(OptionalLong.of(2), c.number("d"));
    }

    @Test
    void a_backslash_continues_a_line() throws Exception {
        XlConfig c = parse("a = \\\n 'x'");
        assertEquals("x", c.text("a").orElseThrow());
        assertEquals(2, c.line("a"));
    }

    @Test
    void numbers_are_those_of_c() throws Exception {
        XlConfig c = parse("a = 0x10\nb = '12'\nc = 010");
        assertEquals(OptionalLong.of(16), c.number("a"));
        assertEquals(OptionalLong.of(12), c.number("b"));
        assertEquals(OptionalLong.of(8), c.number("c"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "name='x'\\nmemory = = 3 ~ F:2: config parsing error near `=': syntax error",
        "memory = 256M ~ F:1: config parsing error near `M': lexical error",
        "a = 1 b = 2 ~ F:1: config parsing error near `b': syntax error",
        "a = ~ F:1: config parsing error near the end of the file: syntax error",
        "a =\\nb = 1 ~ F:1: config parsing error near <newline>: syntax error",
        "a = [ 1 2 ] ~ F:1: config parsing error near `2': syntax error",
        "a = 'x ~ F:1: config parsing error near `'x': unterminated string",
        "a = \"\\q\" ~ F:1: config parsing error near `\"\\q': invalid escape in a string",
        "A = 1 ~ F:1: config parsing error near `A': lexical error",
        "a = 1\\na += [2] ~ F:2: config parsing error: `a' += needs two lists or two strings",
    })
    void errors_say_where(String source, String message) {
        assertEquals(message, error(source.replace("\\n", "\n")));
    }

    @Test
    void a_setting_of_another_kind_is_a_warning_and_the_default_is_used() throws Exception {
        XlDomain d = XlDomain.of(parse("name='n';kernel='k'\nmemory='lots'\nvif='bridge=x'\nextra=['a']\ndisk=[['x']]\n"
                + "tsc_mode='native'"));
        assertEquals(32L << 20, d.memoryBytes());
        assertEquals(List.of(), d.vifs());
        assertEquals("", d.commandLine());
        assertEquals(List.of("F:2: warning: parameter `memory' is not a valid number",
                "F:4: warning: parameter `extra' is a list but should be a single value",
                "F:3: warning: parameter `vif' is a single value but should be a list",
                "F:5: warning: parameter `disk[0]' is a list but should be a single value",
                "F:6: warning: parameter `tsc_mode' is not built yet and ignored"), d.warnings());
    }

    @Test
    void cmdline_counts_before_root_and_extra() throws Exception {
        assertEquals("root=/dev/xvda ro", XlDomain.of(parse("name='n';kernel='k';root='/dev/xvda';extra='ro'"))
                .commandLine());
        XlDomain d = XlDomain.of(parse("name='n';kernel='k';root='/dev/xvda';cmdline='ro'"));
        assertEquals("ro", d.commandLine());
        assertEquals(1, d.warnings().size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "kernel='k' ~ F: Domain name must be specified.",
        "name='n' ~ F: a kernel must be specified (kernel=)",
        "name='n';kernel='k';type='vm' ~ F:1: Invalid domain type \"vm\": pv, pvh and hvm are",
        "name='n';kernel='k';on_reboot='dance' ~ F:1: Unknown on_reboot action \"dance\" specified",
        "name='n';kernel='k';uuid='1' ~ F:1: Failed to parse UUID: 1",
        "name='n';kernel='k';memory=0 ~ F:1: parameter `memory' must be 1 to 1048576, not 0",
        "name='n';kernel='k';vcpus=0 ~ F:1: parameter `vcpus' must be 1 to 1048576, not 0",
    })
    void what_cannot_be_is_refused(String source, String message) {
        ConfigException e = assertThrows(ConfigException.class, () -> XlDomain.of(parse(source)));
        assertEquals(message, e.getMessage());
    }

    @Test
    void random_files_give_settings_or_one_line() {
        Random random = new Random(1);
        String alphabet = WHOLE + "\\'\"[],;=+#\n\u0000é";
        int good = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder source = new StringBuilder(WHOLE);
            for (int n = random.nextInt(4); n > 0; n--) {
                source.setCharAt(random.nextInt(source.length()), alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                XlDomain.of(parse(source.toString()));
                good++;
            } catch (ConfigException e) {
                assertTrue(e.getMessage().startsWith("F:") && e.getMessage().indexOf('\n') < 0, e.getMessage());
            }
        }
        assertTrue(good > 5000, good + " were good");
    }

    @Test
    void depth_of_lists_is_limited() {
        assertTrue(error("a = " + "[".repeat(100_000)).contains("near `['"));
    }
}

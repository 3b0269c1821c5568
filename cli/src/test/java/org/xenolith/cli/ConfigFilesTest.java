package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Restarts;
import org.xenolith.guests.net.NicSpec;

/**
 * Guests from configuration files:
 * <ul>
 * <li>their settings become domains, one a file;</li>
 * <li>each line of several consoles says whose it is, or each guest has a file;</li>
 * <li>what is wrong is one line with file and line number.</li>
 * </ul>
 */
final class ConfigFilesTest {
    @TempDir
    Path folder;
    private Path kernel;
    private final FakeMachine machine = new FakeMachine();

    @BeforeEach
    void make_a_kernel() throws IOException {
        kernel = Files.writeString(folder.resolve("vmlinuz"), "not looked into here");
    }

    private String file(String name, String more) throws IOException {
        Path path = folder.resolve(name + ".cfg");
        Files.writeString(path, "name = '" + name + "'\ntype = 'pvh'\nkernel = '" + kernel + "'\nmemory = 64\n" + more);
        return path.toString();
    }

    private static void print(Console console, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        assertTrue(console.output(bytes, 0, bytes.length));
    }

    @Test
    void settings_become_a_domain() throws IOException {
        Path disk = Files.writeString(folder.resolve("d.img"), "x".repeat(512));
        String cfg = file("g1", "vcpus = 3\nextra = 'console=hvc0'\nramdisk = '" + kernel + "'\n"
                + "vif = ['mac=00:16:3e:00:00:01,bridge=lan0', '']\ndisk = ['" + disk + ",raw,xvdb,ro']\n"
                + "on_crash = 'restart'\non_reboot = 'destroy'\nuuid = '00112233-4455-6677-8899-aabbccddeeff'\n");
        assertEquals(0, machine.execute("run", cfg), machine.err());
        DomainConfig d = machine.config().domains().getFirst();
        assertEquals("g1", d.name());
        assertEquals("pvh", d.type().label());
        assertEquals(Optional.of(kernel), d.kernel());
        assertEquals(Optional.of(kernel), d.initrd());
        assertEquals("console=hvc0", d.commandLine());
        assertEquals(64L << 20, d.memoryBytes());
        assertEquals(3, d.vcpus());
        assertEquals(new Restarts(false, false, true), d.restarts());
        assertEquals(List.of("lan0", NicSpec.DEFAULT_BRIDGE), d.nics().stream().map(NicSpec::bridge).toList());
        assertEquals(disk, d.disks().getFirst().image().path());
        assertTrue(d.disks().getFirst().image().readOnly());
        assertEquals(Optional.of(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff")), d.uuid());
    }

    @Test
    void memory_and_vcpus_have_maxima_and_one_of_several_guests_is_set() throws IOException {
        String a = file("a", "maxmem = 128\nmaxvcpus = 4\nvcpus = 2\n");
        String b = file("b", "");
        assertEquals(0, machine.execute("run", a, b, "--mem-set", "a=128M@3s"), machine.err());
        DomainConfig d = machine.config().domains().getFirst();
        assertEquals(List.of(64L << 20, 128L << 20), List.of(d.memoryBytes(), d.maxMemoryBytes()));
        assertEquals(List.of(2, 4), List.of(d.vcpus(), d.maxVcpus()));
        assertEquals("a", machine.config().memorySets().getFirst().domain());
        assertEquals(126, machine.execute("run", a, b, "--mem-set", "32M@3s"));
        assertTrue(machine.err().contains("--mem-set: there are several guests; write NAME=32M@"), machine.err());
    }

    @Test
    void no_reboot_counts_for_every_guest() throws IOException {
        assertEquals(0, machine.execute("run", file("a", ""), file("b", ""), "--no-reboot"));
        assertEquals(2, machine.config().domains().size());
        machine.config().domains().forEach(d -> assertFalse(d.restarts().reboot()));
    }

    @Test
    void lines_of_several_guests_say_whose_they_are() throws IOException {
        machine.body = (m, console) -> {
            print(m.guests.get(0), "one\r\nt");
            print(m.guests.get(1), "other\n\nand");
            print(m.guests.get(0), "wo\r\n");
            print(m.guests.get(1), " the rest");
            return Outcome.POWEROFF;
        };
        assertEquals(0, machine.execute("run", file("a", ""), file("b", "")), machine.err());
        assertEquals("[a] one\r\n[b] other\n[b] \n[a] two\r\n[b] and the rest\n", machine.out());
    }

    @Test
    void a_line_without_an_end_is_cut() throws IOException {
        machine.body = (m, console) -> {
            print(m.guests.get(0), "x".repeat(10_000));
            return Outcome.POWEROFF;
        };
        assertEquals(0, machine.execute("run", file("a", ""), file("b", "")), machine.err());
        assertEquals(3, machine.out().lines().count());
        assertEquals("x".repeat(10_000), machine.out().replaceAll("(?m)^\\[a] |\n", ""));
    }

    @Test
    void each_guest_has_a_file_in_the_console_directory() throws IOException {
        machine.body = (m, console) -> {
            print(m.guests.get(0), "one\r\nt");
            print(m.guests.get(1), "other\n");
            return Outcome.POWEROFF;
        };
        Path logs = folder.resolve("logs");
        Path stats = folder.resolve("stats.json");
        assertEquals(0,
                machine.execute("run", file("a", ""), file("b", ""), "--console-dir", logs.toString(), "--stats",
                        stats.toString()),
                machine.err());
        assertEquals("one\r\nt", Files.readString(logs.resolve("a.log")));
        assertEquals("other\n", Files.readString(logs.resolve("b.log")));
        assertEquals("", machine.out());
        JsonNode domains = new ObjectMapper().readTree(stats.toFile()).get("domains");
        assertEquals(List.of("a", "b"), domains.findValuesAsText("name"));
    }

    @Test
    void a_guest_that_is_alone_has_its_console_as_it_is() throws IOException {
        machine.body = (m, console) -> {
            print(console, "one");
            return Outcome.POWEROFF;
        };
        assertEquals(0, machine.execute("run", file("a", "")), machine.err());
        assertEquals("one", machine.out());
    }

    @Test
    void warnings_are_said_and_the_default_is_used() throws IOException {
        String cfg = file("a", "memory = 'lots'\nlocaltime = 1\n");
        assertEquals(0, machine.execute("run", cfg), machine.err());
        assertEquals("xenolith: " + cfg + ":5: warning: parameter `memory' is not a valid number\nxenolith: " + cfg
                + ":6: warning: parameter `localtime' is not built yet and ignored\n", machine.err());
        assertEquals(32L << 20, machine.config().domains().getFirst().memoryBytes());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', value = {
        "= 1 ~ :5: config parsing error near ",
        "vif = ['mac=x'] ~ : vif: network interface: ",
        "disk = ['/nosuch.img,raw,xvda,rw'] ~ /nosuch.img: no such file",
        "disk = ['a,what=1'] ~ : disk: ",
        "type = 'hvm'; firmware = 'what' ~ : parameter `firmware' is bios (SeaBIOS) or a file's absolute path, not what",
        "type = 'hvm'; boot = 'x' ~ : parameter `boot' ",
        "vcpus = 1000 ~ : vcpus: at most 32",
        "maxvcpus = 33 ~ : maxvcpus: at most 32",
        "memory = 1 ~ : memory: ",
        "maxmem = 9999999 ~ :5: parameter `maxmem' must be ",
        "maxmem = 63 ~ :5: parameter `maxmem' is 63, less than memory, which is 64",
        "name = 'a b' ~ : name: ",
        "kernel = '/nosuch' ~ /nosuch: no such file",
    })
    void what_is_wrong_is_one_line_with_its_place(String setting, String message) throws IOException {
        int status = machine.execute("run", file("a", setting + "\n"));
        assertEquals(message.contains("no such file") ? 127 : 126, status);
        assertTrue(machine.err().contains(message) && machine.err().lines().count() == 1, machine.err());
        assertEquals(List.of(), machine.configs);
    }

    @Test
    void options_that_describe_a_guest_have_no_place_beside_a_file() throws IOException {
        assertEquals(126, machine.execute("run", file("a", ""), "--memory", "64M"));
        assertTrue(machine.err().startsWith("xenolith: --memory: a configuration file is given"), machine.err());
    }

    @Test
    void two_guests_of_one_name_are_refused() throws IOException {
        String cfg = file("a", "");
        assertEquals(126, machine.execute("run", cfg, cfg));
        assertTrue(machine.err().contains("'a' is in another file"), machine.err());
    }

    @Test
    void what_is_no_text_is_taken_for_a_kernel() throws IOException {
        Path elf = Files.write(folder.resolve("kernel"), new byte[]{0x7f, 'E', 'L', 'F', 0, 0});
        assertEquals(126, machine.execute("run", elf.toString()));
        assertEquals("xenolith: " + elf + ": is no configuration file; if it is a kernel, write --kernel " + elf + "\n",
                machine.err());
        machine.err.reset();
        assertEquals(127, machine.execute("run", "/nosuch.cfg"));
        assertTrue(machine.err().startsWith("xenolith: /nosuch.cfg: no such file"), machine.err());
    }
}

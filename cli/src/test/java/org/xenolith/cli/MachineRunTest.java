package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.testimages.EmbeddedFirmware;

/**
 * {@code xenolith machine} in this process, with the BIOS and the boot sector that come with Xenolith:
 * <ul>
 * <li>they run with nothing installed, alike in all tiers, and the exit status is the guest's;</li>
 * <li>typed keys arrive, and the text is on the screen;</li>
 * <li>wrong firmware, kernels, discs and disks are refused in one line that names them.</li>
 * </ul>
 */
@Timeout(300)
final class MachineRunTest {
    private static final int SECTOR = 512;

    @TempDir
    Path folder;
    private Path disk;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeEach
    void write_the_disk() throws IOException {
        disk = folder.resolve("disk.img");
        writeDisk("\0second sector\r\n");
    }

    private void writeDisk(String second) throws IOException {
        byte[] image = Arrays.copyOf(EmbeddedFirmware.BOOT_SECTOR.image(), 64 * SECTOR);
        byte[] text = second.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, image, SECTOR, text.length);
        Files.write(disk, image);
    }

    private int run(String... options) {
        List<String> args = new ArrayList<>(List.of("machine", "--translation-cache", "off", "--pace", "max"));
        args.addAll(List.of(options));
        out.reset();
        err.reset();
        Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);
        return Main.execute(new App(InputStream.nullInputStream(), out, messages, Optional.empty(),
                MachineFactory.real()), args.toArray(String[]::new));
    }

    private int boot(String... options) {
        List<String> args = new ArrayList<>(List.of("--firmware", "builtin", "--disk", disk + ",format=raw",
                "--timeout", "30s"));
        args.addAll(List.of(options));
        return run(args.toArray(String[]::new));
    }

    private String printed() {
        return out.toString(StandardCharsets.ISO_8859_1);
    }

    private String said() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void built_in_bios_loads_a_boot_sector_whose_byte_is_the_exit_status() throws IOException {
        Path screen = folder.resolve("screen.txt");
        assertEquals(EmbeddedFirmware.EXIT_STATUS, boot("--memory", "64M", "--screen-text", screen.toString()),
                this::said);
        assertEquals("""
                Xenolith's built-in BIOS
                Starting from the first disk
                Hello from a boot sector
                64 MiB of memory
                second sector
                Good bye
                """, printed().replace("\r", ""));
        assertTrue(Files.readString(screen).startsWith("""
                Hello from a boot sector
                64 MiB of memory
                second sector
                Good bye
                """), () -> printed());
    }

    @Test
    void both_tiers_do_the_same_and_lockstep_agrees() throws IOException {
        List<JsonNode> all = new ArrayList<>();
        for (String tier : List.of("interpreter", "native", "lockstep")) {
            Path stats = folder.resolve(tier + ".json");
            assertEquals(EmbeddedFirmware.EXIT_STATUS, boot("--tier", tier, "--stats", stats.toString()), this::said);
            all.add(new ObjectMapper().readTree(stats.toFile()));
        }
        for (JsonNode s : all) {
            for (String field : List.of("instructions", "virtual_ns")) {
                assertEquals(all.getFirst().get(field), s.get(field), field);
            }
            assertEquals(all.getFirst().get("domains").get(0).get("console_sha256"),
                    s.get("domains").get(0).get("console_sha256"));
        }
    }

    @Test
    void typed_keys_arrive() throws IOException {
        writeDisk("Ksecond sector\r\n");
        assertEquals(EmbeddedFirmware.EXIT_STATUS, boot("--type-keys", "Hi, You!\\n"), this::said);
        assertTrue(printed().contains("Keys: Hi, You!\r"), this::printed);
    }

    @Test
    void without_a_disk_the_bios_says_what_is_missing() {
        assertEquals(ExitStatus.TIME_LIMIT, run("--firmware", "builtin", "--timeout", "1s"));
        assertTrue(printed().contains("There is no disk."), this::printed);
    }

    @Test
    void firmware_that_is_cut_off_resets_for_ever_and_runs_into_the_limit() throws IOException {
        Path half = Files.write(folder.resolve("half.bin"), new byte[SECTOR]);
        int status = run("--firmware", half.toString(), "--timeout", "100ms", "--wall-timeout", "60s");
        assertTrue(status != 0 && status != ExitStatus.INTERNAL, this::said);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--firmware DIR/none | DIR/none: no such file",
        "--firmware DIR | is a directory",
        "--firmware DIR/empty | DIR/empty: is empty",
        "--firmware DIR/odd | DIR/odd: is no firmware: 1000 bytes are no multiple of 512",
        "--cdrom DIR/none | DIR/none: no such file",
        "--cdrom DIR | is a directory",
        "--kernel DIR/none | DIR/none: no such file",
        "--kernel DIR/odd | DIR/odd: is not a kernel",
        "--kernel DIR/elf --initrd DIR/none | DIR/none: no such file",
        "--kernel DIR/elf | DIR/elf: ",
        "--initrd DIR/odd | --initrd: there is no --kernel",
        "--kernel DIR/odd --firmware builtin | --firmware: --kernel starts without it",
        "--boot x | --boot: 'x'",
        "--memory 64K | --memory",
        "--disk DIR/a --disk DIR/b --disk DIR/c --disk DIR/d | room for 3 disks"})
    void wrong_options_are_refused_in_one_line(String options, String message) throws IOException {
        Files.createFile(folder.resolve("empty"));
        Files.write(folder.resolve("odd"), new byte[1000]);
        Files.write(folder.resolve("elf"), new byte[]{0x7f, 'E', 'L', 'F', 2, 1, 1});
        for (String name : List.of("a", "b", "c", "d")) {
            Files.write(folder.resolve(name), new byte[64 * SECTOR]);
        }
        List<String> args = new ArrayList<>();
        for (String o : options.replace("DIR", folder.toString()).split(" ")) {
            args.add(o.matches(".*/[abcd]") ? o + ",format=raw" : o);
        }
        if (!args.contains("--firmware") && !args.contains("--kernel")) {
            args.addAll(List.of("--firmware", "builtin"));
        }
        int status = run(args.toArray(String[]::new));
        assertTrue(status == ExitStatus.USAGE || status == ExitStatus.NO_FILE || status == 125, () -> status + said());
        assertTrue(said().contains(message.replace("DIR", folder.toString())), this::said);
        assertEquals(1, said().lines().count(), this::said);
        assertEquals("", printed());
    }
}

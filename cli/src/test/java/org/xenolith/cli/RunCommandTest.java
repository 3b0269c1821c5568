package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.MemorySet;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.Tier;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskSpec;

/**
 * The options of {@code run}:
 * <ul>
 * <li>become the machine's configuration, in our spelling and QEMU's, the last one winning;</li>
 * <li>are refused with one line, the right status and advice, before anything is built;</li>
 * <li>outcomes become exit statuses.</li>
 * </ul>
 */
final class RunCommandTest {
    @TempDir
    Path folder;
    private Path kernel;
    private Path initrd;
    private final FakeMachine machine = new FakeMachine();

    @BeforeEach
    void make_images() throws IOException {
        kernel = Files.writeString(folder.resolve("vmlinuz"), "not looked into here");
        initrd = Files.writeString(folder.resolve("initrd.gz"), "nor this");
    }

    private int run(String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString()));
        args.addAll(Arrays.asList(options));
        return machine.execute(args.toArray(String[]::new));
    }

    @Test
    void a_kernel_is_enough_and_the_rest_has_defaults() {
        assertEquals(0, run());
        MachineConfig config = machine.config();
        DomainConfig domain = config.domains().getFirst();
        assertEquals(1, config.domains().size());
        assertEquals(Optional.of(kernel), domain.kernel());
        assertEquals(Optional.empty(), domain.initrd());
        assertEquals("", domain.commandLine());
        assertEquals("guest", domain.name());
        assertEquals("pvh", domain.type().label());
        assertEquals(512L << 20, domain.memoryBytes());
        assertEquals(512L << 20, domain.maxMemoryBytes());
        assertEquals(1, domain.vcpus());
        assertEquals(1, domain.maxVcpus());
        assertEquals(List.of(), config.memorySets());
        assertTrue(domain.restarts().reboot());
        assertEquals("x86-64-v2", config.cpu());
        assertEquals(Tier.AUTO, config.tier());
        assertEquals(Pace.MAX, config.pace(), "not on a terminal");
        assertEquals(0, config.seed());
        assertEquals(MachineConfig.DEFAULT_EPOCH, config.epoch());
        assertEquals(Long.MAX_VALUE, config.timeoutNs());
        assertEquals(Long.MAX_VALUE, config.wallTimeoutMs());
        assertEquals(600_000_000_000L, config.idleTimeoutNs());
        assertEquals("", machine.err());
        assertTrue(machine.closed);
    }

    @Test
    void every_option_reaches_the_machine() {
        assertEquals(0, run("--type", "pvh", "--initrd", initrd.toString(), "--append", "console=hvc0 -- -x",
                "--memory", "1G",
                "--vcpus", "4", "--cpu", "x86-64-v3,-avx2", "--tier", "interpreter", "--pace", "real", "--seed", "0x2a",
                "--epoch", "2030-05-06T07:08:09Z", "--timeout", "90s", "--wall-timeout", "5m", "--idle-timeout", "none",
                "--no-reboot", "--console", "-", "--name", "web-1"), machine.err());
        MachineConfig config = machine.config();
        DomainConfig domain = config.domains().getFirst();
        assertEquals(Optional.of(initrd), domain.initrd());
        assertEquals("console=hvc0 -- -x", domain.commandLine());
        assertEquals(1L << 30, domain.memoryBytes());
        assertEquals(4, domain.vcpus());
        assertEquals("web-1", domain.name());
        assertFalse(domain.restarts().reboot());
        assertEquals("x86-64-v3,-avx2", config.cpu());
        assertEquals(Tier.INTERPRETER, config.tier());
        assertEquals(Pace.REAL, config.pace());
        assertEquals(42, config.seed());
        assertEquals(Instant.parse("2030-05-06T07:08:09Z"), config.epoch());
        assertEquals(90_000_000_000L, config.timeoutNs());
        assertEquals(300_000, config.wallTimeoutMs());
        assertEquals(Long.MAX_VALUE, config.idleTimeoutNs());
    }

    @Test
    void memory_and_vcpus_have_maxima_and_memory_is_set_at_virtual_times() {
        assertEquals(0, run("--memory", "256M", "--maxmem", "1G", "--vcpus", "2", "--maxvcpus", "4", "--name", "web",
                "--mem-set", "192M@20s", "--mem-set", "web=1G@1.5m"), machine.err());
        DomainConfig domain = machine.config().domains().getFirst();
        assertEquals(256L << 20, domain.memoryBytes());
        assertEquals(1L << 30, domain.maxMemoryBytes());
        assertEquals(2, domain.vcpus());
        assertEquals(4, domain.maxVcpus());
        assertEquals(List.of(new MemorySet("web", 192L << 20, 20_000_000_000L),
                new MemorySet("web", 1L << 30, 90_000_000_000L)), machine.config().memorySets());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "--maxmem ~ 256M ~ --maxmem: 256M is less than --memory, 512M",
        "--maxvcpus ~ 0 ~ out of range: 1 to 32",
        "--mem-set ~ 100M ~ '100M' does not say when; write it as in 192M@20s",
        "--mem-set ~ x@3s ~ 'x' is not a size such as",
        "--mem-set ~ 100M@x ~ 'x' is not a duration such as",
        "--mem-set ~ 100M@none ~ has no time at which it is to happen",
        "--mem-set ~ db=100M@3s ~ --mem-set: there is no guest 'db'",
        "--mem-set ~ 1G@3s ~ --mem-set: 1G is more than maxmem of guest, 512M",
        "--mem-set ~ 1M@3s ~ --mem-set: 1M is too little",
    })
    void memory_that_cannot_be_is_refused(String option, String value, String message) {
        assertEquals(126, run(option, value));
        assertTrue(machine.err().contains(message) && machine.err().lines().count() == 1, machine.err());
        assertEquals(List.of(), machine.configs);
    }

    @Test
    void faults_and_traces_that_are_asked_for_reach_the_machine() throws IOException {
        assertEquals(0, run(), machine.err());
        assertEquals(Diagnostics.NONE, machine.config().diagnostics());
        Path trace = folder.resolve("trace");
        machine.body = (m, console) -> {
            m.config().diagnostics().translations().orElseThrow().accept("a block");
            return Outcome.POWEROFF;
        };
        assertEquals(0, run("--tier", "lockstep", "--inject-fault", "translator@5000000", "--trace",
                "translation=" + trace), machine.err());
        assertEquals(5_000_000, machine.config().diagnostics().translatorFaultAt());
        assertEquals("a block\n", Files.readString(trace));
        assertEquals(0, run("--tier", "native", "--trace", "translation"), machine.err());
        assertEquals("a block\n", machine.err(), "on standard error");
    }

    @Test
    void translations_are_kept_where_the_user_says_or_in_the_users_cache() {
        assertEquals(0, run("--translation-cache", "/some/where"), machine.err());
        assertEquals(Optional.of(Path.of("/some/where")), machine.config().translationCache());
        assertEquals(0, run("--translation-cache", "off"), machine.err());
        assertEquals(Optional.empty(), machine.config().translationCache());
        assertEquals(0, run("--tier", "lockstep"), machine.err());
        assertEquals(Optional.empty(), machine.config().translationCache(), "by default only in the native tier");
        assertEquals(126, run("--translation-cache", ""));
        assertEquals(Optional.of(Path.of("/c/xenolith")), TranslationCache.standard("/c", "/h"));
        assertEquals(Optional.of(Path.of("/h/.cache/xenolith")), TranslationCache.standard(null, "/h"));
        assertEquals(Optional.of(Path.of("/h/.cache/xenolith")), TranslationCache.standard("c", "/h"));
        assertEquals(Optional.empty(), TranslationCache.standard(null, null));
    }

    @Test
    void the_spellings_of_qemu_are_understood() {
        assertEquals(0, machine.execute("run", "-kernel", kernel.toString(), "-initrd", initrd.toString(), "-append",
                "console=hvc0 quiet", "-m", "256", "-smp", "2", "-nographic", "-no-reboot", "-name", "q", "-cpu",
                "amd"));
        DomainConfig domain = machine.config().domains().getFirst();
        assertEquals(Optional.of(kernel), domain.kernel());
        assertEquals(Optional.of(initrd), domain.initrd());
        assertEquals("console=hvc0 quiet", domain.commandLine());
        assertEquals(256L << 20, domain.memoryBytes());
        assertEquals(2, domain.vcpus());
        assertEquals("amd", machine.config().cpu());
    }

    @Test
    void of_an_option_given_twice_the_last_wins() {
        assertEquals(0,
                run("--memory", "64M", "-m", "128M", "--vcpus=8", "--vcpus=2", "-append", "a", "--append", "b"));
        DomainConfig domain = machine.config().domains().getFirst();
        assertEquals(128L << 20, domain.memoryBytes());
        assertEquals(2, domain.vcpus());
        assertEquals("b", domain.commandLine());
        assertEquals("", machine.err());
    }

    @Test
    void disks_are_numbered_in_their_order_around_those_with_a_name() throws IOException {
        Path disk = Files.createFile(folder.resolve("a,b=c.img"));
        String file = disk.toString().replace(",", ",,");
        assertEquals(0, run("--disk", file + ",format=qcow2,ro", "--disk", kernel + ",vdev=xvda,snapshot", "--disk",
                kernel + ",raw,hdc,r", "--disk", "target=" + kernel + ",format=vhd,vdev=sdb,access=rw"), machine.err());
        List<DiskConfig> disks = machine.config().domains().getFirst().disks();
        assertEquals(List.of(new DiskSpec(disk, Optional.of(DiskFormat.QCOW2), true, false),
                new DiskSpec(kernel, Optional.empty(), false, true),
                new DiskSpec(kernel, Optional.of(DiskFormat.RAW), true, false),
                new DiskSpec(kernel, Optional.of(DiskFormat.VHD), false, false)),
                disks.stream().map(DiskConfig::image).toList());
        assertEquals(List.of("xvdb", "xvda", "hdc", "sdb"),
                DiskConfig.devices(disks).stream().map(d -> d.name()).toList());
    }

    @Test
    void an_argument_that_begins_with_an_at_sign_is_text_not_a_file() {
        assertEquals(0, run("--append", "@" + kernel));
        assertEquals("@" + kernel, machine.config().domains().getFirst().commandLine());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--memory 0 | --memory: 0 bytes is too little", "--memory 1B | --memory: 1 byte is too little",
        "--memory 1 | --memory: 1M is too little", "-m 9999999G | is too much: at most",
        "--memory lots | --memory: 'lots' is not a size",
        "--vcpus 0 | --vcpus: '0' is out of range: 1 to 32", "--vcpus 1000 | --vcpus: '1000' is out of range: 1 to 32",
        "--vcpus | missing required parameter for option '--vcpus'", "--cpu pentium | x86-64-v2, x86-64-v3, intel, amd",
        "--cpu intel,+frobnicate | frobnicate", "--cpu intel,sse | +feature or -feature",
        "--inject-fault translator@5 | --inject-fault: needs --tier lockstep",
        "--inject-fault translator@5 --tier native | --inject-fault: needs --tier lockstep",
        "--inject-fault translator --tier lockstep | 'translator' is not translator@N",
        "--inject-fault disk@5 --tier lockstep | 'disk@5' is not translator@N",
        "--trace nothing | --trace: 'nothing' is not something to trace; translation is",
        "--trace translation --tier interpreter | --trace: the interpreter translates nothing",
        "--trace translation=/ | /: is a directory",
        "--tier warp | 'warp' is not one of auto, native, interpreter, lockstep",
        "--pace slow | is not one of max, real",
        "--seed one | --seed: 'one' is not a 64-bit number", "--epoch later | --epoch: 'later' is not an ISO 8601 date",
        "--timeout 5x | --timeout: '5x' has an unknown unit", "--wall-timeout 0 | is no time at all",
        "--idle-timeout -1s | --idle-timeout: '-1s'", "--name a/b | --name: 'a/b' must be",
        "--type lxc | is not a kind of guest",
        "--cdrom x.iso | --cdrom: a pvh guest has no PC around it; --type hvm has",
        "-cdrom x.iso | --cdrom: a pvh guest has no PC around it",
        "-hda x.img | -hda: a disk is --disk",
        "--disk x,cache=none | --disk: 'cache=' is not known; a disk is FILE[,format=raw|qcow2|vhd]",
        "--disk x,frozen | --disk: 'frozen' is not known; a disk is FILE", "--disk , | --disk: names no file",
        "--disk x,format=vmdk | --disk: format 'vmdk' is not one of raw, qcow2, vhd",
        "--disk x,vdev=vda | --disk: vdev 'vda' is not a disk such as xvda", "--disk / | /: is a directory; --disk",
        "--disk /dev/null,vdev=xvda --disk /dev/null,vdev=xvda | --disk: two disks are called xvda",
        "--net nat,model=e1000 | model=e1000 is for guests that see a PC",
        "--no-such-option | unknown option '--no-such-option'", "--memry 1G | did you mean --memory?",
        "--vcpu 2 | did you mean --vcpus?", "-smb 2 | unknown option '-smb'; did you mean -smp?"})
    void bad_options_are_refused_in_one_line(String options, String message) {
        assertEquals(126, run(options.strip().split(" ")), machine.err());
        assertOneLine(message.strip());
        assertEquals(List.of(), machine.configs, "nothing was built");
    }

    @Test
    void images_that_are_not_there_end_with_127() {
        assertEquals(127, machine.execute("run", "--kernel", "/nosuch/vmlinuz"));
        assertOneLine("xenolith: /nosuch/vmlinuz: no such file");
        machine.err.reset();
        assertEquals(127, run("--initrd", "/nosuch/initrd"));
        assertOneLine("xenolith: /nosuch/initrd: no such file");
        machine.err.reset();
        assertEquals(127, run("--disk", "/nosuch/disk,ro"));
        assertOneLine("xenolith: /nosuch/disk: no such file");
    }

    @Test
    void images_that_are_no_files_end_with_126() throws IOException {
        assertEquals(126, machine.execute("run", "--kernel", folder.toString()));
        assertOneLine("xenolith: " + folder + ": is a directory");
        machine.err.reset();
        Path empty = Files.createFile(folder.resolve("empty"));
        assertEquals(126, run("--initrd", empty.toString()));
        assertOneLine("xenolith: " + empty + ": is empty");
    }

    @Test
    void a_missing_kernel_option_is_named() {
        assertEquals(126, machine.execute("run"));
        assertOneLine("--kernel FILE");
    }

    @Test
    void outputs_that_cannot_be_written_are_found_before_the_run() {
        assertEquals(127, run("--stats", "/nosuch/stats.json"));
        assertOneLine("xenolith: /nosuch: no such file");
        machine.err.reset();
        assertEquals(126, run("--console", folder.toString()));
        assertOneLine("xenolith: " + folder + ": is a directory");
        assertEquals(List.of(), machine.configs);
    }

    @ParameterizedTest
    @CsvSource({"POWEROFF, 0", "REBOOT, 0", "DESTROYED, 0", "TIMEOUT, 124", "CRASH, 134"})
    void outcomes_become_exit_statuses(Outcome outcome, int status) {
        machine.body = (m, console) -> outcome;
        assertEquals(status, run());
        assertEquals(outcome == Outcome.POWEROFF ? "" : "xenolith: because of " + outcome.label() + "\n",
                machine.err());
    }

    @Test
    void a_crash_is_told_in_the_words_of_the_machine() {
        machine.body = (m, console) -> Outcome.CRASH;
        machine.crashReport = "page fault at 0x10\n  rax 0";
        run();
        assertTrue(machine.err().startsWith("xenolith: guest 'guest' crashed:\npage fault at 0x10\n  rax 0\n"),
                machine.err());
    }

    @Test
    void the_moment_chosen_by_now_is_told_so_that_the_run_can_be_repeated() {
        assertEquals(0, run("--epoch", "now"));
        assertEquals("xenolith: power-on at " + machine.config().epoch() + "; --epoch " + machine.config().epoch()
                + " repeats this run\n", machine.err());
    }

    @Test
    void verbose_tells_steps_and_a_summary() {
        assertEquals(0, run("-v"));
        assertTrue(machine.err().contains("xenolith: guest: loading " + kernel + "\n"), machine.err());
        assertTrue(machine.err().contains("poweroff after 1,234,567,890,123 instructions, 5.000 s of virtual time"),
                machine.err());
        assertEquals("", machine.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "124", "125", "126", "127", "130", "134", "143"})
    void help_lists_every_exit_status(String status) {
        assertEquals(0, machine.execute("--help"));
        assertTrue(machine.out().contains("\n  " + status + " "), machine.out());
        machine.out.reset();
        assertEquals(0, machine.execute("run", "--help"));
        assertTrue(machine.out().contains("\n  " + status + " "), machine.out());
    }

    private void assertOneLine(String expected) {
        String said = machine.err();
        assertTrue(said.startsWith("xenolith: ") && said.indexOf('\n') == said.length() - 1, said);
        assertTrue(said.contains(expected), said);
    }
}

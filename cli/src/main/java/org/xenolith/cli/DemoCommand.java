package org.xenolith.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.xenolith.cpu.hostile.HostilePrograms;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.cpu.oracle.TierFactory;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.PcHardware;
import org.xenolith.emulator.Restarts;
import org.xenolith.emulator.RunResult;
import org.xenolith.emulator.ScreenConfig;
import org.xenolith.emulator.Tier;
import org.xenolith.guests.ImageException;
import org.xenolith.testimages.EmbeddedFirmware;
import org.xenolith.testimages.EmbeddedGuest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code xenolith demo}: guests of ours, then Debian's kernel where it can be had, each as PV and PVH side by side. */
@Command(name = "demo", sortOptions = false, usageHelpWidth = 110,
        description = "Runs two small guests that come with Xenolith, one PVH and one PV, then Debian's cloud kernel with busybox as"
                + " PV and as PVH side by side (downloaded with apt once, then kept in .cache), and prints a table of what ran.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {"0:what could be had here ran well", ExitStatus.LIST_124, ExitStatus.LIST_125,
            ExitStatus.LIST_130,
            ExitStatus.LIST_134, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n", footer = {"  xenolith demo", "  xenolith demo --offline"})
final class DemoCommand implements Callable<Integer> {
    private static final long WARMING_PROGRAMS = 40_000;
    private static final long WARMING_CACHE = 16L << 20;
    private static final long DEBIAN_MEMORY = 256L << 20;
    private static final long NS_PER_MS = 1_000_000;

    private final App app;
    private final ResultTable table = new ResultTable();

    @Option(names = "--rehearse", hidden = true,
            description = "What the launcher makes the start-up cache from: also programs enough to warm the translator.")
    private boolean rehearse;

    @Option(names = "--offline", description = "Download nothing: use what is on this machine.")
    private boolean offline;

    @Option(names = "--tier", paramLabel = "TIER", converter = Values.TierName.class, defaultValue = "auto",
            description = "What executes: auto (default), native, interpreter, lockstep.")
    private Tier tier;

    @Option(names = "--wall-timeout", paramLabel = "TIME", converter = Values.Duration.class, defaultValue = "15m",
            description = "Most time for each guest on the host's clock; 15m by default.")
    private long wallTimeout;

    @Option(names = {"-v", "--verbose"}, description = "Say each step.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    DemoCommand(App app) {
        this.app = new App(InputStream.nullInputStream(), app.out(), app.messages(), Optional.empty(), app.machines());
    }

    @Override
    public Integer call() throws IOException, InterruptedException, UserError, ImageException {
        Path work = Files.createTempDirectory("xenolith-demo-");
        try {
            if (rehearse) {
                warmTranslator();
            }
            Outcome worst = embedded(work);
            if (rehearse) {
                // what the first has translated, the second takes over
                worst = embedded(work);
            }
            if (worst == Outcome.POWEROFF) {
                worst = debian(work);
            }
            app.text().println();
            table.print(app.text());
            return ExitStatus.of(worst);
        } finally {
            delete(work);
        }
    }

    private static void warmTranslator() {
        if (Translations.obstacle().isPresent()) {
            return;
        }
        try (Translations translations = new Translations(WARMING_CACHE);
                HostilePrograms programs = new HostilePrograms(CpuModels.parse("x86-64-v3"), InstructionSet.create(),
                        TierFactory.host(translations), null)) {
            programs.run(1, 0, WARMING_PROGRAMS, number -> {
                // nobody waits for this
            }, line -> {
                // nor looks at it
            });
        }
    }

    private Outcome embedded(Path work) throws IOException, UserError, ImageException {
        app.messages().say("1 of 2: three guests that come with Xenolith, side by side in this process: PVH '"
                + EmbeddedGuest.HELLO.label() + "', PV '" + EmbeddedGuest.ATTACK.label()
                + "', which tries to get at memory that is not its own, and HVM 'bios', a PC that starts a boot sector from its disk; "
                + Limits.size(EmbeddedGuest.MEMORY) + " of memory each");
        List<DomainConfig> guests = new ArrayList<>();
        for (EmbeddedGuest guest : EmbeddedGuest.values()) {
            guests.add(guest(guest.label(), guest.pv() ? GuestType.PV : GuestType.PVH, guest.copyInto(work),
                    Optional.empty(), "", EmbeddedGuest.MEMORY));
        }
        guests.add(bios(work));
        return run(guests);
    }

    /** A PC with a BIOS and a disk of our own, on emulated VT-x. */
    private static DomainConfig bios(Path work) throws IOException {
        byte[] disk = new byte[64 << 10];
        byte[] sector = EmbeddedFirmware.BOOT_SECTOR.image();
        System.arraycopy(sector, 0, disk, 0, sector.length);
        byte[] text = " and this is its second sector\r\n".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, disk, sector.length, text.length);
        Path file = Files.write(work.resolve("bios.img"), disk);
        return pc("bios", Optional.empty(), Optional.empty(), "", EmbeddedGuest.MEMORY,
                List.of(DiskConfig.parse(file.toString().replace(",", ",,") + ",format=raw")));
    }

    private static DomainConfig pc(String name, Optional<Path> kernel, Optional<Path> initrd, String commandLine,
            long memory, List<DiskConfig> disks) {
        PcHardware hardware = new PcHardware(Optional.of(PcHardware.BUILT_IN), EmbeddedFirmware.BIOS::image,
                Optional.empty(), true, "c", ScreenConfig.NONE, List.of());
        return new DomainConfig(name, GuestType.HVM, kernel, initrd, commandLine, memory, memory, 1, 1,
                Restarts.onReboot(false), List.of(), disks, Optional.of(hardware), Optional.empty());
    }

    private Outcome debian(Path work) throws IOException, InterruptedException, UserError, ImageException {
        Messages messages = app.messages();
        messages.say("2 of 2: Debian's own cloud kernel, unmodified, with a busybox initrd");
        Optional<DebianGuest> guest = DebianGuest.find(messages);
        if (guest.isEmpty()) {
            return without("no checkout with test-images here");
        }
        DebianGuest debian = guest.get();
        if (!debian.cached()) {
            if (offline) {
                return without("not on this machine, and --offline");
            }
            messages.say(
                    "getting kernel and busybox from the Debian archive (apt-get download, about 25 MB, kept in .cache)");
            if (!debian.fetch(work)) {
                return without("no network or no apt-get here");
            }
        }
        Optional<Path> initrd = debian.initrd(work);
        Optional<Path> kernel = debian.kernel();
        if (initrd.isEmpty() || kernel.isEmpty()) {
            return without("the initrd could not be made");
        }
        messages.say("booting " + kernel.get().getFileName()
                + " as PV, as PVH and as HVM side by side in this process, each with "
                + Limits.size(DEBIAN_MEMORY) + " of memory; Ctrl-C ends it");
        return run(List.of(guest("debian-pv", GuestType.PV, kernel.get(), initrd, "console=hvc0", DEBIAN_MEMORY),
                guest("debian-pvh", GuestType.PVH, kernel.get(), initrd, "console=hvc0", DEBIAN_MEMORY),
                pc("debian-hvm", kernel, initrd, "console=ttyS0", DEBIAN_MEMORY, List.of())));
    }

    private Outcome without(String why) {
        app.messages().say("Debian's kernel is left out: " + why);
        table.addMissing("debian", "pv, pvh, hvm", "-", "not run: " + why);
        return Outcome.POWEROFF;
    }

    private static DomainConfig guest(String name, GuestType type, Path kernel, Optional<Path> initrd,
            String commandLine, long memory) {
        return new DomainConfig(name, type, kernel, initrd, commandLine, memory, 1, false);
    }

    private Outcome run(List<DomainConfig> guests) throws IOException, UserError, ImageException {
        MachineConfig config = new MachineConfig(guests, CpuModels.DEFAULT, tier, Pace.MAX, 0,
                MachineConfig.DEFAULT_EPOCH, Long.MAX_VALUE,
                wallTimeout == Long.MAX_VALUE ? wallTimeout : wallTimeout / NS_PER_MS,
                MachineConfig.DEFAULT_IDLE_TIMEOUT_NS, MachineConfig.DEFAULT_CODE_CACHE,
                translationCache(guests.getFirst().kernel().orElseThrow()), List.of(), Diagnostics.NONE);
        RunResult result = new Session(app, config, ConsoleTarget.STANDARD, Optional.empty(), verbose).run();
        table.add(config, result);
        return result.outcome();
    }

    /** A rehearsal must translate, whatever earlier runs have left. */
    private Optional<Path> translationCache(Path kernel) throws UserError {
        return rehearse ? Optional.of(kernel.resolveSibling("translations")) : TranslationCache.of(null, tier);
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}

package org.xenolith.cli;

import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.MemorySet;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.Restarts;
import org.xenolith.emulator.Tier;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.net.NicSpec;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xenolith run}: one guest, its console here, or several from files. */
@Command(name = "run", sortOptions = false, usageHelpWidth = 110,
        customSynopsis = {"xenolith run --kernel F [--initrd F] [--append S] [OPTION…]",
            "       xenolith run A.cfg [B.cfg …] [OPTION…]"},
        description = "Runs a guest, with its console on standard input and output and nothing else there; or the guests of xl"
                + " configuration files.%n"
                + "An option given twice: the last counts. QEMU's -kernel, -initrd, -append, -m, -smp are understood.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ExitStatus.LIST_0, ExitStatus.LIST_124, ExitStatus.LIST_125, ExitStatus.LIST_126,
            ExitStatus.LIST_127, ExitStatus.LIST_130, ExitStatus.LIST_134, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith run --kernel vmlinuz --initrd initrd.gz --append 'console=hvc0'",
            "  xenolith run -kernel vmlinuz -initrd initrd.gz -append 'console=hvc0 quiet' -m 1G -smp 4",
            "  xenolith run --kernel vmlinuz --timeout 90s --stats run.json --console boot.log",
            "  xenolith run web.cfg db.cfg --console-dir logs"})
final class RunCommand implements Callable<Integer> {
    /** The version of Xen whose interface guests find. */
    static final String XEN_VERSION = "4.17";
    /** Types of guests that can be run. */
    static final List<String> BUILT_TYPES = List.of("pvh", "pv");
    /** Tiers that can be chosen here. */
    static final List<String> BUILT_TIERS = List.of("auto", "native", "interpreter", "lockstep");

    /** Options that a configuration file takes the place of. */
    private static final List<String> OF_A_GUEST = List.of("--type", "--kernel", "--initrd", "--append", "--memory",
            "--maxmem", "--disk", "--vcpus", "--maxvcpus", "--net", "--pcap", "--name");
    private static final long NS_PER_MS = 1_000_000;

    private final App app;

    @Spec
    private CommandSpec spec;

    @Option(names = "--type", paramLabel = "TYPE", defaultValue = "pvh",
            description = "Kind of guest: pvh (default), pv, hvm; hvm is not built yet.")
    private String type;

    @Option(names = {"--kernel", "-kernel"}, paramLabel = "F",
            description = "Kernel: a Linux bzImage, or an ELF file with Xen's notes, also compressed by gzip.")
    private Path kernel;

    @Option(names = {"--initrd", "-initrd"}, paramLabel = "F", description = "Initial RAM disk.")
    private Path initrd;

    @Option(names = {"--append", "-append"}, paramLabel = "S", defaultValue = "",
            description = "The kernel's command line. Linux wants console=hvc0 in it.")
    private String append;

    @Option(names = {"-m", "--memory"}, paramLabel = "SIZE", converter = Values.Size.class, defaultValue = "512M",
            description = "Memory, such as 512M (default), 1G or 131072K; a bare number is MiB.")
    private long memory;

    @Option(names = "--maxmem", paramLabel = "SIZE", converter = Values.Size.class,
            description = "Most memory that the guest can be given by --mem-set or take by its balloon; --memory by default.")
    private Long maxMemory;

    @Option(names = "--mem-set", paramLabel = "[NAME=]SIZE@TIME", converter = Values.MemorySetting.class,
            description = "At a virtual time, tell a guest to have that much memory (repeatable), as 'xl mem-set': 192M@20s.")
    private List<Values.MemorySetting.Choice> memorySets = new ArrayList<>();

    @Option(names = "--disk", paramLabel = "FILE[,KEY…]",
            description = "A disk, any number of times: FILE[,format=raw|qcow2|vhd][,vdev=xvda][,ro][,snapshot]; snapshot forgets at the end what was written.")
    private List<String> disks = new ArrayList<>();

    @Option(names = {"--vcpus", "-smp"}, paramLabel = "N", converter = Values.Vcpus.class, defaultValue = "1",
            description = "Virtual CPUs, 1 (default) to 32.")
    private int vcpus;

    @Option(names = "--maxvcpus", paramLabel = "N", converter = Values.Vcpus.class,
            description = "Virtual CPUs that the guest has, of which --vcpus are online at the start; --vcpus by default.")
    private Integer maxVcpus;

    @Option(names = {"--cpu", "-cpu"}, paramLabel = "NAME[,+F,-F]", defaultValue = CpuModels.DEFAULT,
            description = "CPU model and features to add or take away: x86-64-v2 (default), x86-64-v3, intel, amd; 'xenolith info' lists the features.")
    private String cpu;

    @Option(names = "--tier", paramLabel = "TIER", converter = Values.TierName.class, defaultValue = "auto",
            description = "What executes: auto (default), native, interpreter, lockstep (both, compared). All give the same run.")
    private Tier tier;

    @Option(names = "--code-cache", paramLabel = "SIZE", converter = Values.Size.class, defaultValue = "256M",
            description = "Most host code that the native tier keeps, 4M to 1G; 256M by default.")
    private long codeCache;

    @Option(names = "--translation-cache", paramLabel = "DIR|off",
            description = "Where host code is kept for the next start; ~/.cache/xenolith by default, with --tier auto and native.")
    private String translationCache;

    @Option(names = "--pace", paramLabel = "PACE", converter = Values.PaceName.class,
            description = "Idle time takes no time (max), or as long as on a clock (real; default on a terminal).")
    private Pace pace;

    @Option(names = "--seed", paramLabel = "N", converter = Values.Seed.class, defaultValue = "0",
            description = "Where random numbers, MAC addresses and uuids come from; 0 by default.")
    private long seed;

    @Option(names = "--epoch", paramLabel = "ISO-8601", converter = Values.Epoch.class,
            description = "The guest's date at power-on, or 'now'; 2026-01-01T00:00:00Z by default.")
    private Values.Epoch.Choice epoch;

    @Option(names = "--timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most virtual time, such as 500ms, 90s, 5m or 1h.")
    private Long timeout;

    @Option(names = "--wall-timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most time on the host's clock.")
    private Long wallTimeout;

    @Option(names = "--idle-timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most virtual time in which only timers run; 10m by default, 'none' for no limit.")
    private Long idleTimeout;

    @Option(names = {"--net", "-net"}, paramLabel = "nat|bridge=NAME|none[,…]",
            description = "A network interface (repeatable; default: none), with mac=, model=vif, pcap=FILE; nat also with hostfwd=tcp:127.0.0.1:2222-:22.")
    private List<String> nets = new ArrayList<>();

    @Option(names = "--pcap", paramLabel = "F.pcap",
            description = "Write the frames of a --net to a file that Wireshark opens; the first is of the first --net, and so on.")
    private List<Path> captures = new ArrayList<>();

    @Option(names = {"--no-reboot", "-no-reboot"},
            description = "A reboot of the guest ends it; otherwise it is started again.")
    private boolean noReboot;

    @Option(names = "--console", paramLabel = "F",
            description = "Write the guest's console to a file; '-' (default) is standard input and output.")
    private Path console;

    @Option(names = "--console-dir", paramLabel = "DIR",
            description = "Write each guest's console to DIR/NAME.log; otherwise each line of several guests begins with [NAME].")
    private Path consoleDirectory;

    @Option(names = "--stats", paramLabel = "F.json", description = "Write statistics of the run, however it ends.")
    private Path stats;

    @Option(names = "--trace", paramLabel = "WHAT[=F]",
            description = "Write down what is done, to a file or standard error: translation, the host code made of each block of guest code (--tier native, lockstep).")
    private String trace;

    @Option(names = "--inject-fault", paramLabel = "WHAT@N",
            description = "Go wrong on purpose once N instructions are done: translator, one translated instruction (--tier lockstep finds it).")
    private String injectFault;

    @Option(names = {"--name", "-name"}, paramLabel = "N", defaultValue = "guest",
            description = "The guest's name; 'guest' by default.")
    private String name;

    @Option(names = {"-v", "--verbose"},
            description = "Say each step, and at the end what was done, on standard error.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    @Option(names = "-nographic", hidden = true)
    private boolean nographic;

    @Option(names = {"--cdrom", "-cdrom"}, hidden = true)
    private List<String> cdroms = new ArrayList<>();

    @Option(names = {"-hda", "-hdb", "-hdc", "-hdd"}, hidden = true)
    private List<String> ideDisks = new ArrayList<>();

    @Parameters(paramLabel = "CFG", arity = "0..*",
            description = "xl configuration files, a guest each, in place of --kernel and what else describes a guest.")
    private List<String> configurations = new ArrayList<>();

    RunCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        if (verbose && System.getProperty(LogSetup.LEVEL_PROPERTY) == null) {
            System.setProperty(LogSetup.LEVEL_PROPERTY, "INFO");
        }
        Optional<StatsFile> statsFile = stats == null ? Optional.empty() : Optional.of(StatsFile.at(stats));
        ConsoleTarget target = ConsoleTarget.of(console, consoleDirectory);
        try (DiagnosticOptions aids = new DiagnosticOptions(trace, injectFault, tier, app.messages())) {
            MachineConfig config = configuration(aids.diagnostics());
            Session session = new Session(app, config, target, statsFile, verbose);
            return ExitStatus.of(session.run().outcome());
        }
    }

    /** Checks everything that can be checked before anything is built. */
    private MachineConfig configuration(Diagnostics diagnostics)
            throws UserError, ImageException, NoSuchFileException {
        refuseWhatIsNotBuilt();
        if (codeCache < 4L << 20 || codeCache > 1L << 30) {
            throw UserError.usage("--code-cache: must be 4M to 1G");
        }
        try {
            CpuModels.parse(cpu);
        } catch (IllegalArgumentException e) {
            throw new UserError("--cpu: " + e.getMessage(), e);
        }
        List<DomainConfig> domains = configurations.isEmpty() ? List.of(domain()) : fromFiles();
        if (epoch != null && epoch.now()) {
            app.messages().say("power-on at " + epoch.moment() + "; --epoch " + epoch.moment() + " repeats this run");
        }
        Pace chosen = pace != null ? pace : app.terminal().isPresent() ? Pace.REAL : Pace.MAX;
        return new MachineConfig(domains, cpu, tier, chosen, seed,
                epoch == null ? MachineConfig.DEFAULT_EPOCH : epoch.moment(),
                timeout == null ? Long.MAX_VALUE : timeout, milliseconds(wallTimeout),
                idleTimeout == null ? MachineConfig.DEFAULT_IDLE_TIMEOUT_NS : idleTimeout, codeCache,
                TranslationCache.of(translationCache, tier), memorySets(domains), diagnostics);
    }

    /** The guest that the options describe. */
    private DomainConfig domain() throws UserError, ImageException, NoSuchFileException {
        String complaint = Limits.complaintAboutName(name);
        if (complaint != null) {
            throw UserError.usage("--name: " + complaint);
        }
        complaint = Limits.complaintAboutMemory(memory);
        if (complaint != null) {
            throw UserError.usage("--memory: " + complaint + " ('xenolith info' lists the limits)");
        }
        long most = maxMemory == null ? memory : maxMemory;
        complaint = most < memory
                ? Limits.size(most) + " is less than --memory, " + Limits.size(memory)
                : Limits.complaintAboutMemory(most);
        if (complaint != null) {
            throw UserError.usage("--maxmem: " + complaint);
        }
        if (maxVcpus != null && maxVcpus < vcpus) {
            throw UserError.usage("--maxvcpus: " + maxVcpus + " is less than --vcpus, " + vcpus);
        }
        if (append.indexOf('\0') >= 0) {
            throw UserError.usage("--append: has a zero byte in it");
        }
        if (kernel == null) {
            throw UserError.usage("no guest to run; give one with --kernel FILE, see 'xenolith run --help'");
        }
        ImageFile.open(kernel);
        if (initrd != null) {
            ImageFile.open(initrd);
        }
        return new DomainConfig(name, type.equals("pv") ? GuestType.PV : GuestType.PVH, Optional.of(kernel),
                Optional.ofNullable(initrd), append, memory, most, vcpus,
                maxVcpus == null ? vcpus : maxVcpus, Restarts.onReboot(!noReboot), nics(),
                GuestDevices.disks("--disk", disks), Optional.empty());
    }

    /** Whose memory is to be set when; checked here, so that nothing can go wrong in mid-run. */
    private List<MemorySet> memorySets(List<DomainConfig> domains) throws UserError {
        List<MemorySet> sets = new ArrayList<>();
        for (Values.MemorySetting.Choice c : memorySets) {
            String guest = c.name().orElse(domains.getFirst().name());
            Optional<DomainConfig> domain = domains.stream().filter(d -> d.name().equals(guest)).findFirst();
            if (domain.isEmpty() || c.name().isEmpty() && domains.size() > 1) {
                throw UserError.usage("--mem-set: " + (c.name().isEmpty()
                        ? "there are several guests; write NAME=" + Limits.size(c.bytes()) + "@…"
                        : "there is no guest '" + guest + "'"));
            }
            String complaint = Limits.complaintAboutMemory(c.bytes());
            if (complaint == null && c.bytes() > domain.get().maxMemoryBytes()) {
                complaint = Limits.size(c.bytes()) + " is more than maxmem of " + guest + ", "
                        + Limits.size(domain.get().maxMemoryBytes());
            }
            if (complaint != null) {
                throw UserError.usage("--mem-set: " + complaint);
            }
            sets.add(new MemorySet(guest, c.bytes(), c.atNs()));
        }
        return sets;
    }

    /** The guests that configuration files describe; what options say about a guest has no place then. */
    private List<DomainConfig> fromFiles() throws UserError, ImageException, NoSuchFileException {
        for (String option : OF_A_GUEST) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw UserError.usage(option + ": a configuration file is given, " + configurations.getFirst()
                        + "; say it there");
            }
        }
        return new ConfigFiles(noReboot, app.messages()).read(configurations);
    }

    /** The interfaces; the first --pcap is of the first one, and so on. */
    private List<NicSpec> nics() throws UserError {
        List<NicSpec> nics = GuestDevices.nics("--net", nets);
        if (captures.size() > nics.size()) {
            throw UserError.usage("--pcap: there is no --net for " + captures.get(nics.size()));
        }
        for (int i = 0; i < captures.size(); i++) {
            nics.set(i, nics.get(i).withPcap(captures.get(i)));
        }
        return nics;
    }

    private static long milliseconds(Long nanos) {
        if (nanos == null || nanos == Long.MAX_VALUE) {
            return Long.MAX_VALUE;
        }
        return Math.max(1, nanos / NS_PER_MS);
    }

    private void refuseWhatIsNotBuilt() throws UserError {
        switch (type) {
            case "pvh", "pv" -> {
            }
            case "hvm" -> throw UserError.usage("--type: " + type + " guests are not built yet; pvh and pv are");
            default -> throw UserError.usage("--type: '" + type + "' is not a kind of guest: pvh, pv, hvm are");
        }
        if (!cdroms.isEmpty() || !ideDisks.isEmpty()) {
            throw UserError.usage((cdroms.isEmpty() ? "-hda" : "--cdrom")
                    + ": IDE is not built yet; a disk of a pvh guest is --disk FILE[,ro]");
        }
    }
}

package org.xenolith.cli;

import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import org.xenolith.emulator.MemorySet;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.net.NicSpec;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xenolith run}: one guest, its console here, or several from files. */
@Command(name = "run", sortOptions = false, usageHelpWidth = 110,
        customSynopsis = {"xenolith run --kernel F [--initrd F] [--append S] [OPTION…]",
            "       xenolith run --type hvm [--firmware F] [--cdrom F.iso] [--disk F] [OPTION…]",
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
            "  xenolith run --type hvm --cdrom debian.iso --disk disk.qcow2 --net nat --vnc :1",
            "  xenolith run web.cfg db.cfg --console-dir logs"})
final class RunCommand implements Callable<Integer> {
    /** The version of Xen whose interface guests find. */
    static final String XEN_VERSION = "4.17";
    /** Types of guests that can be run. */
    static final List<String> BUILT_TYPES = List.of("pvh", "pv", "hvm");
    /** Tiers that can be chosen here. */
    static final List<String> BUILT_TIERS = List.of("auto", "native", "interpreter", "lockstep");

    /** Options that a configuration file takes the place of. */
    private static final List<String> OF_A_GUEST = List.of("--type", "--kernel", "--initrd", "--append", "--memory",
            "--maxmem", "--disk", "--vcpus", "--maxvcpus", "--net", "--pcap", "--name", "--firmware", "--cdrom",
            "--boot",
            "--vga", "--serial");

    private final App app;

    @Spec
    private CommandSpec spec;

    @Option(names = "--type", paramLabel = "TYPE", defaultValue = "pvh",
            description = "Kind of guest: pvh (default), pv, or hvm, a whole PC with firmware.")
    private String type;

    @Option(names = {"--kernel", "-kernel"}, paramLabel = "F",
            description = "Kernel: a Linux bzImage, or an ELF file with Xen's notes, also compressed by gzip.")
    private Path kernel;

    @Option(names = {"--initrd", "-initrd"}, paramLabel = "F", description = "Initial RAM disk.")
    private Path initrd;

    @Option(names = {"--append", "-append"}, paramLabel = "S", defaultValue = "",
            description = "The kernel's command line. Linux wants console=hvc0 in it.")
    private String append;

    @Option(names = "--maxmem", paramLabel = "SIZE", converter = Values.Size.class,
            description = "Most memory that the guest can be given by --mem-set or take by its balloon; --memory by default.")
    private Long maxMemory;

    @Option(names = "--mem-set", paramLabel = "[NAME=]SIZE@TIME", converter = Values.MemorySetting.class,
            description = "At a virtual time, tell a guest to have that much memory (repeatable), as 'xl mem-set': 192M@20s.")
    private List<Values.MemorySetting.Choice> memorySets = new ArrayList<>();

    @Option(names = "--maxvcpus", paramLabel = "N", converter = Values.Vcpus.class,
            description = "Virtual CPUs that the guest has, of which --vcpus are online at the start; --vcpus by default.")
    private Integer maxVcpus;

    @Parameters(paramLabel = "CFG", arity = "0..*",
            description = "xl configuration files, a guest each, in place of --kernel and what else describes a guest.")
    private List<String> configurations = new ArrayList<>();

    @Option(names = {"-hda", "-hdb", "-hdc", "-hdd"}, hidden = true)
    private List<String> ideDisks = new ArrayList<>();

    @Mixin
    private HardwareOptions hardware;

    @Mixin
    private PcOptions pc;

    @Mixin
    private MachineOptions machine;

    RunCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return machine.run(app, new MachineOptions.Guests() {
            @Override
            public List<DomainConfig> domains() throws UserError, ImageException, NoSuchFileException {
                checkType();
                return configurations.isEmpty() ? List.of(domain()) : fromFiles();
            }

            @Override
            public List<MemorySet> memorySets(List<DomainConfig> domains) throws UserError {
                return RunCommand.this.memorySets(domains);
            }
        });
    }

    /** The guest that the options describe. */
    private DomainConfig domain() throws UserError, ImageException, NoSuchFileException {
        hardware.check();
        long memory = hardware.memory;
        int vcpus = hardware.vcpus;
        long most = maxMemory == null ? memory : maxMemory;
        String complaint = most < memory
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
        boolean hvm = type.equals("hvm");
        if (!hvm) {
            PcOptions.refuse(spec, type);
        }
        if (kernel == null && !hvm) {
            throw UserError.usage("no guest to run; give one with --kernel FILE, see 'xenolith run --help'");
        }
        if (kernel != null) {
            if (hvm && spec.commandLine().getParseResult().hasMatchedOption("--firmware")) {
                throw UserError.usage("--firmware: a guest that starts with --kernel runs no firmware");
            }
            ImageFile.open(kernel);
        }
        if (initrd != null) {
            ImageFile.open(initrd);
        }
        if (!hvm) {
            refuseCards();
        }
        GuestType kind = GuestType.valueOf(type.toUpperCase(Locale.ROOT));
        return new DomainConfig(hardware.name, kind, Optional.ofNullable(kernel),
                Optional.ofNullable(initrd), append, memory, most, vcpus,
                maxVcpus == null ? vcpus : maxVcpus, hardware.restarts(), hardware.nics(),
                hardware.disks(), hvm ? Optional.of(pc.hardware(List.of())) : Optional.empty(), Optional.empty());
    }

    private void refuseCards() throws UserError {
        for (NicSpec n : hardware.nics()) {
            if (n.model().orElse(NicSpec.Model.VIF) != NicSpec.Model.VIF) {
                throw UserError.usage("--net: model=" + n.model().get().label()
                        + " is for guests that see a PC (--type hvm, xenolith machine); a " + type + " guest has vif");
            }
        }
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
        return new ConfigFiles(hardware.noReboot, app.messages()).read(configurations);
    }

    private void checkType() throws UserError {
        switch (type) {
            case "pvh", "pv", "hvm" -> {
            }
            default -> throw UserError.usage("--type: '" + type + "' is not a kind of guest: pvh, pv, hvm are");
        }
        if (!ideDisks.isEmpty()) {
            throw UserError
                    .usage("-hda: a disk is --disk FILE[,ro]; those of an hvm guest are its IDE disks, in this order");
        }
    }
}

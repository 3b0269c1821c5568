package org.xenolith.guests.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.regex.Pattern;
import org.xenolith.guests.config.XlValue.Text;

/**
 * A domain as a configuration file describes it, with xl's defaults.
 *
 * @param file the file's name for messages
 * @param name of the domain
 * @param type {@code pv}, {@code pvh} or {@code hvm}
 * @param kernel the kernel's file; an HVM guest may have none
 * @param pc what an HVM guest has beside it
 * @param ramdisk the initial ramdisk's file
 * @param commandLine the kernel's command line
 * @param memoryBytes memory at the start, in bytes
 * @param maxMemoryBytes most memory that it can be given, in bytes
 * @param vcpus vCPUs at the start
 * @param maxVcpus vCPUs that it has
 * @param vifs network interfaces, each as written
 * @param disks disks, each as written
 * @param onPoweroff after a power-off
 * @param onReboot after a reboot
 * @param onCrash after a crash
 * @param uuid where it is given
 * @param warnings what is odd, each a line
 */
public record XlDomain(
        String file,
        String name,
        String type,
        Optional<Path> kernel,
        Optional<XlPc> pc,
        Optional<Path> ramdisk,
        String commandLine,
        long memoryBytes,
        long maxMemoryBytes,
        int vcpus,
        int maxVcpus,
        List<Text> vifs,
        List<Text> disks,
        ShutdownAction onPoweroff,
        ShutdownAction onReboot,
        ShutdownAction onCrash,
        Optional<UUID> uuid,
        List<String> warnings) {
    /** Memory where the file says nothing, in MiB (libxl's default). */
    private static final long DEFAULT_MEMORY = 32;

    private static final long MOST_MEMORY = 1L << 40;
    private static final int MOST_VCPUS = 1 << 20;
    private static final Pattern UUID_TEXT = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

    /**
     * Reads the settings of a domain.
     *
     * @param config the parsed file
     * @throws ConfigException if something is missing or cannot be
     */
    public static XlDomain of(XlConfig config) throws ConfigException {
        return new Reader(config).read();
    }

    /** Reads one file. */
    private static final class Reader {
        private final XlConfig config;

        private Reader(XlConfig config) {
            this.config = config;
        }

        private XlDomain read() throws ConfigException {
            String name = required("name", "Domain name must be specified.");
            String type = type();
            boolean hvm = type.equals("hvm");
            Optional<Path> kernel = hvm && config.text("kernel").isEmpty()
                    ? Optional.empty()
                    : Optional.of(path("kernel", required("kernel", "a kernel must be specified (kernel=)")));
            Optional<XlPc> pc = hvm ? Optional.of(pc()) : Optional.empty();
            Optional<String> ramdisk = config.text("ramdisk");
            long vcpus = within("vcpus", config.number("vcpus").orElse(1), MOST_VCPUS);
            long memory = within("memory", memory(), MOST_MEMORY >> 20) << 20;
            long maxMemory = atLeast("maxmem", "memory", memory >> 20, MOST_MEMORY >> 20) << 20;
            long maxVcpus = atLeast("maxvcpus", "vcpus", vcpus, MOST_VCPUS);
            XlDomain domain = new XlDomain(config.file(), name, type, kernel, pc,
                    ramdisk.isEmpty() ? Optional.empty() : Optional.of(path("ramdisk", ramdisk.get())), commandLine(),
                    memory, maxMemory, (int) vcpus, (int) maxVcpus, config.list("vif"), config.list("disk"),
                    action("on_poweroff", ShutdownAction.DESTROY), action("on_reboot", ShutdownAction.RESTART),
                    action("on_crash", ShutdownAction.DESTROY), uuid(), List.of());
            for (String unknown : config.unread()) {
                config.warn(config.line(unknown), "parameter `" + unknown + "' is not built yet and ignored");
            }
            return domain.withWarnings(config.warnings());
        }

        private String required(String name, String complaint) throws ConfigException {
            Optional<String> text = config.text(name);
            if (text.isEmpty() || text.get().isEmpty()) {
                throw new ConfigException(config.file() + ": " + complaint);
            }
            return text.get();
        }

        private String type() throws ConfigException {
            Optional<String> builder = config.text("builder");
            String type = config.text("type")
                    .orElse(builder.isEmpty() || builder.get().equals("generic") ? "pv" : builder.get());
            if (!List.of("pv", "pvh", "hvm").contains(type)) {
                throw bad(config.text("type").isPresent() ? "type" : "builder",
                        "Invalid domain type \"" + type + "\": pv, pvh and hvm are");
            }
            return type;
        }

        private XlPc pc() throws ConfigException {
            String bios = config.text("bios").orElse("seabios");
            if (!bios.equals("seabios")) {
                throw bad("bios", "bios " + bios + " is not built yet; seabios is");
            }
            String firmware = config.text("firmware").orElse("bios");
            if (!firmware.equals("bios") && !firmware.startsWith("/")) {
                throw bad("firmware",
                        "parameter `firmware' is bios (SeaBIOS) or a file's absolute path, not " + firmware);
            }
            Optional<Path> file = firmware.equals("bios") ? Optional.empty() : Optional.of(path("firmware", firmware));
            Optional<String> override = config.text("bios_path_override");
            if (override.isPresent()) {
                file = Optional.of(path("bios_path_override", override.get()));
            }
            Optional<String> boot = config.text("boot");
            if (boot.isPresent() && !boot.get().matches("[acdn]{1,3}")) {
                throw bad("boot", "parameter `boot' is up to three of c, d and n, not " + boot.get());
            }
            String vga = config.text("vga").orElse("stdvga");
            if (!vga.equals("stdvga") && !vga.equals("none")) {
                throw bad("vga", "vga " + vga + " is not built yet; stdvga and none are");
            }
            // the first serial port is the console, whatever it is to be connected to
            config.text("serial");
            return new XlPc(file, boot, vga.equals("stdvga"));
        }

        private long memory() {
            OptionalLong memory = config.number("memory");
            return memory.isPresent() ? memory.getAsLong() : config.number("maxmem").orElse(DEFAULT_MEMORY);
        }

        /** A maximum, which is what the domain starts with where the file says nothing. */
        private long atLeast(String name, String start, long value, long most) throws ConfigException {
            long maximum = within(name, config.number(name).orElse(value), most);
            if (maximum < value) {
                throw bad(name, "parameter `" + name + "' is " + maximum + ", less than " + start + ", which is "
                        + value);
            }
            return maximum;
        }

        private String commandLine() {
            Optional<String> whole = config.text("cmdline");
            Optional<String> root = config.text("root");
            Optional<String> extra = config.text("extra");
            if (whole.isPresent()) {
                if (root.isPresent() || extra.isPresent()) {
                    config.warn(config.line("cmdline"), "ignoring root= and extra= in favour of cmdline=");
                }
                return whole.get();
            }
            String line = root.map(device -> "root=" + device).orElse("");
            return extra.map(more -> line.isEmpty() ? more : line + " " + more).orElse(line);
        }

        private ShutdownAction action(String name, ShutdownAction otherwise) throws ConfigException {
            Optional<String> text = config.text(name);
            if (text.isEmpty()) {
                return otherwise;
            }
            ShutdownAction action = ShutdownAction.named(text.get())
                    .orElseThrow(() -> bad(name, "Unknown " + name + " action \"" + text.get() + "\" specified"));
            if (action.dumps()) {
                config.warn(config.line(name), "core dumps are not built yet; " + name + " does the rest of it");
            }
            return action;
        }

        private Optional<UUID> uuid() throws ConfigException {
            Optional<String> text = config.text("uuid");
            if (text.isPresent() && !UUID_TEXT.matcher(text.get()).matches()) {
                throw bad("uuid", "Failed to parse UUID: " + text.get());
            }
            return text.map(UUID::fromString);
        }

        private Path path(String name, String text) throws ConfigException {
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw bad(name, "parameter `" + name + "' is not the name of a file: " + e.getReason());
            }
        }

        private long within(String name, long value, long most) throws ConfigException {
            if (value < 1 || value > most) {
                throw bad(name, "parameter `" + name + "' must be 1 to " + most + ", not " + value);
            }
            return value;
        }

        private ConfigException bad(String name, String why) {
            return new ConfigException(config.file() + ":" + config.line(name) + ": " + why);
        }
    }

    private XlDomain withWarnings(List<String> lines) {
        return new XlDomain(file, name, type, kernel, pc, ramdisk, commandLine, memoryBytes, maxMemoryBytes, vcpus,
                maxVcpus, vifs, disks, onPoweroff, onReboot, onCrash, uuid, lines);
    }
}

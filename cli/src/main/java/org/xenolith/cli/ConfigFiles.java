package org.xenolith.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import org.xenolith.emulator.PcHardware;
import org.xenolith.emulator.Restarts;
import org.xenolith.emulator.ScreenConfig;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.config.ConfigException;
import org.xenolith.guests.config.XlConfig;
import org.xenolith.guests.config.XlDomain;
import org.xenolith.guests.config.XlPc;
import org.xenolith.guests.config.XlValue;
import org.xenolith.testimages.EmbeddedFirmware;

/** The guests that xl configuration files describe. */
final class ConfigFiles {
    private static final long MAX_SIZE = 1 << 20;

    private final boolean noReboot;
    private final Messages messages;

    /**
     * Prepares for reading.
     *
     * @param noReboot whether a reboot ends every guest, whatever its file says
     * @param messages hear of warnings
     */
    ConfigFiles(boolean noReboot, Messages messages) {
        this.noReboot = noReboot;
        this.messages = messages;
    }

    /** Reads one guest from each file. */
    List<DomainConfig> read(List<String> files) throws UserError, ImageException, NoSuchFileException {
        List<DomainConfig> domains = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (String file : files) {
            DomainConfig domain = read(file);
            if (!names.add(domain.name())) {
                throw UserError.usage(file + ": a domain named '" + domain.name() + "' is in another file, too");
            }
            domains.add(domain);
        }
        return domains;
    }

    private DomainConfig read(String file) throws UserError, ImageException, NoSuchFileException {
        XlDomain d;
        try {
            d = XlDomain.of(XlConfig.parse(file, source(file)));
        } catch (ConfigException e) {
            throw new UserError(e.getMessage(), e);
        }
        d.warnings().forEach(messages::say);
        String complaint = Limits.complaintAboutName(d.name());
        if (complaint != null) {
            throw UserError.usage(file + ": name: " + complaint);
        }
        complaint = Limits.complaintAboutMemory(d.memoryBytes());
        if (complaint != null) {
            throw UserError.usage(file + ": memory: " + complaint);
        }
        complaint = Limits.complaintAboutMemory(d.maxMemoryBytes());
        if (complaint != null) {
            throw UserError.usage(file + ": maxmem: " + complaint);
        }
        if (d.maxVcpus() > Limits.MAX_VCPUS) {
            throw UserError.usage(file + (d.vcpus() > Limits.MAX_VCPUS ? ": vcpus" : ": maxvcpus") + ": at most "
                    + Limits.MAX_VCPUS + " are possible, not " + d.maxVcpus());
        }
        if (d.kernel().isPresent()) {
            ImageFile.open(d.kernel().get());
        }
        if (d.ramdisk().isPresent()) {
            ImageFile.open(d.ramdisk().get());
        }
        Restarts restarts = new Restarts(d.onPoweroff().restarts(), d.onReboot().restarts() && !noReboot,
                d.onCrash().restarts());
        List<String> discs = new ArrayList<>();
        List<String> disks = new ArrayList<>();
        for (String text : texts(d.disks())) {
            (d.pc().isPresent() && DiskConfig.isCdrom(text) ? discs : disks).add(text);
        }
        return new DomainConfig(d.name(), GuestType.valueOf(d.type().toUpperCase(Locale.ROOT)), d.kernel(),
                d.ramdisk(),
                d.commandLine(), d.memoryBytes(), d.maxMemoryBytes(), d.vcpus(), d.maxVcpus(), restarts,
                GuestDevices.nics(file + ": vif", texts(d.vifs())),
                GuestDevices.disks(file + ": disk", disks), hardware(file, d.pc(), discs), d.uuid());
    }

    private static Optional<PcHardware> hardware(String file, Optional<XlPc> pc, List<String> discs)
            throws UserError, ImageException, NoSuchFileException {
        if (pc.isEmpty()) {
            return Optional.empty();
        }
        if (discs.size() > 1) {
            throw UserError.usage(file + ": disk: one CD-ROM drive is there, not " + discs.size());
        }
        Optional<Path> disc = discs.isEmpty() ? Optional.empty() : DiskConfig.disc(discs.getFirst());
        if (disc.isPresent()) {
            ImageFile.open(disc.get());
        }
        if (pc.get().firmware().isPresent()) {
            ImageFile.open(pc.get().firmware().get());
        }
        return Optional.of(new PcHardware(pc.get().firmware(), EmbeddedFirmware.BIOS::image, disc, pc.get().vga(),
                pc.get().boot().orElse(PcHardware.DEFAULT_BOOT), ScreenConfig.NONE, List.of()));
    }

    private static List<String> texts(List<XlValue.Text> values) {
        return values.stream().map(XlValue.Text::text).toList();
    }

    private static String source(String file) throws UserError, ImageException {
        ImageFile image;
        try {
            image = ImageFile.open(Path.of(file));
        } catch (NoSuchFileException e) {
            throw new UserError(ExitStatus.NO_FILE,
                    file + ": no such file; options begin with '--', as in --kernel FILE",
                    e);
        }
        boolean text = image.size() <= MAX_SIZE;
        String source = text ? new String(image.readAll(MAX_SIZE), StandardCharsets.UTF_8) : "";
        if (!text || source.indexOf('\0') >= 0) {
            throw UserError.usage(file + ": is no configuration file; if it is a kernel, write --kernel " + file);
        }
        return source;
    }
}

package org.xenolith.guests.pc;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.linux.BzImage;

/** Finds out by which protocol a kernel starts, and lays it out: bzImage, Multiboot 2, Multiboot 1, PVH; the first that fits. */
public final class PcKernel {
    /** The longest command line in bytes. */
    public static final int MAX_COMMAND_LINE = 65_535;

    static final String LOADER = "Xenolith";

    private PcKernel() {
    }

    /**
     * Reads a kernel and lays it out.
     *
     * @param file a Linux bzImage, or another kernel, which gzip may have compressed
     * @param modules what is loaded beside it
     * @param arguments its command line, at most {@link #MAX_COMMAND_LINE} bytes, without zeros
     * @throws ImageException when it is no such kernel, is damaged, or memory is too small
     */
    public static PcBoot build(ImageFile file, List<BootModule> modules, String arguments, PcMap map)
            throws ImageException {
        byte[] line = bytes(arguments);
        if (line.length > MAX_COMMAND_LINE) {
            throw new ImageException(file.name(), "has a command line of " + line.length + " bytes; at most "
                    + MAX_COMMAND_LINE + " can be passed");
        }
        Placement place = new Placement(file.name(), map);
        byte[] content = file.readAll(KernelImage.MAX_SIZE);
        if (BzImage.isBzImage(content)) {
            return LinuxBoot.lay(place, content, modules, line);
        }
        byte[] kernel = KernelImage.unpacked(file.name(), content, map.lowRam() + map.highRam());
        Multiboot2 second = Multiboot2.find(place, kernel);
        if (second != null) {
            return second.lay(modules, named(file, arguments));
        }
        Multiboot1 first = Multiboot1.find(place, kernel);
        if (first != null) {
            return first.lay(modules, named(file, arguments));
        }
        return PvhStart.lay(place, KernelImage.parse(file.name(), kernel, map.lowRam()), modules, line);
    }

    /** The file's name and its arguments, as Multiboot has them; the name has no blanks, by which kernels cut it off. */
    static String named(ImageFile file, String arguments) {
        String name = String.valueOf(file.path().getFileName()).replaceAll("\\s", "_");
        return arguments.isEmpty() ? name : name + " " + arguments;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}

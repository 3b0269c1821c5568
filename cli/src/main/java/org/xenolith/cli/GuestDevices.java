package org.xenolith.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.guests.net.NicSpec;

/** Disks and network interfaces as users describe them, checked before anything is built. */
final class GuestDevices {
    private GuestDevices() {
    }

    /**
     * Parses the disks of one guest.
     *
     * @param from the option or the place in a file that messages name
     */
    static List<DiskConfig> disks(String from, List<String> texts) throws UserError {
        List<DiskConfig> parsed = new ArrayList<>();
        try {
            for (String text : texts) {
                DiskConfig disk = DiskConfig.parse(text);
                Path file = disk.image().path();
                if (!Files.exists(file)) {
                    throw UserError.noFile(file.toString(), "");
                }
                if (Files.isDirectory(file)) {
                    throw UserError.usage(file + ": is a directory; " + from + " needs an image");
                }
                parsed.add(disk);
            }
            DiskConfig.devices(parsed);
            return parsed;
        } catch (IllegalArgumentException e) {
            throw new UserError(from + ": " + e.getMessage(), e);
        }
    }

    /**
     * Parses the network interfaces of one guest.
     *
     * @param from as above
     */
    static List<NicSpec> nics(String from, List<String> texts) throws UserError {
        List<NicSpec> nics = new ArrayList<>();
        for (String text : texts) {
            try {
                nics.add(NicSpec.parse(text));
            } catch (IllegalArgumentException e) {
                throw new UserError(from + ": " + e.getMessage(), e);
            }
        }
        return nics;
    }
}

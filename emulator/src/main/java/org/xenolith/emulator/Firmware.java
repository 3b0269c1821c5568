package org.xenolith.emulator;

import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.devices.chipset.SystemRom;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;

/**
 * Firmware of a PC, by path or where distributions install SeaBIOS, and the option ROMs beside it.
 *
 * @param file where it is from
 * @param vgaBios of the standard VGA; empty when there is none
 */
record Firmware(Path file, byte[] image, byte[] vgaBios) {
    /** A machine without, which starts a kernel. */
    static final Firmware NONE = new Firmware(Path.of(""), new byte[0], new byte[0]);

    private static final List<Path> PLACES = List.of(Path.of("/usr/share/seabios"), Path.of("/usr/share/qemu"));
    private static final List<String> NAMES = List.of("bios-256k.bin", "bios.bin");
    private static final String VGA_BIOS = "vgabios-stdvga.bin";

    /**
     * Reads firmware.
     *
     * @throws NoSuchFileException when the file is not there
     * @throws ImageException when it cannot be firmware
     */
    static Firmware open(PcHardware hardware) throws NoSuchFileException, ImageException {
        Path file = hardware.firmware().or(Firmware::installed).orElse(PcHardware.BUILT_IN);
        if (file.equals(PcHardware.BUILT_IN)) {
            return new Firmware(Path.of("the built-in BIOS"), hardware.builtIn().get(), new byte[0]);
        }
        byte[] image = read(file, SystemRom.MAX_BYTES);
        List<Path> places = new ArrayList<>();
        Optional.ofNullable(file.toAbsolutePath().getParent()).ifPresent(places::add);
        places.addAll(PLACES);
        for (Path place : places) {
            Path vga = place.resolve(VGA_BIOS);
            if (Files.isRegularFile(vga)) {
                return new Firmware(file, image, read(vga, 1 << 16));
            }
        }
        return new Firmware(file, image, new byte[0]);
    }

    private static Optional<Path> installed() {
        return PLACES.stream().flatMap(p -> NAMES.stream().map(p::resolve)).filter(Files::isRegularFile).findFirst();
    }

    private static byte[] read(Path file, int most) throws NoSuchFileException, ImageException {
        ImageFile f = ImageFile.open(file);
        if ((f.size() & 0x1ff) != 0) {
            throw new ImageException(f.name(), "is no firmware: " + f.size() + " bytes are no multiple of 512");
        }
        return f.readAll(most);
    }
}

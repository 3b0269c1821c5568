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
    private static final List<Path> PLACES = List.of(Path.of("/usr/share/seabios"), Path.of("/usr/share/qemu"));
    private static final List<String> NAMES = List.of("bios-256k.bin", "bios.bin");
    private static final String VGA_BIOS = "vgabios-stdvga.bin";

    /**
     * Reads firmware.
     *
     * @throws NoSuchFileException when the file is not there
     * @throws ImageException when it cannot be firmware
     * @throws IllegalArgumentException when none is named and none installed
     */
    static Firmware open(Optional<Path> named) throws NoSuchFileException, ImageException {
        Path file = named.or(Firmware::installed).orElseThrow(() -> new IllegalArgumentException(
                "no firmware: name it with --firmware F, or install SeaBIOS (apt-get install seabios)"));
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

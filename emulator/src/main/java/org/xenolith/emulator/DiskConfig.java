package org.xenolith.emulator;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskSpec;
import org.xenolith.hypervisor.blkback.VirtualDevice;

/**
 * One disk of a guest.
 *
 * @param image what is behind it
 * @param device its name in the guest; empty for the first {@code xvd} name that no other disk has
 */
public record DiskConfig(DiskSpec image, Optional<VirtualDevice> device) {
    private static final String SYNTAX = "FILE[,format=raw|qcow2|vhd][,vdev=xvda][,ro][,snapshot]";
    private static final Pattern DEVICE = Pattern.compile("(?:/dev/)?(?:xvd|sd|hd)[a-z]+[0-9]*");

    /**
     * Parses the value of {@code --disk}: {@code FILE[,format=raw|qcow2|vhd][,vdev=xvda][,ro][,snapshot]}, where a comma in
     * the file's name is written twice. Also understood are the disks of xl configuration files, with the values in their
     * places or with keys ({@code target}, {@code format}, {@code vdev}, {@code access}; xl-disk-configuration(5)).
     *
     * @throws IllegalArgumentException for other text; the message says what is wrong
     */
    public static DiskConfig parse(String text) {
        Parser p = new Parser();
        List<String> parts = split(text);
        for (int i = 0; i < parts.size(); i++) {
            p.take(parts.get(i).strip(), i == 0);
        }
        return p.result();
    }

    /** Whether the disk of an xl configuration file is a CD-ROM drive ({@code devtype=cdrom}, or {@code hdc:cdrom}). */
    public static boolean isCdrom(String text) {
        return split(text).stream().map(String::strip)
                .anyMatch(p -> p.equals("devtype=cdrom") || p.equals("cdrom") || p.endsWith(":cdrom"));
    }

    /** The disc in a CD-ROM drive of an xl configuration file; empty for an empty drive. */
    public static Optional<Path> disc(String text) {
        List<String> parts = split(text);
        String file = parts.getFirst().strip();
        for (String p : parts) {
            String part = p.strip();
            if (part.startsWith("target=")) {
                file = part.substring("target=".length());
            }
        }
        if (file.startsWith("file:")) {
            file = file.substring("file:".length());
        }
        try {
            return file.isEmpty() || file.contains("=") ? Optional.empty() : Optional.of(Path.of(file));
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("'" + file + "' cannot be the name of a file", e);
        }
    }

    /**
     * The devices of a guest's disks: as they say themselves, the others the first {@code xvd} names that are free.
     *
     * @throws IllegalArgumentException when two disks have one name
     */
    public static List<VirtualDevice> devices(List<DiskConfig> configs) {
        Set<Integer> taken = new HashSet<>();
        for (DiskConfig c : configs) {
            c.device().ifPresent(d -> {
                if (!taken.add(d.number())) {
                    throw new IllegalArgumentException("two disks are called " + d.name());
                }
            });
        }
        List<VirtualDevice> all = new ArrayList<>();
        int next = 0;
        for (DiskConfig c : configs) {
            VirtualDevice d = c.device().orElse(null);
            while (d == null) {
                VirtualDevice free = VirtualDevice.xvd(next++);
                d = taken.add(free.number()) ? free : null;
            }
            all.add(d);
        }
        return all;
    }

    /** Cuts at commas, of which two in a row stand for one that is meant. */
    private static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != ',') {
                part.append(c);
            } else if (i + 1 < text.length() && text.charAt(i + 1) == ',') {
                part.append(c);
                i++;
            } else {
                parts.add(part.toString());
                part.setLength(0);
            }
        }
        parts.add(part.toString());
        return parts;
    }

    private static IllegalArgumentException bad(String why) {
        return new IllegalArgumentException(why);
    }

    private static final class Parser {
        private String file;
        private DiskFormat format;
        private VirtualDevice device;
        private boolean readOnly;
        private boolean snapshot;

        private void take(String part, boolean first) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? "" : part.substring(0, equals).strip();
            String value = part.substring(equals + 1).strip();
            switch (key) {
                case "target", "file" -> chooseFile(value);
                case "format" -> chooseFormat(value);
                case "vdev" -> chooseDevice(value);
                case "access" -> chooseAccess(value);
                case "devtype" -> {
                    if (!value.equals("disk")) {
                        throw bad("devtype=" + value + " is not built yet; disk is");
                    }
                }
                // of no meaning without a Linux dom0, and in many files
                case "backendtype", "script", "direct-io-safe", "discard" -> {}
                case "" -> takeValue(value, first);
                default -> {
                    if (!first) {
                        throw bad("'" + key + "=' is not known; a disk is " + SYNTAX);
                    }
                    chooseFile(part); // a name with an equals sign in it
                }
            }
        }

        private void takeValue(String value, boolean first) {
            if (first) {
                chooseFile(value);
                return;
            }
            switch (value) {
                case "" -> {} // a place that is left empty
                case "ro", "r", "rw", "w" -> chooseAccess(value);
                case "snapshot" -> snapshot = true;
                case "raw", "qcow2", "vhd", "vpc" -> chooseFormat(value);
                default -> {
                    if (!DEVICE.matcher(value).matches()) {
                        throw bad("'" + value + "' is not known; a disk is " + SYNTAX
                                + ", a comma in the file's name is written twice");
                    }
                    chooseDevice(value);
                }
            }
        }

        private void chooseFile(String value) {
            if (file != null) {
                throw bad("has two files, '" + file + "' and '" + value + "'");
            }
            file = value;
        }

        private void chooseFormat(String value) {
            DiskFormat named = DiskFormat.named(value)
                    .orElseThrow(() -> bad("format '" + value + "' is not one of raw, qcow2, vhd"));
            if (format != null && format != named) {
                throw bad("has two formats, " + format.label() + " and " + named.label());
            }
            format = named;
        }

        private void chooseDevice(String value) {
            VirtualDevice named;
            try {
                named = VirtualDevice.of(value);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("vdev " + e.getMessage(), e);
            }
            if (device != null && !device.equals(named)) {
                throw bad("has two names, " + device.name() + " and " + named.name());
            }
            device = named;
        }

        private void chooseAccess(String value) {
            readOnly = switch (value) {
                case "ro", "r" -> true;
                case "rw", "w" -> false;
                default -> throw bad("access '" + value + "' is not ro or rw");
            };
        }

        private DiskConfig result() {
            if (file == null || file.isEmpty()) {
                throw bad("names no file; a disk is " + SYNTAX);
            }
            Path path;
            try {
                path = Path.of(file);
            } catch (InvalidPathException e) {
                throw new IllegalArgumentException("'" + file + "' cannot be the name of a file", e);
            }
            return new DiskConfig(new DiskSpec(path, Optional.ofNullable(format), readOnly, snapshot),
                    Optional.ofNullable(device));
        }
    }
}

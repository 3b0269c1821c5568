package org.xenolith.guests.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.qcow2.Qcow2Creator;
import org.xenolith.guests.image.qcow2.Qcow2Options;
import org.xenolith.guests.image.vhd.VhdImages;

/** Makes empty images from options as qemu-img names them. */
public final class ImageCreator {
    private static final Set<String> QCOW2_OPTIONS = Set.of("compat", "cluster_size", "refcount_bits", "lazy_refcounts",
            "data_file", "data_file_raw", "compression_type", "preallocation");
    private static final Set<String> VHD_OPTIONS = Set.of("subformat", "force_size");
    private static final Set<String> RAW_OPTIONS = Set.of("preallocation");
    private static final int SECTOR = 512;

    private ImageCreator() {
    }

    /**
     * What to make.
     *
     * @param path the file; replaced if it is there
     * @param format of the image
     * @param size of the disk in bytes; rounded up to a sector
     * @param options by name; unknown ones are refused
     * @param backing the image that shows through, as it is to be named in the new one
     * @param backingFormat its format
     * @param seconds the time, since 1970
     * @param id 16 bytes that are nobody else's; VHD wants them
     */
    public record Request(Path path, DiskFormat format, long size, Map<String, String> options,
            Optional<String> backing,
            Optional<DiskFormat> backingFormat, long seconds, byte[] id) {
    }

    /**
     * Makes an image.
     *
     * @throws ImageException if the options are unknown or impossible
     */
    public static void create(Request request) throws IOException, ImageException {
        String file = request.path().toString();
        if (request.size() < 0 || request.size() > Long.MAX_VALUE - SECTOR) {
            throw new ImageException(file, "a disk cannot have " + request.size() + " bytes");
        }
        long size = (request.size() + SECTOR - 1) / SECTOR * SECTOR;
        switch (request.format()) {
            case RAW -> raw(request, size);
            case QCOW2 -> qcow2(request, size);
            case VHD -> vhd(request, size);
        }
    }

    private static void raw(Request request, long size) throws IOException, ImageException {
        known(request, RAW_OPTIONS);
        preallocation(request);
        if (request.backing().isPresent()) {
            throw new ImageException(request.path().toString(), "a raw image cannot have a backing file");
        }
        try (ByteStore store = FileStore.create(request.path())) {
            store.resize(size);
            store.force();
        }
    }

    private static void qcow2(Request request, long size) throws IOException, ImageException {
        known(request, QCOW2_OPTIONS);
        preallocation(request);
        String file = request.path().toString();
        String compat = request.options().getOrDefault("compat", "1.1");
        int version = switch (compat) {
            case "0.10", "v2" -> 2;
            case "1.1", "v3" -> 3;
            default -> throw new ImageException(file, "compat=" + compat + " is not 0.10 or 1.1");
        };
        String compression = request.options().getOrDefault("compression_type", "zlib");
        if (!compression.equals("zlib")) {
            throw new ImageException(file, "compression_type=" + compression
                    + " cannot be written; zlib can, and zstd is read only");
        }
        long cluster = number(file, "cluster_size", request.options().getOrDefault("cluster_size", "64k"));
        if (Long.bitCount(cluster) != 1) {
            throw new ImageException(file, "cluster_size must be a power of two from 512 to 2M");
        }
        Optional<String> dataFile = Optional.ofNullable(request.options().get("data_file"));
        Qcow2Options options = new Qcow2Options(version, Long.numberOfTrailingZeros(cluster),
                (int) Math.min(65,
                        number(file, "refcount_bits", request.options().getOrDefault("refcount_bits", "16"))),
                flag(request, "lazy_refcounts"), request.backing(), request.backingFormat().map(ImageCreator::qemuName),
                dataFile, flag(request, "data_file_raw"));
        try (ByteStore store = FileStore.create(request.path())) {
            Qcow2Creator.create(store, size, options);
        } catch (ImageException e) {
            Files.deleteIfExists(request.path());
            throw e;
        }
        if (dataFile.isPresent()) {
            try (ByteStore store = FileStore.create(ImageOpener.resolve(request.path(), dataFile.get()))) {
                store.resize(size);
                store.force();
            }
        }
    }

    private static void vhd(Request request, long size) throws IOException, ImageException {
        known(request, VHD_OPTIONS);
        flag(request, "force_size");
        String file = request.path().toString();
        String kind = request.options().getOrDefault("subformat", "dynamic");
        if (!kind.equals("dynamic") && !kind.equals("fixed")) {
            throw new ImageException(file, "subformat=" + kind + " is not dynamic or fixed");
        }
        long stamp = Math.max(0, request.seconds() - 946_684_800L); // 2000-01-01
        boolean differencing = request.backing().isPresent();
        if (differencing
                && (kind.equals("fixed") || request.backingFormat().orElse(DiskFormat.VHD) != DiskFormat.VHD)) {
            throw new ImageException(file, "only a VHD can be the parent of a VHD, and a fixed one has none");
        }
        try (ByteStore store = FileStore.create(request.path())) {
            if (differencing) {
                Path parent = ImageOpener.resolve(request.path(), request.backing().get());
                VhdImages.createDifferencing(store, parent, request.backing().get(), stamp, request.id());
            } else {
                VhdImages.create(store, size,
                        kind.equals("fixed") ? VhdImages.Subformat.FIXED : VhdImages.Subformat.DYNAMIC, stamp,
                        request.id());
            }
        } catch (ImageException e) {
            Files.deleteIfExists(request.path());
            throw e;
        }
    }

    /** QEMU's name of a format, which is what stands in images. */
    public static String qemuName(DiskFormat format) {
        return format == DiskFormat.VHD ? "vpc" : format.label();
    }

    private static void known(Request request, Set<String> names) throws ImageException {
        for (String name : request.options().keySet()) {
            if (!names.contains(name)) {
                throw new ImageException(request.path().toString(), "the option '" + name + "' is not known for "
                        + request.format().label() + "; there are: "
                        + String.join(", ", names.stream().sorted().toList()));
            }
        }
    }

    private static void preallocation(Request request) throws ImageException {
        String mode = request.options().getOrDefault("preallocation", "off");
        if (!mode.equals("off")) {
            throw new ImageException(request.path().toString(), "preallocation=" + mode + " is not supported; off is");
        }
    }

    private static boolean flag(Request request, String name) throws ImageException {
        String value = request.options().getOrDefault(name, "off");
        if (!value.equals("on") && !value.equals("off")) {
            throw new ImageException(request.path().toString(), name + "=" + value + " is not on or off");
        }
        return value.equals("on");
    }

    private static long number(String file, String name, String text) throws ImageException {
        String digits = text.replaceFirst("[kKM]$", "");
        if (!digits.matches("[0-9]{1,9}")) {
            throw new ImageException(file, name + "=" + text + " is not a number such as 16 or 64k");
        }
        long unit = text.endsWith("M") ? 1 << 20 : text.equals(digits) ? 1 : 1 << 10;
        return Long.parseLong(digits) * unit;
    }
}

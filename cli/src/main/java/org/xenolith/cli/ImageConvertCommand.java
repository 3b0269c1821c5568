package org.xenolith.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.DiskImages;
import org.xenolith.guests.image.ImageCopy;
import org.xenolith.guests.image.ImageOpener;
import org.xenolith.guests.image.qcow2.Qcow2Tools;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xenolith image convert}: the same disk in another image. */
@Command(name = "convert", sortOptions = false, usageHelpWidth = 110,
        description = "Copies a disk, with all that it stands on, into a new image; a file of that name is replaced.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ImageFiles.LIST_0, ExitStatus.LIST_126, ExitStatus.LIST_127},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith image convert -O qcow2 -c disk.raw disk.qcow2",
            "  xenolith image convert -f vhd -O raw disk.vhd disk.raw",
            "  xenolith image convert -l before-upgrade -O qcow2 disk.qcow2 old.qcow2"})
final class ImageConvertCommand implements Callable<Integer> {
    private final App app;

    @Parameters(index = "0", paramLabel = "FROM", description = "The image to read.")
    private Path from;

    @Parameters(index = "1", paramLabel = "TO", description = "The image to make.")
    private Path to;

    @Option(names = "-f", paramLabel = "FORMAT", converter = ImageFiles.Format.class,
            description = "Format of FROM: raw, qcow2 or vhd; by its first bytes if not given.")
    private DiskFormat format;

    @Option(names = "-O", paramLabel = "FORMAT", converter = ImageFiles.Format.class, defaultValue = "raw",
            description = "Format of TO; raw by default.")
    private DiskFormat target = DiskFormat.RAW;

    @Option(names = "-o", paramLabel = "NAME=VALUE,…", description = "Options of TO, as of 'create'.")
    private List<String> options;

    @Option(names = {"-b", "-B"}, paramLabel = "FILE",
            description = "TO gets this backing file, and only what differs from it is copied.")
    private String backing;

    @Option(names = "-F", paramLabel = "FORMAT", converter = ImageFiles.Format.class,
            description = "The format of the backing file; must be given with it.")
    private DiskFormat backingFormat;

    @Option(names = "-c", description = "Compress with zlib (qcow2).")
    private boolean compress;

    @Option(names = "-l", paramLabel = "SNAPSHOT",
            description = "The disk as of this internal snapshot of FROM (qcow2).")
    private String snapshot;

    @Option(names = "-p", description = "Show progress; on a terminal it is shown anyway.")
    private boolean progress;

    @Option(names = "-q", description = "Say nothing but errors.")
    private boolean quiet;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    ImageConvertCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return ImageFiles.with(() -> {
            if (compress && target != DiskFormat.QCOW2) {
                throw UserError.usage("-c: only qcow2 can be compressed");
            }
            if (Files.exists(to) && Files.exists(from) && Files.isSameFile(from, to)) {
                throw UserError.usage(to + ": is the image to read");
            }
            try (DiskImage source = openSource()) {
                convert(source);
            }
            return ExitStatus.OK;
        });
    }

    private DiskImage openSource() throws Exception {
        if (snapshot == null) {
            return DiskImages.openForTool(from, Optional.ofNullable(format), false, quiet ? n -> {
            } : app.messages()::say);
        }
        if (ImageFiles.format(from, format) != DiskFormat.QCOW2) {
            throw UserError.usage("-l: only qcow2 has internal snapshots");
        }
        return Qcow2Tools.openSnapshot(from, snapshot, app.messages()::say);
    }

    private void convert(DiskImage source) throws Exception {
        Map<String, String> named = ImageFiles.options(ImageFiles.orEmpty(options));
        ImageCreateCommand.create(app, to, target, source.size(), named, backing, backingFormat);
        Optional<DiskImage> below = Optional.empty();
        if (backing != null) {
            below = Optional.of(
                    DiskImages.openForTool(ImageOpener.resolve(to, backing), Optional.of(backingFormat), false, n -> {
                    }));
        }
        boolean done = false;
        try (DiskImage image = DiskImages.openForTool(to, Optional.of(target), true, n -> {
        })) {
            ImageCopy.copy(source, image, below, compress, bytes -> show(bytes, source.size()));
            done = true;
        } finally {
            app.messages().clear();
            if (below.isPresent()) {
                below.get().close();
            }
            if (!done) {
                Files.deleteIfExists(to); // half a disk is worse than none
            }
        }
        if (progress && !quiet) {
            app.messages().say(to + ": done");
        }
    }

    private void show(long bytes, long size) {
        if (!quiet) {
            app.messages().progress(to + ": " + (long) (bytes * 100.0 / Math.max(1, size)) + " %");
        }
    }
}

package org.xenolith.cli;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.DiskImages;
import org.xenolith.guests.image.ImageCreator;
import org.xenolith.guests.image.ImageOpener;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xenolith image create}: an empty image. */
@Command(name = "create", sortOptions = false, usageHelpWidth = 110,
        description = "Makes an empty image; a file of that name is replaced.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ImageFiles.LIST_0, ExitStatus.LIST_126, ExitStatus.LIST_127},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith image create disk.raw 4G",
            "  xenolith image create -f qcow2 -o cluster_size=128k disk.qcow2 100G",
            "  xenolith image create -f qcow2 -b base.qcow2 -F qcow2 top.qcow2"})
final class ImageCreateCommand implements Callable<Integer> {
    private final App app;

    @Parameters(index = "0", paramLabel = "FILE", description = "The image to make.")
    private Path file;

    @Parameters(index = "1", arity = "0..1", paramLabel = "SIZE", converter = ImageFiles.Bytes.class,
            description = "Size of the disk: 20G, 512M; a bare number is bytes. That of the backing file if not given.")
    private Long size;

    @Option(names = "-f", paramLabel = "FORMAT", converter = ImageFiles.Format.class, defaultValue = "raw",
            description = "raw (default), qcow2 or vhd.")
    private DiskFormat format = DiskFormat.RAW;

    @Option(names = "-o", paramLabel = "NAME=VALUE,…",
            description = "qcow2: compat, cluster_size, refcount_bits, lazy_refcounts, data_file, data_file_raw;"
                    + " vhd: subformat=dynamic or fixed.")
    private List<String> options;

    @Option(names = "-b", paramLabel = "FILE",
            description = "The backing file, relative to the new image (qcow2, vhd).")
    private String backing;

    @Option(names = "-F", paramLabel = "FORMAT", converter = ImageFiles.Format.class,
            description = "The format of the backing file; must be given with it.")
    private DiskFormat backingFormat;

    @Option(names = "-q", description = "Say nothing but errors.")
    private boolean quiet;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    ImageCreateCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return ImageFiles.with(() -> {
            long bytes = create(app, file, format, size, ImageFiles.options(ImageFiles.orEmpty(options)), backing,
                    backingFormat);
            if (!quiet) {
                app.text().println(file + ": " + format.label() + ", " + Limits.size(bytes));
            }
            return ExitStatus.OK;
        });
    }

    /** Makes an image; the size of its disk. */
    static long create(App app, Path file, DiskFormat format, Long size, Map<String, String> options, String backing,
            DiskFormat backingFormat) throws Exception {
        OutputFiles.check(file);
        if (backing != null && backingFormat == null) {
            throw UserError.usage("-b: the backing file's format must be named with -F");
        }
        long bytes;
        if (size != null) {
            bytes = size;
        } else if (backing != null) {
            Path below = ImageOpener.resolve(file, backing);
            try (DiskImage image = DiskImages.openForTool(below, Optional.of(backingFormat), false,
                    app.messages()::say)) {
                bytes = image.size();
            }
        } else {
            throw UserError.usage(file + ": a size must be given");
        }
        UUID id = UUID.randomUUID();
        byte[] unique = ByteBuffer.allocate(16).putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits()).array();
        ImageCreator.create(new ImageCreator.Request(file, format, bytes, options, Optional.ofNullable(backing),
                Optional.ofNullable(backingFormat), Instant.now().getEpochSecond(), unique));
        return bytes;
    }
}

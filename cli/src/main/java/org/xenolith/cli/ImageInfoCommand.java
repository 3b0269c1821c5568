package org.xenolith.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.ImageCreator;
import org.xenolith.guests.image.ImageOpener;
import org.xenolith.guests.image.qcow2.Qcow2Snapshots;
import org.xenolith.guests.image.qcow2.Qcow2Tools;
import org.xenolith.guests.image.vhd.VhdTools;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xenolith image info}: what an image is. */
@Command(name = "info", sortOptions = false, usageHelpWidth = 110,
        description = "Says what an image is: format, size, backing file, options, internal snapshots.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ImageFiles.LIST_0, ExitStatus.LIST_126, ExitStatus.LIST_127},
        footerHeading = "%nExamples:%n", footer = {"  xenolith image info disk.qcow2",
            "  xenolith image info --json --backing-chain top.qcow2"})
final class ImageInfoCommand implements Callable<Integer> {
    private static final int MOST_IMAGES = 64;

    private final App app;

    @Parameters(paramLabel = "FILE", description = "The image.")
    private Path file;

    @Option(names = "-f", paramLabel = "FORMAT", converter = ImageFiles.Format.class,
            description = "raw, qcow2 or vhd; by the file's first bytes if not given.")
    private DiskFormat format;

    @Option(names = "--backing-chain", description = "Also the images below it.")
    private boolean chain;

    @Option(names = {"--json", "--output=json"}, description = "Print JSON with qemu-img's names.")
    private boolean json;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    ImageInfoCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return ImageFiles.with(() -> {
            List<Map<String, Object>> images = new ArrayList<>();
            Path path = file;
            DiskFormat named = format;
            while (path != null) {
                if (images.size() >= MOST_IMAGES) {
                    throw UserError.usage(
                            file + ": has more than " + MOST_IMAGES + " images below each other, or stands on itself");
                }
                Map<String, Object> info = describe(path, named);
                images.add(info);
                Optional<String> below = chain ? ImageFiles.text(info, "backing-filename") : Optional.empty();
                named = ImageFiles.text(info, "backing-filename-format").flatMap(DiskFormat::named).orElse(null);
                path = below.isPresent() ? ImageOpener.resolve(path, below.get()) : null;
            }
            PrintStream out = app.text();
            if (json) {
                out.println(ImageFiles.json(chain ? images : images.getFirst()));
            } else {
                for (int i = 0; i < images.size(); i++) {
                    out.print(i > 0 ? System.lineSeparator() : "");
                    print(images.get(i), out);
                }
            }
            return ExitStatus.OK;
        });
    }

    private static Map<String, Object> describe(Path path, DiskFormat named) throws IOException {
        if (!Files.exists(path)) {
            throw new NoSuchFileException(path.toString());
        }
        DiskFormat actual = ImageFiles.format(path, named);
        Map<String, Object> info = new LinkedHashMap<>();
        info.put("filename", path.toString());
        info.put("format", ImageCreator.qemuName(actual));
        switch (actual) {
            case RAW -> {
                if (!Files.isRegularFile(path)) {
                    throw new DiskException(path.toString(), "is not a regular file");
                }
                info.put("virtual-size", ImageFiles.rawSize(path));
            }
            case QCOW2 -> info.putAll(Qcow2Tools.describe(path));
            case VHD -> info.putAll(VhdTools.describe(path));
        }
        info.put("file-length", Files.size(path));
        Optional<String> backing = ImageFiles.text(info, "backing-filename");
        if (backing.isPresent()) {
            info.put("full-backing-filename", ImageOpener.resolve(path, backing.get()).toString());
        }
        if (actual == DiskFormat.QCOW2) {
            List<Map<String, Object>> snapshots = Qcow2Tools.snapshots(path).stream().map(ImageInfoCommand::snapshot)
                    .toList();
            if (!snapshots.isEmpty()) {
                info.put("snapshots", snapshots);
            }
        }
        return info;
    }

    /** A snapshot by qemu-img's names. */
    static Map<String, Object> snapshot(Qcow2Snapshots.Entry entry) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("id", entry.id());
        s.put("name", entry.name());
        s.put("date-sec", entry.seconds());
        s.put("date-nsec", entry.nanos());
        s.put("vm-state-size", entry.vmStateSize());
        s.put("vm-clock-sec", entry.vmClock() / 1_000_000_000);
        s.put("vm-clock-nsec", entry.vmClock() % 1_000_000_000);
        return s;
    }

    private static void print(Map<String, Object> info, PrintStream out) {
        line(out, "image", info.get("filename"));
        line(out, "file format", info.get("format"));
        line(out, "virtual size", size(info.get("virtual-size")));
        line(out, "file length", size(info.get("file-length")));
        for (String name : List.of("cluster-size", "backing-filename", "backing-filename-format")) {
            if (info.containsKey(name)) {
                line(out, name.replace("filename", "file").replace('-', '_'), info.get(name));
            }
        }
        if (info.get("format-specific") instanceof Map<?, ?> specific) {
            specific.forEach((name, value) -> line(out, "  " + name.toString().replace('-', ' '), value));
        }
        if (info.get("snapshots") instanceof List<?> snapshots) {
            out.println("snapshots:");
            for (Object s : snapshots) {
                printSnapshot((Map<?, ?>) s, out);
            }
        }
    }

    static void printSnapshot(Map<?, ?> s, PrintStream out) {
        Instant made = Instant.ofEpochSecond((Long) s.get("date-sec")).truncatedTo(ChronoUnit.SECONDS);
        out.println("  " + s.get("id") + "  " + made + "  " + s.get("name"));
    }

    private static String size(Object bytes) {
        String text = Limits.size((Long) bytes);
        return text.endsWith("bytes") ? text : text + " (" + bytes + " bytes)";
    }

    private static void line(PrintStream out, String name, Object value) {
        out.println(name + ": " + String.valueOf(value).replaceAll("\\p{Cntrl}", "?"));
    }
}

package org.xenolith.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.xenolith.guests.image.CheckReport;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.ImageCreator;
import org.xenolith.guests.image.qcow2.Qcow2Tools;
import org.xenolith.guests.image.vhd.VhdTools;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xenolith image check}: whether an image is sound. */
@Command(name = "check", sortOptions = false, usageHelpWidth = 110,
        description = "Checks the tables of an image, and repairs them if asked to. Images below it are not looked at.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {"0:sound, or everything was repaired", "1:the check could not be completed", "2:corruptions",
            "3:leaks, no corruption: space that nobody owns", "63:the format has nothing to check (raw)",
            ExitStatus.LIST_126, ExitStatus.LIST_127},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith image check disk.qcow2", "  xenolith image check -r leaks disk.qcow2"})
final class ImageCheckCommand implements Callable<Integer> {
    private static final int INCOMPLETE = 1;
    private static final int CORRUPT = 2;
    private static final int LEAKS = 3;
    private static final int NOTHING_TO_CHECK = 63;

    private final App app;

    @Parameters(paramLabel = "FILE", description = "The image.")
    private Path file;

    @Option(names = "-f", paramLabel = "FORMAT", converter = ImageFiles.Format.class,
            description = "raw, qcow2 or vhd; by the file's first bytes if not given.")
    private DiskFormat format;

    @Option(names = "-r", paramLabel = "WHAT", converter = RepairName.class, defaultValue = "none",
            description = "Repair: 'leaks' frees what nobody owns, 'all' repairs what it can (qcow2).")
    private CheckReport.Repair repair = CheckReport.Repair.NONE;

    @Option(names = "-q", description = "Say nothing but errors.")
    private boolean quiet;

    @Option(names = {"--json", "--output=json"}, description = "Print JSON with qemu-img's names.")
    private boolean json;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    ImageCheckCommand(App app) {
        this.app = app;
    }

    /** What to repair. */
    static final class RepairName implements ITypeConverter<CheckReport.Repair> {
        @Override
        public CheckReport.Repair convert(String text) {
            return Values.oneOf(CheckReport.Repair.class, text, "leaks, all");
        }
    }

    @Override
    public Integer call() throws Exception {
        return ImageFiles.with(() -> {
            DiskFormat actual = ImageFiles.format(file, format);
            if (actual == DiskFormat.RAW) {
                app.messages().say(file + ": a raw image has nothing to check");
                return NOTHING_TO_CHECK;
            }
            if (actual == DiskFormat.VHD && repair != CheckReport.Repair.NONE) {
                throw UserError.usage(file + ": vhd images can be checked, not repaired");
            }
            CheckReport report;
            app.messages().progress("checking " + file + "…");
            try {
                report = actual == DiskFormat.QCOW2 ? Qcow2Tools.check(file, repair) : VhdTools.check(file);
            } catch (DiskException e) {
                app.messages().say(e.getMessage());
                return INCOMPLETE;
            } finally {
                app.messages().clear();
            }
            print(report, actual);
            return report.corruptions() > 0 ? CORRUPT : report.leaks() > 0 ? LEAKS : ExitStatus.OK;
        });
    }

    private void print(CheckReport r, DiskFormat actual) throws Exception {
        PrintStream out = app.text();
        if (json) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("filename", file.toString());
            tree.put("format", ImageCreator.qemuName(actual));
            tree.put("check-errors", 0);
            tree.put("corruptions", r.corruptions());
            tree.put("leaks", r.leaks());
            tree.put("corruptions-fixed", r.corruptionsFixed());
            tree.put("leaks-fixed", r.leaksFixed());
            tree.put("total-clusters", r.totalClusters());
            tree.put("allocated-clusters", r.allocatedClusters());
            tree.put("compressed-clusters", r.compressedClusters());
            tree.put("fragmented-clusters", r.fragmentedClusters());
            tree.put("image-end-offset", r.imageEnd());
            tree.put("findings", r.findings());
            out.println(ImageFiles.json(tree));
            return;
        }
        r.findings().forEach(app.messages()::say);
        if (quiet) {
            return;
        }
        if (r.corruptionsFixed() + r.leaksFixed() > 0) {
            out.println("repaired: " + r.corruptionsFixed() + " corruptions, " + r.leaksFixed() + " leaks");
        }
        out.println(r.corruptions() + r.leaks() == 0
                ? "no errors were found"
                : r.corruptions() + " corruptions, " + r.leaks() + " leaks");
        out.println(
                r.allocatedClusters() + " of " + r.totalClusters() + " clusters allocated, " + r.fragmentedClusters()
                        + " fragmented, " + r.compressedClusters() + " compressed; image ends at " + r.imageEnd());
    }
}

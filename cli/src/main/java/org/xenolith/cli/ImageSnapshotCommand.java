package org.xenolith.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.qcow2.Qcow2Tools;
import org.xenolith.guests.image.qcow2.Qcow2Tools.SnapshotAction;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xenolith image snapshot}: internal snapshots of qcow2 images. */
@Command(name = "snapshot", sortOptions = false, usageHelpWidth = 110,
        description = "Lists, makes, applies or deletes internal snapshots of a qcow2 image that no guest uses.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ImageFiles.LIST_0, ExitStatus.LIST_126, ExitStatus.LIST_127},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith image snapshot -c before-upgrade disk.qcow2", "  xenolith image snapshot disk.qcow2"})
final class ImageSnapshotCommand implements Callable<Integer> {
    private final App app;

    @Parameters(paramLabel = "FILE", description = "The image.")
    private Path file;

    @ArgGroup
    private Action action;

    @Option(names = "--json", description = "Print the list as JSON with qemu-img's names.")
    private boolean json;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    /** One of these; a list if none. */
    static final class Action {
        @Option(names = "-l", description = "List them; also without any of these.")
        private boolean list;
        @Option(names = "-c", paramLabel = "NAME", description = "Make one.")
        private String create;
        @Option(names = "-a", paramLabel = "NAME", description = "Make the disk what it was then; NAME or number.")
        private String apply;
        @Option(names = "-d", paramLabel = "NAME", description = "Delete one; NAME or number.")
        private String delete;
    }

    ImageSnapshotCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return ImageFiles.with(() -> {
            if (ImageFiles.format(file, null) != DiskFormat.QCOW2) {
                throw UserError.usage(file + ": only qcow2 has internal snapshots");
            }
            if (action == null || action.list) {
                list();
                return ExitStatus.OK;
            }
            SnapshotAction what = action.create != null
                    ? SnapshotAction.CREATE
                    : action.apply != null ? SnapshotAction.APPLY : SnapshotAction.DELETE;
            String name = action.create != null ? action.create : action.apply != null ? action.apply : action.delete;
            Qcow2Tools.snapshot(file, what, name, Instant.now().getEpochSecond());
            return ExitStatus.OK;
        });
    }

    private void list() throws Exception {
        List<Map<String, Object>> snapshots = Qcow2Tools.snapshots(file).stream().map(ImageInfoCommand::snapshot)
                .toList();
        PrintStream out = app.text();
        if (json) {
            out.println(ImageFiles.json(snapshots));
        } else {
            snapshots.forEach(s -> ImageInfoCommand.printSnapshot(s, out));
        }
    }
}

package org.xenolith.emulator;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.BlockBackend;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.DiskImages;
import org.xenolith.guests.image.SnapshotMemory;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.blkback.Blkback;
import org.xenolith.hypervisor.blkback.VirtualDevice;
import org.xenolith.hypervisor.blkback.VirtualDisk;
import org.xenolith.hypervisor.xenstore.XenstoreClient;

/** The disks of one guest: open from its first start, through reboots, to the end of the run. */
final class GuestDisks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GuestDisks.class);

    private final List<DiskConfig> configs;
    private final List<VirtualDisk> disks = new ArrayList<>();
    private final List<BlockBackend> images = new ArrayList<>();
    private DiskImage cdrom;
    private final List<Blkback> backends = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private boolean closed;

    private GuestDisks(List<DiskConfig> configs) {
        this.configs = configs;
    }

    /**
     * Opens the images.
     *
     * @param snapshots memory that the snapshot disks of all guests share
     * @throws IllegalArgumentException when two disks have one name
     */
    static GuestDisks open(List<DiskConfig> configs, SnapshotMemory snapshots)
            throws ImageException, NoSuchFileException {
        List<VirtualDevice> devices = DiskConfig.devices(configs);
        GuestDisks all = new GuestDisks(configs);
        boolean done = false;
        try {
            for (int i = 0; i < configs.size(); i++) {
                BlockBackend image = DiskImages.open(configs.get(i).image(), snapshots);
                all.images.add(image);
                all.disks.add(new VirtualDisk(devices.get(i), image));
            }
            done = true;
            return all;
        } finally {
            if (!done) {
                all.close();
            }
        }
    }

    /**
     * Opens the images, with one in the CD-ROM drive.
     *
     * @param disc empty for an empty drive
     */
    static GuestDisks open(List<DiskConfig> configs, Optional<Path> disc, SnapshotMemory snapshots)
            throws ImageException, NoSuchFileException {
        GuestDisks all = open(configs, snapshots);
        if (disc.isPresent()) {
            boolean done = false;
            try {
                all.cdrom = DiskImages.openCdrom(disc.get());
                done = true;
            } finally {
                if (!done) {
                    all.close();
                }
            }
        }
        return all;
    }

    /** The image of a disk, which emulated devices share with {@link Blkback}. */
    BlockBackend image(int i) {
        return images.get(i);
    }

    /** The disc in the CD-ROM drive, or null. */
    BlockBackend cdrom() {
        return cdrom;
    }

    /** Gives a domain the disks. */
    void attach(Host host, XenstoreClient store, Domain domain) {
        for (int i = 0; i < disks.size(); i++) {
            backends.add(new Blkback(host, store, domain, disks.get(i), configs.get(i).image().path().toString()));
        }
    }

    /** Takes them away from a domain that ends; the images stay open. */
    void detach() {
        backends.forEach(Blkback::close);
        backends.clear();
    }

    /** What was asked of each disk, and what went wrong with it. */
    List<RunResult.DiskResult> results() {
        List<RunResult.DiskResult> all = new ArrayList<>();
        for (int i = 0; i < disks.size(); i++) {
            all.add(new RunResult.DiskResult(disks.get(i).device().name(), configs.get(i).image().path().toString(),
                    disks.get(i).counts(), i < problems.size() ? problems.get(i) : ""));
        }
        return all;
    }

    /** Makes everything durable and closes the images; what goes wrong is in {@link #results}. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        detach();
        if (cdrom != null) {
            try {
                cdrom.close();
            } catch (IOException e) {
                LOG.warn("the disc could not be closed: {}", e.getMessage());
            }
        }
        for (VirtualDisk d : disks) {
            String problem = "";
            try {
                d.close();
            } catch (IOException e) {
                problem = "could not be closed: " + e.getMessage();
                LOG.warn("disk {} {}", d.device().name(), problem);
            }
            problems.add(problem);
        }
    }
}

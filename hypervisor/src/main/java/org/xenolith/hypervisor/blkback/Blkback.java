package org.xenolith.hypervisor.blkback;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.xenolith.devices.BlockBackend;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.xenbus.FrontendNodes;
import org.xenolith.hypervisor.xenbus.XenbusBackend;
import org.xenolith.hypervisor.xenbus.XenbusDevice;
import org.xenolith.hypervisor.xenbus.XenbusException;
import org.xenolith.hypervisor.xenbus.XenbusState;
import org.xenolith.hypervisor.xenstore.XenstoreClient;

/** The backend of one disk of one guest: what it offers, and its connection by the nodes of public/io/blkif.h. */
public final class Blkback implements XenbusBackend.Driver, AutoCloseable {
    /** Rings that a frontend may have. */
    static final int MAX_QUEUES = 4;
    /** Pages of a ring that a frontend may have, as a power of two; Linux's limit. */
    static final int MAX_RING_PAGE_ORDER = 4;

    private static final int VDISK_READONLY = 4;
    private static final int DISCARD_GRANULARITY = 4096;
    private static final long MAX_REF = 0xffff_ffffL;

    private final Host host;
    private final int domid;
    private final VirtualDisk disk;
    private final List<BlkQueue> queues = new ArrayList<>();
    private final XenbusBackend backend;

    /**
     * Gives a guest a disk. Its tree must be in the store.
     *
     * @param params what the backend's directory says of the image, for people
     */
    public Blkback(Host host, XenstoreClient store, Domain guest, VirtualDisk disk, String params) {
        this.host = host;
        this.domid = guest.domid();
        this.disk = disk;
        int number = disk.device().number();
        SortedMap<String, String> front = new TreeMap<>();
        front.put("virtual-device", Integer.toString(number));
        front.put("device-type", "disk");
        XenbusDevice device = new XenbusDevice("vbd", domid, number);
        device.create(store, front, description(disk, params));
        features(disk).forEach((key, value) -> store.write(device.backend() + "/" + key, value));
        backend = new XenbusBackend(store, device, this);
    }

    /** What the toolstack says of a disk. */
    private static SortedMap<String, String> description(VirtualDisk disk, String params) {
        SortedMap<String, String> n = new TreeMap<>();
        n.put("params", params);
        n.put("dev", disk.device().name());
        n.put("type", "file");
        n.put("mode", disk.readOnly() ? "r" : "w");
        n.put("device-type", "disk");
        n.put("removable", "0");
        n.put("bootable", "1");
        n.put("discard-enable", disk.readOnly() ? "0" : "1");
        return n;
    }

    /** How far the backend has come. */
    public XenbusState state() {
        return backend.state();
    }

    List<BlkQueue> queues() {
        return queues;
    }

    /** What the backend says of itself before a frontend looks. */
    private static SortedMap<String, String> features(VirtualDisk disk) {
        String writable = disk.readOnly() ? "0" : "1";
        SortedMap<String, String> n = new TreeMap<>();
        n.put("max-ring-page-order", Integer.toString(MAX_RING_PAGE_ORDER));
        n.put("multi-queue-max-queues", Integer.toString(MAX_QUEUES));
        n.put("feature-max-indirect-segments", Integer.toString(BlkRequest.MAX_SEGMENTS));
        n.put("feature-persistent", "1");
        n.put("feature-flush-cache", "1");
        n.put("feature-barrier", "1");
        n.put("feature-discard", writable);
        n.put("discard-granularity", Integer.toString(DISCARD_GRANULARITY));
        n.put("discard-alignment", "0");
        n.put("discard-secure", writable);
        n.put("sectors", Long.toString(disk.sectors()));
        n.put("sector-size", Integer.toString(BlockBackend.SECTOR));
        n.put("physical-sector-size", Integer.toString(BlockBackend.SECTOR));
        n.put("info", Integer.toString(disk.readOnly() ? VDISK_READONLY : 0));
        n.put("hotplug-status", "connected");
        return n;
    }

    @Override
    public void connect(FrontendNodes frontend) throws XenbusException {
        BlkifAbi abi = BlkifAbi.of(frontend.text("protocol"));
        if (abi == null) {
            throw new XenbusException("protocol is not one that this backend speaks");
        }
        int count = (int) frontend.number("multi-queue-num-queues", 1, MAX_QUEUES, 1);
        boolean persistent = frontend.feature("feature-persistent");
        boolean connected = false;
        try {
            for (int i = 0; i < count; i++) {
                String prefix = count == 1 ? "" : "queue-" + i + "/";
                List<Integer> refs = ringRefs(frontend, prefix);
                int port = (int) frontend.number(prefix + "event-channel", 0, Integer.MAX_VALUE);
                queues.add(new BlkQueue(host, domid, disk, abi, refs, port, persistent));
            }
            connected = true;
        } finally {
            if (!connected) {
                disconnect();
            }
        }
    }

    private static List<Integer> ringRefs(FrontendNodes frontend, String prefix) throws XenbusException {
        List<Integer> refs = new ArrayList<>();
        int pages = 1 << frontend.number("ring-page-order", 0, MAX_RING_PAGE_ORDER, 0);
        // a ring of one page has the plain name as a rule, but some frontends number it
        if (pages == 1 && frontend.text(prefix + "ring-ref0").isEmpty()) {
            refs.add((int) frontend.number(prefix + "ring-ref", 0, MAX_REF));
            return refs;
        }
        for (int i = 0; i < pages; i++) {
            refs.add((int) frontend.number(prefix + "ring-ref" + i, 0, MAX_REF));
        }
        return refs;
    }

    @Override
    public void disconnect() {
        queues.forEach(BlkQueue::close);
        queues.clear();
    }

    /** Takes the disk away from the guest; the disk itself stays open. */
    @Override
    public void close() {
        backend.close();
    }
}

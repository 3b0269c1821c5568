package org.xenolith.hypervisor.xenstore;

import java.util.List;
import java.util.UUID;

/**
 * The part of the tree that belongs to a domain, laid out as xl and libxl of Xen 4.17 do
 * (docs/misc/xenstore-paths.pandoc).
 */
public final class DomainTree {
    private static final int CONSOLE_LIMIT = 1_048_576;
    private static final String XENBUS_STATE_INITIALISING = "1";

    private DomainTree() {
    }

    /** Home of a domain: {@code /local/domain/<domid>}. */
    public static String home(int domid) {
        return Paths.ofDomain(domid);
    }

    /** Writes what Xen's start scripts write for the control domain itself. */
    public static void createControlDomain(XenstoreClient client) {
        String home = home(Xenstored.CONTROL_DOMID);
        client.inTransaction(t -> {
            t.write(home + "/domid", "0");
            t.write(home + "/name", "Domain-0");
            t.mkdir("/vm");
            t.mkdir("/libxl");
        });
    }

    /**
     * Writes the tree of a new domain, replacing what an earlier domain of the same number left. The domain must exist
     * for {@link DomainAccess}, and is to be introduced afterwards.
     */
    public static void create(XenstoreClient client, GuestDescription guest) {
        client.inTransaction(t -> {
            createHome(t, guest);
            createConsole(t, guest);
            describe(t, guest);
        });
    }

    /** Removes the tree of a domain that has ended. */
    public static void remove(XenstoreClient client, int domid, UUID uuid) {
        client.inTransaction(t -> {
            t.rmIfExists(home(domid));
            t.rmIfExists("/vm/" + uuid);
            t.rmIfExists("/libxl/" + domid);
            t.rmIfExists(backend("console", domid));
        });
    }

    private static String backend(String kind, int domid) {
        return home(Xenstored.CONTROL_DOMID) + "/backend/" + kind + "/" + domid;
    }

    private static void createHome(XenstoreTransaction t, GuestDescription guest) {
        int domid = guest.domid();
        List<NodePermission> closed = List.of(NodePermission.none(Xenstored.CONTROL_DOMID));
        List<NodePermission> readable = List.of(NodePermission.none(Xenstored.CONTROL_DOMID),
                NodePermission.read(domid));
        List<NodePermission> owned = List.of(NodePermission.none(domid));
        String home = home(domid);
        String vm = "/vm/" + guest.uuid();
        String libxl = "/libxl/" + domid;

        recreate(t, home, readable);
        recreate(t, vm, readable);
        recreate(t, libxl, closed);
        create(t, libxl + "/device", closed);

        t.write(home + "/vm", vm);
        t.write(home + "/name", guest.name());
        for (String name : List.of("cpu", "memory", "device")) {
            create(t, home + "/" + name, readable);
        }
        create(t, home + "/device/suspend/event-channel", owned);
        create(t, home + "/control", readable);
        if (guest.type().equals("hvm")) {
            create(t, home + "/hvmloader", readable);
        }
        for (String name : List.of("shutdown", "feature-poweroff", "feature-reboot", "feature-suspend")) {
            create(t, home + "/control/" + name, owned);
        }
        if (guest.type().equals("hvm")) {
            create(t, home + "/control/feature-s3", owned);
            create(t, home + "/control/feature-s4", owned);
        }
        create(t, home + "/control/sysrq", owned);
        for (String name : List.of("data", "drivers", "feature", "attr", "error")) {
            create(t, home + "/" + name, owned);
        }
        t.write(vm + "/uuid", guest.uuid().toString());
        t.write(vm + "/name", guest.name());
        t.write(home + "/control/platform-feature-multiprocessor-suspend", "1");
        t.write(home + "/control/platform-feature-xs_reset_watches", "1");
        t.write(libxl + "/type", guest.type());
    }

    private static void describe(XenstoreTransaction t, GuestDescription guest) {
        String home = home(guest.domid());
        t.write(home + "/memory/static-max", guest.memoryMaxKib());
        t.write(home + "/memory/target", guest.memoryTargetKib());
        t.write(home + "/memory/videoram", guest.videoKib());
        t.write(home + "/domid", guest.domid());
        t.write(home + "/store/port", guest.store().port());
        t.write(home + "/store/ring-ref", guest.store().gfn());
        for (int i = 0; i < guest.vcpusMax(); i++) {
            t.write(home + "/cpu/" + i + "/availability", i < guest.vcpusOnline() ? "online" : "offline");
        }
    }

    /** The primary console has its front end directly under the home, and the guest may only read it. */
    private static void createConsole(XenstoreTransaction t, GuestDescription guest) {
        int domid = guest.domid();
        String front = home(domid) + "/console";
        String back = backend("console", domid) + "/0";
        String libxl = "/libxl/" + domid + "/device/console/0";
        GuestDescription.Console console = guest.console();
        List<NodePermission> readable = List.of(NodePermission.none(Xenstored.CONTROL_DOMID),
                NodePermission.read(domid));

        t.write(libxl + "/frontend", front);
        t.write(libxl + "/backend", back);
        recreate(t, front, readable);
        t.write(front + "/backend", back);
        t.write(front + "/backend-id", Xenstored.CONTROL_DOMID);
        // The one entry of the primary console that belongs to the guest.
        t.setPermissions(front + "/backend-id",
                List.of(NodePermission.none(domid), NodePermission.read(Xenstored.CONTROL_DOMID)));
        t.write(front + "/limit", CONSOLE_LIMIT);
        t.write(front + "/type", "xenconsoled");
        t.write(front + "/output", console.output());
        t.write(front + "/tty", console.tty());
        t.write(front + "/port", console.ring().port());
        t.write(front + "/ring-ref", console.ring().gfn());

        recreate(t, back, readable);
        t.write(back + "/frontend", front);
        for (String place : List.of(back, libxl)) {
            t.write(place + "/frontend-id", domid);
            t.write(place + "/online", "1");
            t.write(place + "/state", XENBUS_STATE_INITIALISING);
            t.write(place + "/protocol", "vt100");
        }
    }

    private static void recreate(XenstoreTransaction t, String path, List<NodePermission> permissions) {
        t.rmIfExists(path);
        create(t, path, permissions);
    }

    private static void create(XenstoreTransaction t, String path, List<NodePermission> permissions) {
        t.mkdir(path);
        t.setPermissions(path, permissions);
    }
}

package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The tree that the toolstack writes for a domain, as the domain itself sees it. */
class DomainTreeTest {
    private static final UUID ID = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");

    private final FakeDomains domains = new FakeDomains();
    private final Xenstored daemon = new Xenstored(domains);
    private final XenstoreClient dom0 = daemon.client();

    private GuestDescription guest(int domid) {
        domains.add(domid);
        return new GuestDescription(domid, "debian", ID, "pvh", 4, 2, 524288, 524288, 0,
                new GuestDescription.Ring(0xfeffc, 1),
                new GuestDescription.Console(new GuestDescription.Ring(0xfefff, 2), "pty", "/dev/pts/3"));
    }

    @Test
    void a_pvh_guest_finds_what_its_drivers_look_for() {
        DomainTree.createControlDomain(dom0);
        DomainTree.create(dom0, guest(3));
        XenstoreClient client = daemon.client(3);
        assertEquals(Optional.of("/vm/" + ID), client.read("vm"));
        assertEquals(Optional.of("debian"), client.read("name"));
        assertEquals(Optional.of("3"), client.read("domid"));
        assertEquals(List.of("online", "online", "offline", "offline"), Stream.of(0, 1, 2, 3)
                .map(i -> client.read("cpu/" + i + "/availability").orElseThrow()).toList());
        assertEquals(Optional.of("524288"), client.read("memory/target"));
        assertEquals(Optional.of("524288"), client.read("memory/static-max"));
        assertEquals(Optional.of("0"), client.read("memory/videoram"));
        assertEquals(Optional.of("1"), client.read("control/platform-feature-xs_reset_watches"));
        assertEquals(Optional.of("1"), client.read("control/platform-feature-multiprocessor-suspend"));
        assertEquals(Optional.of("1"), client.read("store/port"));
        assertEquals(Optional.of(Integer.toString(0xfeffc)), client.read("store/ring-ref"));
        assertEquals(Optional.of("2"), client.read("console/port"));
        assertEquals(Optional.of(Integer.toString(0xfefff)), client.read("console/ring-ref"));
        assertEquals(Optional.of("xenconsoled"), client.read("console/type"));
        assertEquals(Optional.of("1048576"), client.read("console/limit"));
        assertEquals(Optional.of("/dev/pts/3"), client.read("console/tty"));
        assertEquals(Optional.of("debian"), client.read("/vm/" + ID + "/name"));
        assertEquals(List.of("suspend"), client.list("device"));
        assertEquals(List.of("vm", "name", "cpu", "memory", "device", "control", "data", "drivers", "feature", "attr",
                "error", "console", "domid", "store"), client.list("/local/domain/3"));
    }

    @Test
    void a_guest_may_write_where_it_reports_and_nowhere_else() {
        DomainTree.create(dom0, guest(3));
        XenstoreClient client = daemon.client(3);
        for (String path : List.of("control/shutdown", "control/sysrq", "control/feature-suspend", "data/x", "attr/os",
                "feature/f", "drivers/0", "error/device", "device/suspend/event-channel")) {
            client.write(path, "1");
        }
        for (String path : List.of("name", "domid", "vm", "memory/target", "cpu/0/availability", "console/tty",
                "store/port", "new", "control/new", "/vm/" + ID + "/name", "/libxl/3/type", "device/vbd/0")) {
            XenstoreException e = assertThrows(XenstoreException.class, () -> client.write(path, "1"), path);
            assertEquals(XsError.EACCES, e.error(), path);
        }
        assertEquals(XsError.EACCES,
                assertThrows(XenstoreException.class, () -> client.read("/libxl/3/type")).error());
    }

    @Test
    void guests_see_nothing_of_each_other() {
        DomainTree.create(dom0, guest(3));
        DomainTree.create(dom0, guest(4));
        XenstoreClient client = daemon.client(4);
        for (String path : List.of("/local/domain/3", "/local/domain/3/name", "/local/domain/3/console/tty",
                "/local/domain/3/data", "/local/domain")) {
            assertEquals(XsError.EACCES,
                    assertThrows(XenstoreException.class, () -> client.list(path), path).error());
        }
    }

    @Test
    void creating_again_replaces_and_removing_leaves_nothing() {
        DomainTree.createControlDomain(dom0);
        int before = daemon.nodeCount();
        DomainTree.create(dom0, guest(3));
        int once = daemon.nodeCount();
        dom0.write("/local/domain/3/data/left", "over");
        DomainTree.create(dom0, guest(3));
        assertEquals(once, daemon.nodeCount());
        DomainTree.remove(dom0, 3, ID);
        // What stays are the directories for all domains: /local/domain/0/backend and .../console.
        assertEquals(before + 2, daemon.nodeCount());
    }

    @Test
    void descriptions_are_checked() {
        GuestDescription.Ring ring = new GuestDescription.Ring(1, 1);
        GuestDescription.Console console = new GuestDescription.Console(ring, "pty", "");
        assertThrows(IllegalArgumentException.class,
                () -> new GuestDescription(0, "x", ID, "pvh", 1, 1, 1, 1, 0, ring, console));
        assertThrows(IllegalArgumentException.class,
                () -> new GuestDescription(1, "x", ID, "pvh", 1, 2, 1, 1, 0, ring, console));
    }
}

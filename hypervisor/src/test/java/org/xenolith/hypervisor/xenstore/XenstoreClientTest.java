package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The client for services inside the process. */
class XenstoreClientTest {
    private final FakeDomains domains = new FakeDomains();
    private Xenstored daemon;
    private XenstoreClient client;

    @BeforeEach
    void start() {
        domains.add(1);
        daemon = new Xenstored(domains);
        client = daemon.client();
    }

    @Test
    void reading_and_writing() {
        client.write("/a/text", "gr\u00fc\u00df");
        client.write("/a/number", 42);
        client.write("/a/bytes", new byte[]{0, 1, 2});
        client.mkdir("/a/dir");
        assertEquals(Optional.of("gr\u00fc\u00df"), client.read("/a/text"));
        assertEquals(Optional.of("42"), client.read("/a/number"));
        assertArrayEquals(new byte[]{0, 1, 2}, client.readBytes("/a/bytes").orElseThrow());
        assertEquals(List.of("text", "number", "bytes", "dir"), client.list("/a"));
        client.rm("/a/text");
        assertFalse(client.exists("/a/text"));
        assertEquals(Optional.empty(), client.read("/none/none"));
        assertEquals(List.of(), client.list("/none/none"));
        client.rmIfExists("/none/none");
    }

    @Test
    void errors_name_the_request() {
        XenstoreException e = assertThrows(XenstoreException.class, () -> client.rm("/none/none"));
        assertEquals(XsError.ENOENT, e.error());
        assertTrue(e.getMessage().contains("rm /none/none"));
        assertEquals(XsError.EINVAL,
                assertThrows(XenstoreException.class, () -> client.write("/a b", "x")).error());
        assertEquals(XsError.E2BIG,
                assertThrows(XenstoreException.class, () -> client.write("/a", new byte[5000])).error());
        assertEquals(XsError.EACCES,
                assertThrows(XenstoreException.class, () -> daemon.client(1).read("/tool")).error());
    }

    @Test
    void permissions_are_set_and_read() {
        client.write("/p", "x");
        client.setPermissions("/p", List.of(NodePermission.none(0), NodePermission.read(1), NodePermission.both(1),
                NodePermission.write(1)));
        assertEquals(List.of("n0", "r1", "b1", "w1"),
                client.permissions("/p").stream().map(NodePermission::toWire).toList());
        assertEquals(Optional.of("x"), daemon.client(1).read("/p"));
    }

    @Test
    void long_directories_are_listed_whole() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            names.add("some-child-" + i);
            client.mkdir("/long/some-child-" + i);
        }
        assertEquals(names, client.list("/long"));
    }

    @Test
    void watches_call_back_at_once_and_on_changes_until_closed() {
        List<String> seen = new ArrayList<>();
        XenstoreClient.Registration watch = client.watch("/w", seen::add);
        assertEquals(List.of("/w"), seen);
        client.write("/w/x", "1");
        daemon.client().write("/w/y", "1");
        assertEquals(List.of("/w", "/w/x", "/w/y"), seen);
        watch.close();
        watch.close();
        client.write("/w/z", "1");
        assertEquals(3, seen.size());
    }

    @Test
    void callbacks_may_use_the_client_and_never_nest() {
        List<String> order = new ArrayList<>();
        XenstoreClient other = daemon.client();
        other.watch("/state", path -> {
            order.add("begin " + other.read("/state").orElse("none"));
            if (other.read("/state").equals(Optional.of("1"))) {
                other.write("/answer", "2");
                other.write("/state", "2");
            }
            order.add("end");
        });
        client.watch("/answer", path -> order.add("answer " + client.read("/answer").orElse("none")));
        order.clear();
        client.write("/state", "1");
        order.add("returned");
        assertEquals(List.of("begin 1", "end", "begin 2", "end", "answer 2", "returned"), order);
    }

    @Test
    void a_callback_may_close_its_watch() {
        List<String> seen = new ArrayList<>();
        XenstoreClient.Registration[] own = new XenstoreClient.Registration[1];
        own[0] = client.watch("/once", path -> {
            seen.add(path);
            if (own[0] != null) {
                own[0].close();
            }
        });
        client.write("/once/a", "");
        client.write("/once/b", "");
        assertEquals(List.of("/once", "/once/a"), seen);
    }

    @Test
    void a_callback_that_throws_does_not_stop_the_daemon() {
        client.watch("/t", path -> {
            if (path.equals("/t/bad")) {
                throw new IllegalStateException("mine");
            }
        });
        assertThrows(IllegalStateException.class, () -> client.write("/t/bad", ""));
        List<String> seen = new ArrayList<>();
        client.watch("/t", seen::add);
        client.write("/t/good", "");
        assertEquals(List.of("/t", "/t/good"), seen);
    }

    @Test
    void transactions_commit_or_vanish() {
        int value = client.transaction(t -> {
            t.write("/x/a", "1");
            assertFalse(client.exists("/x/a"));
            return t.list("/x").size();
        });
        assertEquals(1, value);
        assertTrue(client.exists("/x/a"));
        assertThrows(IllegalStateException.class, () -> client.inTransaction(t -> {
            t.write("/x/b", "1");
            throw new IllegalStateException("no");
        }));
        assertFalse(client.exists("/x/b"));
    }

    @Test
    void a_conflict_runs_the_transaction_again() {
        client.write("/counter", "0");
        int[] runs = {0};
        client.inTransaction(t -> {
            int value = Integer.parseInt(t.read("/counter").orElseThrow());
            if (runs[0]++ == 0) {
                daemon.client().write("/counter", "10");
            }
            t.write("/counter", value + 1);
        });
        assertEquals(2, runs[0]);
        assertEquals(Optional.of("11"), client.read("/counter"));
    }

    @Test
    void a_transaction_that_never_fits_ends_with_eagain() {
        client.write("/counter", "0");
        XenstoreException e = assertThrows(XenstoreException.class, () -> client.inTransaction(t -> {
            t.write("/counter", "1");
            client.write("/counter", "2");
        }));
        assertEquals(XsError.EAGAIN, e.error());
    }

    @Test
    void a_closed_client_is_silent() {
        List<String> seen = new ArrayList<>();
        XenstoreClient other = daemon.client();
        other.watch("/c", seen::add);
        other.close();
        client.write("/c", "");
        assertEquals(List.of("/c"), seen);
        assertThrows(IllegalStateException.class, () -> other.read("/c"));
    }
}

package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** WATCH, UNWATCH, RESET_WATCHES and which changes cause which events in which order. */
class WatchTest {
    private final FakeDomains domains = new FakeDomains();
    private Xenstored daemon;
    private RawClient dom0;
    private RawClient dom1;
    private RawClient dom2;

    @BeforeEach
    void start() {
        daemon = new Xenstored(domains);
        domains.add(1);
        domains.add(2);
        dom0 = new RawClient(daemon, 0);
        dom1 = new RawClient(daemon, 1);
        dom2 = new RawClient(daemon, 2);
        for (int domid = 1; domid <= 2; domid++) {
            dom0.mkdir("/local/domain/" + domid);
            dom0.perms("/local/domain/" + domid, "n" + domid + "|");
        }
    }

    private void watchQuietly(RawClient client, String path, String token) {
        assertEquals("OK|", client.watch(path, token));
        assertEquals(List.of(path + " " + token), client.events());
    }

    @Test
    void a_new_watch_fires_once_even_for_a_missing_path() {
        watchQuietly(dom0, "/nowhere/at/all", "t");
        watchQuietly(dom1, "relative", "t");
        watchQuietly(dom1, "@releaseDomain", "t");
    }

    @Test
    void writing_fires_watches_of_the_node_and_its_ancestors_only() {
        watchQuietly(dom0, "/", "root");
        watchQuietly(dom0, "/a", "a");
        watchQuietly(dom0, "/a/b", "ab");
        watchQuietly(dom0, "/a/b/c", "abc");
        watchQuietly(dom0, "/a/bb", "sibling");
        dom0.write("/a/b", "1");
        assertEquals(List.of("/a/b root", "/a/b a", "/a/b ab"), dom0.events());
    }

    @Test
    void creating_with_parents_is_one_event_for_the_path_named() {
        watchQuietly(dom0, "/p", "t");
        dom0.write("/p/q/r", "1");
        assertEquals(List.of("/p/q/r t"), dom0.events());
        dom0.mkdir("/p/m/n");
        assertEquals(List.of("/p/m/n t"), dom0.events());
        dom0.mkdir("/p/m/n");
        assertEquals(List.of(), dom0.events());
    }

    @Test
    void removing_tells_watches_below_of_their_own_path_and_those_above_of_the_root_removed() {
        dom0.write("/r/a/b", "1");
        dom0.write("/r/c", "1");
        watchQuietly(dom0, "/", "top");
        watchQuietly(dom0, "/r/a/b", "b");
        watchQuietly(dom0, "/r/a", "a");
        watchQuietly(dom0, "/r/c", "c");
        watchQuietly(dom0, "/r/none", "none");
        dom0.rm("/r");
        assertEquals(List.of("/r/a/b b", "/r/a a", "/r/c c", "/r top"), dom0.events());
    }

    @Test
    void a_change_of_permissions_fires() {
        dom1.write("n", "1");
        watchQuietly(dom1, "n", "t");
        dom1.perms("n", "n1|r2|");
        assertEquals(List.of("n t"), dom1.events());
    }

    @Test
    void a_client_that_loses_its_right_to_read_learns_of_that() {
        dom1.write("n", "1");
        dom1.perms("n", "n1|r2|");
        watchQuietly(dom2, "/local/domain/1/n", "t");
        dom1.perms("n", "n1|");
        assertEquals(List.of("/local/domain/1/n t"), dom2.events());
        dom1.write("n", "2");
        assertEquals(List.of(), dom2.events());
    }

    @Test
    void a_client_does_not_learn_of_nodes_that_it_cannot_read() {
        watchQuietly(dom2, "/local/domain/1", "t");
        dom1.write("private", "1");
        assertEquals(List.of(), dom2.events());
        dom1.perms("/local/domain/1", "n1|r2|");
        assertEquals(List.of("/local/domain/1 t"), dom2.events());
        // The node itself stays unreadable, but its parent is not.
        dom1.write("private", "2");
        assertEquals(List.of("/local/domain/1/private t"), dom2.events());
    }

    @Test
    void relative_watches_get_relative_paths() {
        watchQuietly(dom1, "dev", "rel");
        watchQuietly(dom1, "/local/domain/1/dev", "abs");
        dom1.write("dev/0", "1");
        assertEquals(List.of("dev/0 rel", "/local/domain/1/dev/0 abs"), dom1.events());
    }

    @Test
    void equal_events_that_still_wait_are_not_repeated() {
        watchQuietly(dom0, "/n", "t");
        dom1.events();
        dom0.write("/n", "1");
        dom0.write("/n", "2");
        dom0.write("/n/x", "3");
        dom0.write("/n", "4");
        assertEquals(List.of("/n t", "/n/x t"), dom0.events());
        dom0.write("/n", "5");
        assertEquals(List.of("/n t"), dom0.events());
    }

    @Test
    void a_watch_exists_once_for_path_and_token() {
        watchQuietly(dom1, "n", "t");
        assertEquals("!EEXIST", dom1.watch("n", "t"));
        assertEquals("!EEXIST", dom1.watch("/local/domain/1/n", "t"));
        assertEquals("OK|", dom1.watch("n", "u"));
    }

    @Test
    void unwatch_needs_path_and_token() {
        watchQuietly(dom0, "/n", "t");
        assertEquals("!ENOENT", dom0.call(XsWire.XS_UNWATCH, "/n|u|"));
        assertEquals("!ENOENT", dom0.call(XsWire.XS_UNWATCH, "/m|t|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_UNWATCH, "/n|"));
        assertEquals("OK|", dom0.call(XsWire.XS_UNWATCH, "/n|t|"));
        dom0.write("/n", "1");
        assertEquals(List.of(), dom0.events());
    }

    @Test
    void malformed_watches_are_invalid() {
        assertEquals("!EINVAL", dom1.call(XsWire.XS_WATCH, "n|"));
        assertEquals("!EINVAL", dom1.call(XsWire.XS_WATCH, "n|t|1|"));
        assertEquals("!EINVAL", dom1.call(XsWire.XS_WATCH, "n n|t|"));
        assertEquals("!EINVAL", dom1.call(XsWire.XS_WATCH, "|t|"));
    }

    @Test
    void watches_ignore_the_transaction_they_are_sent_in() {
        assertEquals("OK|", dom0.call(XsWire.XS_WATCH, 4711, "/n|t|"));
        assertEquals("OK|", dom0.call(XsWire.XS_UNWATCH, 4711, "/n|t|"));
    }

    @Test
    void reset_forgets_watches_and_transactions() {
        watchQuietly(dom1, "n", "t");
        int transaction = dom1.begin();
        assertEquals("OK|", dom1.call(XsWire.XS_RESET_WATCHES, "|"));
        dom1.write("n", "1");
        assertEquals(List.of(), dom1.events());
        assertEquals("!ENOENT", dom1.end(transaction, true));
        assertEquals("OK|", dom1.watch("n", "t"));
    }

    @Test
    void the_watch_quota_holds_for_domains_only() {
        for (int i = 0; i < 128; i++) {
            assertEquals("OK|", dom1.watch("n" + i, "t"));
        }
        assertEquals("!E2BIG", dom1.watch("one-more", "t"));
        assertEquals("OK|", dom1.call(XsWire.XS_UNWATCH, "n5|t|"));
        assertEquals("OK|", dom1.watch("one-more", "t"));
        for (int i = 0; i < 300; i++) {
            assertEquals("OK|", dom0.watch("/n" + i, "t"));
        }
    }

    @Test
    void events_that_nobody_fetches_are_bounded_by_memory() {
        Xenstored small = new Xenstored(domains, new Quotas(1000, 2048, 128, 10, 1024, 20, 5, 2048, 65536));
        RawClient root = new RawClient(small, 0);
        root.mkdir("/open");
        root.perms("/open", "r0|");
        RawClient lazy = new RawClient(small, 1);
        lazy.watch("/open", "t");
        for (int i = 0; i < 5000; i++) {
            root.write("/open/" + i, "");
        }
        int waiting = lazy.events().size();
        assertTrue(waiting > 1000 && waiting < 3000, "waiting " + waiting);
        root.write("/open/last", "");
        assertEquals(List.of("/open/last t"), lazy.events());
    }

    @Test
    void events_too_long_for_a_message_are_not_sent() {
        assertEquals("OK|", dom0.watch("/", "t".repeat(4000)));
        dom0.events();
        dom0.write("/" + "p".repeat(200), "");
        assertEquals(List.of(), dom0.events());
        dom0.write("/p", "");
        assertEquals(1, dom0.events().size());
    }

    @Test
    void special_watches_fire_for_those_who_may_read_them() {
        watchQuietly(dom0, "@introduceDomain", "i");
        watchQuietly(dom0, "@releaseDomain", "r");
        watchQuietly(dom2, "@releaseDomain", "r");
        watchQuietly(dom2, "@introduceDomain", "i");
        assertEquals("OK|", dom0.call(XsWire.XS_INTRODUCE, "1|4097|1|"));
        assertEquals(List.of("@introduceDomain i"), dom0.events());
        assertEquals(List.of(), dom2.events());
        assertEquals("OK|", dom0.perms("@releaseDomain", "n0|r2|"));
        dom0.events();
        dom2.events();
        daemon.domainShutdown(1);
        assertEquals(List.of("@releaseDomain r"), dom0.events());
        assertEquals(List.of("@releaseDomain r"), dom2.events());
        daemon.domainShutdown(1);
        assertEquals(List.of(), dom0.events());
        assertEquals("OK|", dom0.call(XsWire.XS_RESUME, "1|"));
        daemon.domainShutdown(1);
        assertEquals(List.of("@releaseDomain r"), dom0.events());
        assertEquals("OK|", dom0.call(XsWire.XS_RELEASE, "1|"));
        assertEquals(List.of("@releaseDomain r"), dom0.events());
    }
}

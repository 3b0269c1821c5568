package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** TRANSACTION_START and TRANSACTION_END: isolation, conflicts, events and quotas. */
class TransactionTest {
    private final FakeDomains domains = new FakeDomains();
    private Xenstored daemon;
    private RawClient dom0;
    private RawClient dom1;

    @BeforeEach
    void start() {
        daemon = new Xenstored(domains);
        domains.add(1);
        dom0 = new RawClient(daemon, 0);
        dom1 = new RawClient(daemon, 1);
        dom0.mkdir("/local/domain/1");
        dom0.perms("/local/domain/1", "n1|");
        dom0.write("/n", "old");
    }

    @Test
    void changes_are_seen_inside_at_once_and_outside_after_the_commit() {
        int t = dom0.begin();
        dom0.write(t, "/n", "new");
        dom0.write(t, "/sub/x", "1");
        assertEquals("new", dom0.read(t, "/n"));
        assertEquals("x|", dom0.call(XsWire.XS_DIRECTORY, t, "/sub|"));
        assertEquals("old", dom0.read("/n"));
        assertEquals("!ENOENT", dom0.read("/sub"));
        assertEquals("OK|", dom0.end(t, true));
        assertEquals("new", dom0.read("/n"));
        assertEquals("1", dom0.read("/sub/x"));
    }

    @Test
    void an_aborted_transaction_leaves_no_trace() {
        int nodes = daemon.nodeCount();
        int t = dom0.begin();
        dom0.write(t, "/n", "new");
        dom0.write(t, "/sub/x", "1");
        dom0.call(XsWire.XS_RM, t, "/tool|");
        assertEquals("OK|", dom0.end(t, false));
        assertEquals("old", dom0.read("/n"));
        assertEquals(nodes, daemon.nodeCount());
    }

    @Test
    void a_write_to_something_read_conflicts() {
        int t = dom0.begin();
        dom0.read(t, "/n");
        dom0.write(t, "/other", "1");
        dom1.events();
        dom0.write("/n", "meanwhile");
        assertEquals("!EAGAIN", dom0.end(t, true));
        assertEquals("!ENOENT", dom0.read("/other"));
        assertEquals("!ENOENT", dom0.end(t, true));
    }

    @Test
    void two_writers_of_one_node_conflict_and_the_first_wins() {
        int a = dom0.begin();
        int b = dom0.begin();
        dom0.write(a, "/n", "a");
        dom0.write(b, "/n", "b");
        assertEquals("OK|", dom0.end(a, true));
        assertEquals("!EAGAIN", dom0.end(b, true));
        assertEquals("a", dom0.read("/n"));
    }

    @Test
    void looking_for_a_node_that_then_appears_conflicts() {
        int t = dom0.begin();
        assertEquals("!ENOENT", dom0.read(t, "/later"));
        dom0.write(t, "/own/x", "1");
        dom0.write("/later", "1");
        assertEquals("!EAGAIN", dom0.end(t, true));
    }

    @Test
    void removing_what_was_read_conflicts_even_if_it_comes_back() {
        int t = dom0.begin();
        dom0.read(t, "/n");
        dom0.rm("/n");
        dom0.write("/n", "old");
        assertEquals("!EAGAIN", dom0.end(t, true));
    }

    @Test
    void changes_elsewhere_do_not_conflict() {
        dom0.write("/a/x", "1");
        dom0.write("/b/y", "1");
        int t = dom0.begin();
        dom0.write(t, "/a/x", "2");
        dom0.write("/b/y", "2");
        assertEquals("OK|", dom0.end(t, true));
        assertEquals("2", dom0.read("/a/x"));
    }

    @Test
    void removal_and_creation_of_the_same_path_inside_work() {
        dom0.write("/d/old", "1");
        int t = dom0.begin();
        assertEquals("OK|", dom0.call(XsWire.XS_RM, t, "/d|"));
        assertEquals("!ENOENT", dom0.read(t, "/d/old"));
        dom0.write(t, "/d/new", "2");
        dom0.write(t, "/gone/x", "1");
        assertEquals("OK|", dom0.call(XsWire.XS_RM, t, "/gone|"));
        assertEquals("OK|", dom0.end(t, true));
        assertEquals("new|", dom0.list("/d"));
        assertEquals("!ENOENT", dom0.read("/gone"));
    }

    @Test
    void events_come_at_the_commit_in_the_order_of_first_touch() {
        dom0.watch("/", "t");
        dom0.events();
        int t = dom0.begin();
        dom0.write(t, "/b", "1");
        dom0.write(t, "/a", "1");
        dom0.call(XsWire.XS_RM, t, "/n|");
        dom0.write(t, "/b", "2");
        assertEquals(List.of(), dom0.events());
        dom0.end(t, true);
        assertEquals(List.of("/b t", "/a t", "/n t"), dom0.events());
        int aborted = dom0.begin();
        dom0.write(aborted, "/c", "1");
        dom0.end(aborted, false);
        assertEquals(List.of(), dom0.events());
    }

    @Test
    void ends_need_a_transaction_and_a_decision() {
        assertEquals("!ENOENT", dom0.end(0, true));
        int t = dom0.begin();
        assertEquals("!EINVAL", dom0.call(XsWire.XS_TRANSACTION_END, t, "X|"));
        assertEquals("!EBUSY", dom0.call(XsWire.XS_TRANSACTION_START, t, "|"));
        assertEquals("OK|", dom0.end(t, true));
    }

    @Test
    void transactions_belong_to_their_client() {
        int t = dom0.begin();
        assertEquals("!ENOENT", dom1.end(t, true));
        assertEquals("OK|", dom0.end(t, true));
    }

    @Test
    void the_number_of_open_transactions_is_limited() {
        int first = dom1.begin();
        for (int i = 1; i < 10; i++) {
            dom1.begin();
        }
        assertEquals("!ENOSPC", dom1.call(XsWire.XS_TRANSACTION_START, "|"));
        dom1.end(first, false);
        assertTrue(dom1.begin() > 0);
        for (int i = 0; i < 50; i++) {
            dom0.begin();
        }
    }

    @Test
    void the_node_quota_holds_at_the_commit() {
        Xenstored small = new Xenstored(domains, new Quotas(10, 2048, 128, 10, 1024, 20, 5, 2048, 65536));
        RawClient root = new RawClient(small, 0);
        root.mkdir("/local/domain/1");
        root.perms("/local/domain/1", "n1|");
        RawClient client = new RawClient(small, 1);
        int a = client.begin();
        // The domain owns its home, "a" and eight below it.
        for (int i = 0; i < 8; i++) {
            assertEquals("OK|", client.write(a, "a/" + i, ""));
        }
        assertEquals("!ENOSPC", client.write(a, "a/more", ""));
        root.write("/local/domain/1/late", "");
        assertEquals("!ENOSPC", client.end(a, true));
        assertEquals("!ENOENT", client.read("a"));
    }

    @Test
    void touching_too_many_nodes_dooms_the_transaction() {
        int t = dom1.begin();
        String answer = "";
        for (int i = 0; i < 1100 && !answer.equals("!ENOSPC"); i++) {
            answer = dom1.read(t, "missing" + i);
        }
        assertEquals("!ENOSPC", answer);
        assertEquals("!ENOMEM", dom1.end(t, true));
    }

    @Test
    void a_transaction_gives_back_the_memory_it_held() {
        String before = dom0.call(XsWire.XS_CONTROL, "quota|1|");
        int t = dom1.begin();
        dom1.write(t, "x", "y".repeat(1000));
        assertTrue(!before.equals(dom0.call(XsWire.XS_CONTROL, "quota|1|")));
        dom1.end(t, false);
        assertEquals(before, dom0.call(XsWire.XS_CONTROL, "quota|1|"));
    }

    @Test
    void a_node_for_a_domain_that_vanished_meanwhile_is_not_created() {
        domains.add(5);
        int t = dom0.begin();
        dom0.call(XsWire.XS_MKDIR, t, "/five|");
        assertEquals("OK|", dom0.call(XsWire.XS_SET_PERMS, t, "/five|n5|"));
        domains.pages.remove(5);
        assertEquals("!EAGAIN", dom0.end(t, true));
    }
}

package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** READ, WRITE, MKDIR, RM, DIRECTORY, DIRECTORY_PART and the permissions, as docs/misc/xenstore.txt has them. */
class TreeRequestsTest {
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
        dom0.mkdir("/local/domain/1");
        dom0.perms("/local/domain/1", "n1|");
        dom0.mkdir("/local/domain/2");
        dom0.perms("/local/domain/2", "n2|");
    }

    @Test
    void a_new_tree_has_tool_xenstored_and_the_special_nodes() {
        Xenstored fresh = new Xenstored(domains);
        RawClient client = new RawClient(fresh, 0);
        assertEquals("tool|", client.list("/"));
        assertEquals("xenstored|", client.list("/tool"));
        assertEquals("n0|", client.call(XsWire.XS_GET_PERMS, "@releaseDomain|"));
        assertEquals(5, fresh.nodeCount());
    }

    @Test
    void write_creates_missing_parents_with_empty_values() {
        assertEquals("OK|", dom0.write("/a/b/c", "x"));
        assertEquals("x", dom0.read("/a/b/c"));
        assertEquals("", dom0.read("/a/b"));
        assertEquals("b|", dom0.list("/a"));
    }

    @Test
    void values_are_binary() {
        byte[] payload = {'/', 'v', 0, 1, 0, (byte) 0xff, 0};
        assertEquals("OK|", dom0.call(XsWire.XS_WRITE, 0, payload));
        assertEquals("\u0001|\u00ff|", dom0.read("/v"));
    }

    @Test
    void an_empty_value_is_a_value() {
        assertEquals("OK|", dom0.write("/v", ""));
        assertEquals("", dom0.read("/v"));
    }

    @Test
    void mkdir_leaves_an_existing_value_alone() {
        dom0.write("/d", "kept");
        assertEquals("OK|", dom0.mkdir("/d"));
        assertEquals("kept", dom0.read("/d"));
    }

    @Test
    void children_are_listed_in_the_order_of_their_creation() {
        dom0.write("/o/zebra", "");
        dom0.write("/o/ant", "");
        dom0.write("/o/mule", "");
        dom0.write("/o/ant", "again");
        assertEquals("zebra|ant|mule|", dom0.list("/o"));
        dom0.rm("/o/zebra");
        dom0.write("/o/zebra", "");
        assertEquals("ant|mule|zebra|", dom0.list("/o"));
    }

    @Test
    void rm_removes_the_whole_subtree() {
        dom0.write("/r/a/b", "1");
        dom0.write("/r/c", "2");
        int before = daemon.nodeCount();
        assertEquals("OK|", dom0.rm("/r"));
        assertEquals("!ENOENT", dom0.read("/r/a/b"));
        assertEquals("!ENOENT", dom0.read("/r"));
        assertEquals(before - 4, daemon.nodeCount());
    }

    @Test
    void rm_of_a_missing_node_succeeds_only_if_its_parent_exists() {
        dom0.mkdir("/p");
        assertEquals("OK|", dom0.rm("/p/none"));
        assertEquals("!ENOENT", dom0.rm("/none/none"));
    }

    @Test
    void the_root_cannot_be_removed() {
        assertEquals("!EINVAL", dom0.rm("/"));
    }

    @Test
    void malformed_paths_are_invalid() {
        for (String path : List.of("", "/a/", "/a//b", "//", "/a b", "/a.b", "/a\u00e9", "@introduceDomain", "a/")) {
            assertEquals("!EINVAL", dom0.read(path), path);
            assertEquals("!EINVAL", dom0.write(path, "x"), path);
            assertEquals("!EINVAL", dom0.rm(path), path);
        }
    }

    @Test
    void payloads_without_their_nul_or_with_too_many_are_invalid() {
        assertEquals("!EINVAL", dom0.call(XsWire.XS_READ, "/tool"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_READ, ""));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_READ, "/tool|/tool|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_WRITE, "/tool"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_SET_PERMS, "/tool|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_DIRECTORY_PART, "/tool|"));
    }

    @Test
    void relative_paths_are_below_the_home_of_the_caller() {
        assertEquals("OK|", dom1.write("data/x", "7"));
        assertEquals("7", dom0.read("/local/domain/1/data/x"));
        assertEquals("!EACCES", dom2.read("/local/domain/1/data/x"));
    }

    @Test
    void path_length_counts_from_the_home() {
        String longest = "a".repeat(2048);
        assertEquals("OK|", dom0.write("/local/domain/0/" + longest, "x"));
        assertEquals("!EINVAL", dom0.write("/local/domain/0/" + longest + "b", "x"));
        assertEquals("!EINVAL", dom0.write("/" + longest, "x"));
        assertEquals("OK|", dom0.write(longest.substring(1), "x"));
    }

    @Test
    void unknown_and_reply_types_are_not_implemented() {
        for (int type : new int[]{15, 16, 20, 23, 24, 25, 26, 65535, -1}) {
            assertEquals("!ENOSYS", dom0.call(type, "/tool|"), "type " + type);
        }
        assertEquals(9, daemon.unknownRequests());
    }

    @Test
    void an_unknown_transaction_does_not_exist() {
        assertEquals("!ENOENT", dom0.call(XsWire.XS_READ, 77, "/tool|"));
    }

    @Test
    void a_domain_cannot_read_private_nodes_of_another() {
        dom1.write("secret", "s");
        assertEquals("!EACCES", dom2.read("/local/domain/1/secret"));
        assertEquals("!EACCES", dom2.list("/local/domain/1"));
        assertEquals("!EACCES", dom2.call(XsWire.XS_GET_PERMS, "/local/domain/1/secret|"));
    }

    @Test
    void a_domain_cannot_change_nodes_of_another() {
        dom1.write("mine", "1");
        dom1.perms("mine", "r1|");
        assertEquals("1", dom2.read("/local/domain/1/mine"));
        assertEquals("!EACCES", dom2.write("/local/domain/1/mine", "2"));
        assertEquals("!EACCES", dom2.rm("/local/domain/1/mine"));
        assertEquals("!EACCES", dom2.mkdir("/local/domain/1/new"));
        assertEquals("!EACCES", dom2.perms("/local/domain/1/mine", "n2|"));
        assertEquals("!EACCES", dom2.write("/new", "2"));
    }

    @Test
    void without_rights_an_error_does_not_tell_whether_a_node_exists() {
        dom1.write("there", "1");
        assertEquals("!EACCES", dom2.read("/local/domain/1/there"));
        assertEquals("!EACCES", dom2.read("/local/domain/1/not-there"));
        assertEquals("!ENOENT", dom1.read("/local/domain/1/not-there"));
    }

    @Test
    void own_entries_come_before_the_rights_of_everybody() {
        dom1.write("n", "v");
        assertEquals("OK|", dom1.perms("n", "r1|n2|"));
        assertEquals("!EACCES", dom2.read("/local/domain/1/n"));
        assertEquals("OK|", dom1.perms("n", "n1|w2|"));
        assertEquals("!EACCES", dom2.read("/local/domain/1/n"));
        assertEquals("OK|", dom2.write("/local/domain/1/n", "w"));
        assertEquals("OK|", dom1.perms("n", "n1|b2|"));
        assertEquals("w", dom2.read("/local/domain/1/n"));
    }

    @Test
    void new_nodes_inherit_permissions_and_belong_to_their_creator() {
        dom1.perms("/local/domain/1", "n1|r2|");
        dom1.write("x/y", "1");
        assertEquals("n1|r2|", dom0.call(XsWire.XS_GET_PERMS, "/local/domain/1/x/y|"));
        dom0.write("/local/domain/1/from0", "1");
        assertEquals("n1|r2|", dom0.call(XsWire.XS_GET_PERMS, "/local/domain/1/from0|"));
        dom0.mkdir("/shared");
        dom0.perms("/shared", "b0|");
        dom2.write("/shared/z", "1");
        assertEquals("b2|", dom0.call(XsWire.XS_GET_PERMS, "/shared/z|"));
    }

    @Test
    void only_the_control_domain_gives_a_node_to_another_owner() {
        dom1.write("n", "v");
        assertEquals("!EPERM", dom1.perms("n", "n2|"));
        assertEquals("OK|", dom0.perms("/local/domain/1/n", "n2|"));
        assertEquals("!EACCES", dom1.read("n"));
        assertEquals("v", dom2.read("/local/domain/1/n"));
    }

    @Test
    void malformed_permissions_are_invalid() {
        dom1.write("n", "v");
        for (String bad : List.of("x1|", "r|", "1|", "r-1|", "r99999|", "r1x|", "|", "n1|q2|")) {
            assertEquals("!EINVAL", dom1.perms("n", bad), bad);
        }
    }

    @Test
    void a_node_cannot_be_given_to_a_domain_that_does_not_exist() {
        dom0.write("/n", "v");
        assertEquals("!ENOENT", dom0.perms("/n", "n9|"));
    }

    @Test
    void an_entry_for_a_missing_domain_grants_nothing_to_a_later_one() {
        dom0.write("/n", "v");
        assertEquals("OK|", dom0.perms("/n", "n0|r9|"));
        assertEquals("n0|r9|", dom0.call(XsWire.XS_GET_PERMS, "/n|"));
        domains.add(9);
        assertEquals("!EACCES", new RawClient(daemon, 9).read("/n"));
    }

    @Test
    void the_control_domain_may_do_everything() {
        dom1.write("n", "v");
        dom1.perms("n", "n1|");
        assertEquals("v", dom0.read("/local/domain/1/n"));
        assertEquals("OK|", dom0.write("/local/domain/1/n", "w"));
        assertEquals("OK|", dom0.rm("/local/domain/1/n"));
    }

    @Test
    void requests_of_the_toolstack_are_refused_to_others() {
        for (int type : new int[]{XsWire.XS_CONTROL, XsWire.XS_INTRODUCE, XsWire.XS_RELEASE, XsWire.XS_RESUME,
            XsWire.XS_SET_TARGET, XsWire.XS_IS_DOMAIN_INTRODUCED}) {
            assertEquals("!EACCES", dom1.call(type, "1|1|1|"), "type " + type);
        }
    }

    @Test
    void a_long_directory_is_read_in_parts() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 700; i++) {
            names.add("child-" + i);
            dom0.write("/big/child-" + i, "");
        }
        assertEquals("!E2BIG", dom0.list("/big"));
        StringBuilder all = new StringBuilder();
        String generation = null;
        int parts = 0;
        boolean end = false;
        while (!end) {
            String part = dom0.call(XsWire.XS_DIRECTORY_PART, "/big|" + all.length() + "|");
            assertTrue(part.length() <= XsWire.XENSTORE_PAYLOAD_MAX);
            String thisGeneration = part.substring(0, part.indexOf('|'));
            assertTrue(generation == null || generation.equals(thisGeneration));
            generation = thisGeneration;
            String rest = part.substring(part.indexOf('|') + 1);
            end = rest.endsWith("||") || rest.equals("|");
            all.append(end ? rest.substring(0, rest.length() - 1) : rest);
            parts++;
        }
        assertEquals(String.join("|", names) + "|", all.toString());
        assertTrue(parts > 1);
        dom0.write("/big/new", "");
        assertTrue(!dom0.call(XsWire.XS_DIRECTORY_PART, "/big|0|").startsWith(generation + "|"));
    }

    @Test
    void a_directory_part_beyond_the_end_is_empty() {
        for (String offset : List.of("99", "-1", "99999999999999999999")) {
            String part = dom0.call(XsWire.XS_DIRECTORY_PART, "/tool|" + offset + "|");
            assertTrue(part.matches("\\d+\\|\\|"), part);
        }
        assertTrue(dom0.call(XsWire.XS_DIRECTORY_PART, "/tool|0|").matches("\\d+\\|xenstored\\|\\|"));
    }

    @Test
    void node_quota_holds_and_leaves_nothing_half_done() {
        int created = 0;
        // A few directories, since the names in one directory count against its size.
        while (dom1.write("q" + created / 50 + "/" + created % 50, "").equals("OK|")) {
            created++;
        }
        assertEquals("!ENOSPC", dom1.write("more/and/more", "x"));
        assertEquals("!ENOENT", dom1.read("more"));
        assertEquals("1000", usage(1, "nodes"));
        assertEquals("OK|", dom2.write("fine", "x"));
        assertEquals("OK|", dom1.rm("q0/0"));
        assertEquals("OK|", dom1.write("one", "x"));
        assertEquals("!ENOSPC", dom1.write("two", "x"));
        assertEquals("OK|", dom0.write("/local/domain/1/two", "x"));
    }

    @Test
    void node_size_quota_counts_header_permissions_value_and_children() {
        int most = 2048 - 1 - 24 - 8;
        assertEquals("OK|", dom1.write("v", "x".repeat(most)));
        assertEquals("!ENOSPC", dom1.write("v", "x".repeat(most + 1)));
        assertEquals("!ENOSPC", dom1.write("w", "x".repeat(most + 1)));
        assertEquals("!ENOENT", dom1.read("w"));
        assertEquals("!ENOSPC", dom1.write("v/child", "x"));
        assertEquals("!ENOSPC", dom1.perms("v", "n1|r2|"));
        assertEquals(most, dom1.read("v").length());
        assertEquals("OK|", dom0.write("/v", "x".repeat(4000)));
    }

    @Test
    void permission_quota_holds_for_domains_only() {
        dom1.write("n", "v");
        assertEquals("OK|", dom1.perms("n", "n1|r0|r0|r0|r0|"));
        assertEquals("!ENOSPC", dom1.perms("n", "n1|r0|r0|r0|r0|r0|"));
        assertEquals("OK|", dom0.perms("/local/domain/1/n", "n1|r0|r0|r0|r0|r0|"));
    }

    @Test
    void memory_quota_stops_a_domain_that_fills_its_nodes() {
        Xenstored small = new Xenstored(domains, new Quotas(1000, 2048, 128, 10, 1024, 20, 5, 2048, 65536));
        RawClient root = new RawClient(small, 0);
        root.mkdir("/local/domain/1");
        root.perms("/local/domain/1", "n1|");
        RawClient client = new RawClient(small, 1);
        String answer = "OK|";
        int count = 0;
        while (answer.equals("OK|")) {
            answer = client.write("n" + count++, "x".repeat(1900));
        }
        assertEquals("!ENOMEM", answer);
        assertTrue(count > 20 && count < 40, "nodes " + count);
        assertEquals("OK|", client.rm("n0"));
        assertEquals("OK|", client.write("n0", "y"));
    }

    @Test
    void a_released_domain_leaves_no_nodes_and_no_permissions() {
        dom1.write("x/y", "1");
        dom0.write("/other", "o");
        dom0.perms("/other", "n0|r1|r2|");
        daemon.release(1);
        assertEquals("!ENOENT", dom0.read("/local/domain/1"));
        assertEquals("n0|r2|", dom0.call(XsWire.XS_GET_PERMS, "/other|"));
        assertEquals("2|", dom0.list("/local/domain"));
    }

    @Test
    void the_same_requests_give_the_same_bytes() {
        assertEquals(script(), script());
    }

    private String script() {
        Xenstored store = new Xenstored(domains);
        RawClient a = new RawClient(store, 0);
        RawClient b = new RawClient(store, 2);
        StringBuilder out = new StringBuilder();
        out.append(a.watch("/", "t"));
        for (int i = 0; i < 50; i++) {
            out.append(a.write("/x/" + i * 7919 % 50 + "/v", "" + i));
            out.append(b.read("/x/" + i));
        }
        out.append(a.call(XsWire.XS_DIRECTORY_PART, "/x|0|")).append(a.rm("/x")).append(a.events());
        return out.toString();
    }

    private String usage(int domid, String what) {
        String text = dom0.call(XsWire.XS_CONTROL, "quota|" + domid + "|");
        for (String line : text.split("\n", -1)) {
            if (line.startsWith(what + ": ")) {
                return line.substring(what.length() + 2);
            }
        }
        throw new AssertionError(what + " is not in " + text);
    }
}

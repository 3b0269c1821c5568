package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** INTRODUCE, RELEASE, RESUME, SET_TARGET, GET_DOMAIN_PATH, IS_DOMAIN_INTRODUCED and CONTROL. */
class DomainRequestsTest {
    private final FakeDomains domains = new FakeDomains();
    private Xenstored daemon;
    private RawClient dom0;

    @BeforeEach
    void start() {
        daemon = new Xenstored(domains);
        dom0 = new RawClient(daemon, 0);
        domains.add(1);
        domains.add(2);
    }

    @Test
    void introduce_connects_and_release_disconnects() {
        assertEquals("F|", dom0.call(XsWire.XS_IS_DOMAIN_INTRODUCED, "1|"));
        assertEquals("OK|", dom0.call(XsWire.XS_INTRODUCE, "1|4097|1|"));
        assertEquals("T|", dom0.call(XsWire.XS_IS_DOMAIN_INTRODUCED, "1|"));
        RingGuest guest = new RingGuest(domains.pages.get(1));
        guest.put(RingGuest.message(XsWire.XS_GET_DOMAIN_PATH, 1, 0, "1|"), 0, 100);
        daemon.ring(1).onNotify();
        guest.take(100);
        assertEquals(List.of("10/1/0:/local/domain/1|"), guest.messages());
        assertEquals("OK|", dom0.call(XsWire.XS_RELEASE, "1|"));
        assertEquals("F|", dom0.call(XsWire.XS_IS_DOMAIN_INTRODUCED, "1|"));
        assertEquals("!ENOENT", dom0.call(XsWire.XS_RELEASE, "1|"));
    }

    @Test
    void introduce_refuses_what_cannot_be_connected() {
        for (String bad : List.of("0|4096|1|", "1|4097|0|", "1|4097|2|", "1|9|1|", "9|4105|1|", "32752|1|1|",
                "x|4097|1|",
                "1|-1|1|", "1|4097|", "|", "99999|1|1|", "1|99999999999999999999|1|")) {
            assertEquals("!EINVAL", dom0.call(XsWire.XS_INTRODUCE, bad), bad);
        }
        assertThrows(IllegalArgumentException.class, () -> daemon.introduce(0x7ff0, domains.add(3), () -> {}));
    }

    @Test
    void domid_self_is_always_introduced() {
        assertEquals("T|", dom0.call(XsWire.XS_IS_DOMAIN_INTRODUCED, "32752|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_IS_DOMAIN_INTRODUCED, "65536|"));
    }

    @Test
    void anybody_may_ask_for_a_domain_path() {
        assertEquals("/local/domain/7|", new RawClient(daemon, 1).call(XsWire.XS_GET_DOMAIN_PATH, "007|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_GET_DOMAIN_PATH, "seven|"));
        assertEquals("!EINVAL", dom0.call(XsWire.XS_GET_DOMAIN_PATH, "|"));
    }

    @Test
    void a_domain_gets_the_rights_of_its_target() {
        dom0.write("/local/domain/2/n", "v");
        dom0.perms("/local/domain/2/n", "n2|");
        dom0.write("/for2", "v");
        dom0.perms("/for2", "n0|r2|");
        assertEquals("!ENOENT", dom0.call(XsWire.XS_SET_TARGET, "1|2|"));
        assertEquals("OK|", dom0.call(XsWire.XS_INTRODUCE, "1|4097|1|"));
        assertEquals("OK|", dom0.call(XsWire.XS_INTRODUCE, "2|4098|1|"));
        assertEquals(List.of("16/1/0:EACCES|"), ask(1, RingGuest.message(XsWire.XS_READ, 1, 0, "/for2|")));
        assertEquals("OK|", dom0.call(XsWire.XS_SET_TARGET, "1|2|"));
        assertEquals(List.of("2/2/0:v"), ask(1, RingGuest.message(XsWire.XS_READ, 2, 0, "/for2|")));
        assertEquals(List.of("11/3/0:OK|"),
                ask(1, RingGuest.message(XsWire.XS_WRITE, 3, 0, "/local/domain/2/n|w")));
        assertEquals(List.of("16/4/0:EACCES|"), ask(2, RingGuest.message(XsWire.XS_READ, 4, 0, "/local/domain/1|")));
        dom0.call(XsWire.XS_RELEASE, "2|");
        assertEquals(List.of("16/5/0:EACCES|"), ask(1, RingGuest.message(XsWire.XS_READ, 5, 0, "/for2|")));
    }

    private List<String> ask(int domid, byte[] message) {
        RingGuest guest = new RingGuest(domains.pages.get(domid));
        guest.put(message, 0, message.length);
        daemon.ring(domid).onNotify();
        guest.take(1024);
        return guest.messages();
    }

    @Test
    void control_knows_a_few_commands() {
        assertTrue(dom0.call(XsWire.XS_CONTROL, "help|").startsWith("print\t<string>\n"));
        assertEquals("OK|", dom0.call(XsWire.XS_CONTROL, "print|hello|"));
        assertTrue(dom0.call(XsWire.XS_CONTROL, "quota|").contains("nodes: 1000\n"));
        assertTrue(dom0.call(XsWire.XS_CONTROL, "quota|0|").contains("nodes: 5\n"));
        assertEquals("!ENOENT", dom0.call(XsWire.XS_CONTROL, "quota|77|"));
        for (String bad : List.of("", "print|", "help|me|", "live-update|", "quota|x|", "quota|1|2|")) {
            assertEquals("!EINVAL", dom0.call(XsWire.XS_CONTROL, bad), bad);
        }
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.console.ConsoleRing;
import org.xenolith.hypervisor.toolstack.DomainLinks;
import org.xenolith.hypervisor.toolstack.HostDomainAccess;
import org.xenolith.hypervisor.xenstore.Xenstored;

/** A guest's console and xenstore rings through its event channels, with the guest's part played by the test. */
final class DomainLinksTest {
    private static final long CONSOLE = 0x40;
    private static final long STORE = 0x41;
    private static final int HVM_OP = 34;
    private static final int EVENT_CHANNEL_OP = 32;

    private final TestHost t = new TestHost();
    private final StringBuilder output = new StringBuilder();
    private Domain d;

    @BeforeEach
    void one_domain() {
        d = t.domain(1);
        DomainLinks.offer(d, STORE, CONSOLE);
    }

    @AfterEach
    void close() {
        t.close();
    }

    private long param(int index) {
        var p = TestHost.struct(d.vcpu(0), HvmOp.PARAM);
        p.set("domid", 0x7ff0);
        p.set("index", index);
        assertEquals(0, TestHost.call(d.vcpu(0), HVM_OP, 1, p));
        return p.get("value");
    }

    private void send(long port) {
        d.write32(TestHost.ARG, (int) port);
        assertEquals(0, TestHost.call(d.vcpu(0), EVENT_CHANNEL_OP, 4, TestHost.ARG));
    }

    @Test
    void console_output_reaches_the_sink_and_input_the_guest() {
        ConsoleRing ring = DomainLinks.console(d, (data, offset, length) -> {
            output.append(new String(data, offset, length, StandardCharsets.US_ASCII));
            return length;
        });
        long page = param(HvmParams.CONSOLE_PFN) << 12;
        assertEquals(CONSOLE << 12, page);
        byte[] text = "login: ".getBytes(StandardCharsets.US_ASCII);
        d.write(page + 1024, text, 0, text.length);
        d.write32(page + 3084, text.length);
        send(param(HvmParams.CONSOLE_EVTCHN));
        assertEquals("login: ", output.toString());
        assertEquals(text.length, d.read32(page + 3080));
        d.vcpu(0).info().setUpcallPending(false);
        ring.feed("root\n".getBytes(StandardCharsets.US_ASCII), 0, 5);
        assertEquals('r', d.read8(page));
        assertEquals(5, d.read32(page + 3076));
        assertTrue(d.events().isPending((int) param(HvmParams.CONSOLE_EVTCHN)));
    }

    @Test
    void xenstore_answers_a_request_by_ring_and_event() {
        Xenstored daemon = new Xenstored(new HostDomainAccess(t.host));
        DomainLinks.xenstore(d, daemon);
        long page = param(HvmParams.STORE_PFN) << 12;
        int port = (int) param(HvmParams.STORE_EVTCHN);
        // XS_GET_DOMAIN_PATH of the domain itself: type 10, request 7, transaction 0
        byte[] payload = (d.domid() + "\0").getBytes(StandardCharsets.US_ASCII);
        d.write32(page, 10);
        d.write32(page + 4, 7);
        d.write32(page + 8, 0);
        d.write32(page + 12, payload.length);
        d.write(page + 16, payload, 0, payload.length);
        d.write32(page + 2052, 16 + payload.length);
        send(port);
        byte[] answer = new byte["/local/domain/1".length()];
        assertEquals(7, d.read32(page + 1024 + 4));
        d.read(page + 1024 + 16, answer, 0, answer.length);
        assertEquals("/local/domain/1", new String(answer, StandardCharsets.US_ASCII));
        assertTrue(d.events().isPending(port));
        daemon.release(d.domid());
    }

    @Test
    void ring_page_must_be_memory_of_the_domain() {
        assertThrows(IllegalArgumentException.class, () -> DomainLinks.offer(d, STORE, 0x7_0000));
    }
}

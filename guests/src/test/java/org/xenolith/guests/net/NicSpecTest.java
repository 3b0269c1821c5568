package org.xenolith.guests.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.guests.net.NicSpec.Network;

final class NicSpecTest {
    @Test
    void nat_with_forwards_and_a_capture_file() {
        NicSpec s = NicSpec.parse(
                "nat,mac=00:16:3E:0a:0b:0c,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::5353-10.0.2.15:53,pcap=a.pcap");
        assertEquals(Network.NAT, s.network());
        assertEquals("00:16:3e:0a:0b:0c", s.mac().orElseThrow().toString());
        assertEquals(List.of(new HostForward(false, "127.0.0.1", 2222, "", 22),
                new HostForward(true, "", 5353, "10.0.2.15", 53)), s.forwards());
        assertEquals(Optional.of(Path.of("a.pcap")), s.pcap());
    }

    @Test
    void a_vif_of_an_xl_file_is_on_a_bridge() {
        NicSpec s = NicSpec.parse("mac=00:16:3e:00:00:01, bridge=lan0, script=vif-bridge");
        assertEquals(Network.BRIDGE, s.network());
        assertEquals("lan0", s.bridge());
        assertEquals(NicSpec.DEFAULT_BRIDGE, NicSpec.parse("").bridge());
        assertEquals(NicSpec.DEFAULT_BRIDGE, NicSpec.parse("model=vif").bridge());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nat,bridge=a", "bridge=", "bridge=a/b", "mac=1", "mac=01:00:00:00:00:00",
        "mac=00:00:00:00:00:00", "model=ne2000", "none,hostfwd=tcp::1-:1", "nat,hostfwd=tcp:1-:1",
        "nat,hostfwd=tcp::0-:1", "nat,hostfwd=tcp::1-:65536", "nat,hostfwd=sctp::1-:1",
        "nat,hostfwd=tcp:1.2.3.256:1-:1",
        "nat,pcap=", "nat,x=1", "tap", "nat,,"})
    void what_is_wrong_is_refused(String text) {
        assertThrows(IllegalArgumentException.class, () -> NicSpec.parse(text));
    }

    @Test
    void derived_addresses_are_of_xen_and_always_the_same() {
        MacAddress a = MacAddress.derive("0/guest/0");
        assertTrue(a.toString().startsWith("00:16:3e:"), a::toString);
        assertEquals(a, MacAddress.derive("0/guest/0"));
        assertTrue(!a.equals(MacAddress.derive("0/guest/1")));
    }
}

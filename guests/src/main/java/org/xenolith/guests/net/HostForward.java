package org.xenolith.guests.net;

/**
 * A port of the host that leads to a guest behind NAT.
 *
 * @param udp true for UDP, false for TCP
 * @param hostAddress IPv4 address of the host to listen at, such as {@code 127.0.0.1}; empty for all
 * @param hostPort 1 to 65535
 * @param guestAddress the guest's IPv4 address; empty for the one that DHCP gives it
 * @param guestPort 1 to 65535
 */
public record HostForward(boolean udp, String hostAddress, int hostPort, String guestAddress, int guestPort) {
    private static final String FORM = "hostfwd=tcp|udp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT";

    /**
     * Parses QEMU's form, such as {@code tcp:127.0.0.1:2222-:22} or {@code udp::5353-10.0.2.15:53}.
     *
     * @throws IllegalArgumentException for other text; the message quotes it
     */
    public static HostForward parse(String text) {
        String[] ends = text.split("-", -1);
        String[] host = ends[0].split(":", -1);
        String[] guest = ends.length == 2 ? ends[1].split(":", -1) : new String[0];
        if (host.length != 3 || guest.length != 2 || !(host[0].equals("tcp") || host[0].equals("udp"))) {
            throw bad(text, "is not of the form " + FORM);
        }
        return new HostForward(host[0].equals("udp"), address(text, host[1]), port(text, host[2]),
                address(text, guest[0]), port(text, guest[1]));
    }

    private static String address(String text, String address) {
        if (!address.isEmpty() && Ipv4Text.parse(address).isEmpty()) {
            throw bad(text, "has '" + address + "' where an IPv4 address should be");
        }
        return address;
    }

    private static int port(String text, String port) {
        int n = port.matches("[0-9]{1,5}") ? Integer.parseInt(port) : 0;
        if (n < 1 || n > 65535) {
            throw bad(text, "has '" + port + "' where a port from 1 to 65535 should be");
        }
        return n;
    }

    private static IllegalArgumentException bad(String text, String why) {
        return new IllegalArgumentException("hostfwd: '" + text + "' " + why);
    }
}

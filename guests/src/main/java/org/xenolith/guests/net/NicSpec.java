package org.xenolith.guests.net;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.xenolith.devices.net.MacAddress;

/**
 * One network interface of a guest.
 *
 * @param network what it is plugged into
 * @param bridge the bridge's name for {@link Network#BRIDGE}, else empty
 * @param model what the guest sees; empty for the choice of its kind
 * @param mac its address; empty to derive one from the guest's name and the interface's number
 * @param forwards ports of the host that lead to the guest, only with {@link Network#NAT}
 * @param pcap file that gets every frame in either direction
 */
public record NicSpec(Network network, String bridge, Optional<Model> model, Optional<MacAddress> mac,
        List<HostForward> forwards,
        Optional<Path> pcap) {
    /** What an interface can be plugged into. */
    public enum Network {
        /** A network of its own behind a router that speaks to the host and beyond. */
        NAT,
        /** A switch that it shares with other guests of the machine. */
        BRIDGE,
        /** Nothing: the interface is there, without a cable. */
        NONE
    }

    /** What a network card is to a guest. */
    public enum Model {
        /** Xen's paravirtualized interface alone. */
        VIF,
        /** Intel 82540EM. */
        E1000,
        /** Realtek RTL8139C+. */
        RTL8139;

        /** The name as on the command line. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Name of the bridge where an xl configuration names none (xl.conf's default). */
    public static final String DEFAULT_BRIDGE = "xenbr0";

    private static final Pattern BRIDGE_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}");

    public NicSpec {
        forwards = List.copyOf(forwards);
    }

    /** The same interface with all its frames written to a file. */
    public NicSpec withPcap(Path file) {
        return new NicSpec(network, bridge, model, mac, forwards, Optional.of(file));
    }

    /**
     * Parses the value of {@code --net}: {@code nat|bridge=NAME|none[,mac=…][,model=vif|e1000|rtl8139][,hostfwd=…][,pcap=FILE]}. Also understood are the
     * interfaces of xl configuration files ({@code mac=…,bridge=…}, xl-network-configuration(5)); one without a network is on
     * {@link #DEFAULT_BRIDGE}.
     *
     * @throws IllegalArgumentException for other text; the message says what is wrong
     */
    public static NicSpec parse(String text) {
        Parser p = new Parser();
        if (!text.isBlank()) {
            for (String part : text.split(",", -1)) {
                p.take(part.strip());
            }
        }
        return p.result();
    }

    private static final class Parser {
        private Network network;
        private String bridge = "";
        private Model model;
        private MacAddress mac;
        private final List<HostForward> forwards = new ArrayList<>();
        private Path pcap;

        private void take(String part) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? part : part.substring(0, equals).strip();
            String value = equals < 0 ? "" : part.substring(equals + 1).strip();
            if (equals < 0) {
                switch (key) {
                    case "nat", "user" -> choose(Network.NAT);
                    case "none" -> choose(Network.NONE);
                    default -> throw bad(
                            "'" + part + "' is not nat, bridge=NAME, none, mac=, model=, hostfwd= or pcap=");
                }
                return;
            }
            switch (key) {
                case "bridge" -> {
                    if (!BRIDGE_NAME.matcher(value).matches()) {
                        throw bad("bridge name '" + value + "' must be letters, digits and _ . -, at most 64");
                    }
                    choose(Network.BRIDGE);
                    bridge = value;
                }
                case "mac" -> {
                    mac = MacAddress.parse(value)
                            .orElseThrow(() -> bad("'" + value + "' is not a MAC address such as 00:16:3e:01:02:03"));
                    if (mac.isGroup() || mac.bits() == 0) {
                        throw bad("MAC address " + mac + " is not one of a single station");
                    }
                }
                case "model", "type" -> {
                    if (key.equals("type")) {
                        if (!value.equals("vif") && !value.equals("ioemu")) {
                            throw bad("type=" + value + " is not known; vif and ioemu are");
                        }
                        model = value.equals("vif") ? Model.VIF : model;
                    } else {
                        model = Arrays.stream(Model.values()).filter(m -> m.label().equals(value)).findFirst()
                                .orElseThrow(() -> bad("model=" + value + " is not known; vif, e1000, rtl8139 are"));
                    }
                }
                case "hostfwd" -> forwards.add(HostForward.parse(value));
                case "pcap" -> {
                    if (value.isEmpty()) {
                        throw bad("pcap= needs a file");
                    }
                    pcap = Path.of(value);
                }
                // of no meaning without a Linux dom0, and in many files
                case "script", "vifname", "ip", "backend", "gatewaydev" -> {}
                default -> throw bad("'" + key + "=' is not known or not built yet");
            }
        }

        private void choose(Network wanted) {
            if (network != null) {
                throw bad("has more than one of nat, bridge=NAME and none");
            }
            network = wanted;
        }

        private NicSpec result() {
            if (network == null) {
                network = Network.BRIDGE;
                bridge = DEFAULT_BRIDGE;
            }
            if (!forwards.isEmpty() && network != Network.NAT) {
                throw bad("hostfwd= needs nat");
            }
            return new NicSpec(network, bridge, Optional.ofNullable(model), Optional.ofNullable(mac), forwards,
                    Optional.ofNullable(pcap));
        }

        private static IllegalArgumentException bad(String why) {
            return new IllegalArgumentException("network interface: " + why);
        }
    }
}

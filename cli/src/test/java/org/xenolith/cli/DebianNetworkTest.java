package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import org.xenolith.emulator.Machine;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.NicCounts;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.Progress;
import org.xenolith.emulator.Restarts;
import org.xenolith.emulator.RunResult;
import org.xenolith.emulator.Tier;
import org.xenolith.guests.net.NicSpec;

/**
 * Debian's kernel with its xen-netfront: DHCP, TCP and pings behind NAT, connections from the host; two guests on a bridge, the same run in both tiers. Skipped where
 * {@code test-images/fetch-debian.sh cloud busybox} has not been run.
 */
@Timeout(900)
final class DebianNetworkTest {
    private static final String HEAD = DebianRuns.HEAD + """
            insmod /netfront.ko
            ip link set eth0 up
            """;
    private static final String NAT = HEAD + """
            printf '#!/bin/sh\\n[ "$1" = bound ] && ip addr add $ip/24 dev eth0 && ip route add default via $router\\n' >/tmp/d
            chmod +x /tmp/d
            udhcpc -i eth0 -n -q -s /tmp/d >/dev/null 2>&1
            echo "ADDRESS $(ip -4 addr show eth0 | awk '/inet /{print $2}')"
            nc 10.0.2.2 PORT </dev/null | sha256sum
            ping -c 3 -q 10.0.2.2 | grep received
            poweroff -f
            """;
    private static final String SERVER = HEAD + """
            ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
            echo "hello from the guest" | nc -l -p 7 | sha256sum
            poweroff -f
            """;
    private static final String BRIDGE = HEAD + """
            ip addr add 10.9.0.ME/24 dev eth0
            mkdir /tmp/w; seq 1 30000 >/tmp/w/data; httpd -p 80 -h /tmp/w; sleep 2
            ping -c 2 -q 10.9.0.PEER | grep received
            wget -q -O - http://10.9.0.PEER/data | sha256sum
            sleep 2; poweroff -f
            """;

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;
    private Path module;

    @BeforeEach
    void find_kernel_and_module() throws IOException {
        debian = new DebianRuns(folder);
        kernel = debian.cloudKernel();
        module = DebianRuns.module(kernel, "xen-netfront.ko");
    }

    private Path initrd(String name, String init) throws IOException, InterruptedException {
        return debian.initrd(name, init, module + ":/netfront.ko");
    }

    private DomainConfig guest(String name, Path initrd, String net) {
        return new DomainConfig(name, GuestType.PVH, Optional.of(kernel), Optional.of(initrd), "console=hvc0 quiet",
                256L << 20,
                256L << 20, 1, 1,
                Restarts.onReboot(false), List.of(NicSpec.parse(net)), List.of(), Optional.empty(),
                Optional.empty());
    }

    private static RunResult run(List<DomainConfig> guests, Tier tier, Map<String, StringBuilder> printed)
            throws Exception {
        MachineConfig config = new MachineConfig(guests, "x86-64-v2", tier, Pace.MAX, 0, MachineConfig.DEFAULT_EPOCH,
                120_000_000_000L, 800_000, MachineConfig.DEFAULT_IDLE_TIMEOUT_NS, MachineConfig.DEFAULT_CODE_CACHE,
                Optional.empty(), List.of(), Diagnostics.NONE);
        try (Machine m = Machine.create(config,
                d -> new Recorder(printed.computeIfAbsent(d.name(), n -> new StringBuilder())), new Progress() {
                })) {
            return m.run();
        }
    }

    private record Recorder(StringBuilder text) implements Console {
        @Override
        public boolean output(byte[] bytes, int offset, int length) {
            text.append(new String(bytes, offset, length, StandardCharsets.ISO_8859_1));
            return true;
        }

        @Override
        public int input(byte[] into, int offset, int length) {
            return 0;
        }

        @Override
        public void await(long millis) {
            // nothing is ever typed
        }

        @Override
        public void interrupt() {
            // nobody waits
        }
    }

    private static String sha256(byte[] data) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
    }

    @Test
    void behind_nat_a_guest_gets_an_address_reads_from_the_host_and_pings_its_router() throws Exception {
        byte[] data = new byte[1_000_000];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 31 + i / 1000);
        }
        Map<String, StringBuilder> printed = new TreeMap<>();
        Path capture = folder.resolve("a.pcap");
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread.ofPlatform().daemon().start(() -> {
                try (Socket s = server.accept(); OutputStream out = s.getOutputStream()) {
                    out.write(data);
                } catch (IOException e) {
                    LoggerFactory.getLogger(DebianNetworkTest.class).info("the server ended: {}", e.getMessage());
                }
            });
            String init = NAT.replace("PORT", Integer.toString(server.getLocalPort()));
            RunResult r = run(List.of(guest("a", initrd("nat", init), "nat,pcap=" + capture)), Tier.AUTO, printed);
            String text = String.valueOf(printed.get("a"));
            assertEquals(Outcome.POWEROFF, r.outcome(), text);
            assertTrue(text.contains("ADDRESS 10.0.2.15/24"), text);
            assertTrue(text.contains(sha256(data)), text);
            assertTrue(text.contains("3 packets received"), text);
            NicCounts n = r.domains().getFirst().nics().getFirst();
            assertTrue(n.rxBytes() > data.length && n.txErrors() == 0 && n.rxErrors() == 0, n::toString);
        }
        assertTrue(Files.size(capture) > data.length, "the capture has the data");
    }

    @Test
    void the_host_talks_to_a_guests_server_through_a_forwarded_port() throws Exception {
        byte[] data = new byte[300_000];
        new Random(7).nextBytes(data);
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        CompletableFuture<String> answer = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> answer.complete(askUntilAnswered(port, data)));
        Map<String, StringBuilder> printed = new TreeMap<>();
        String net = "nat,hostfwd=tcp:127.0.0.1:" + port + "-:7";
        RunResult r = run(List.of(guest("a", initrd("server", SERVER), net)), Tier.AUTO, printed);
        String text = String.valueOf(printed.get("a"));
        assertEquals(Outcome.POWEROFF, r.outcome(), text);
        assertTrue(text.contains(sha256(data)), text);
        assertEquals("hello from the guest\n", answer.get(10, TimeUnit.SECONDS));
    }

    /** Sends the data and gets the answer; while the guest has no server yet, its router refuses or ends the connection. */
    private static String askUntilAnswered(int port, byte[] data) {
        while (true) {
            try (Socket s = new Socket(InetAddress.getLoopbackAddress(), port)) {
                String answer = new String(s.getInputStream().readNBytes(21), StandardCharsets.US_ASCII);
                if (!answer.isEmpty()) {
                    s.getOutputStream().write(data);
                    s.shutdownOutput();
                    return answer + new String(s.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
                }
            } catch (IOException e) {
                LoggerFactory.getLogger(DebianNetworkTest.class).debug("not yet: {}", e.getMessage());
            }
            LockSupport.parkNanos(100_000_000);
        }
    }

    @Test
    void two_guests_on_a_bridge_talk_and_both_tiers_give_the_same_run() throws Exception {
        List<DomainConfig> guests = new ArrayList<>();
        for (int i = 1; i <= 2; i++) {
            String init = BRIDGE.replace("ME", Integer.toString(i)).replace("PEER", Integer.toString(3 - i));
            guests.add(guest("g" + i, initrd("bridge" + i, init), "bridge=lan0"));
        }
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 30_000; i++) {
            lines.append(i).append('\n');
        }
        String sum = sha256(lines.toString().getBytes(StandardCharsets.US_ASCII));
        Map<String, StringBuilder> printed = new TreeMap<>();
        RunResult first = run(guests, Tier.AUTO, printed);
        assertEquals(Outcome.POWEROFF, first.outcome(), printed::toString);
        for (StringBuilder text : printed.values()) {
            assertTrue(text.toString().contains("2 packets received") && text.toString().contains(sum),
                    text::toString);
        }
        RunResult second = run(guests, Tier.INTERPRETER, new TreeMap<>());
        assertEquals(first.instructions(), second.instructions());
        assertEquals(first.virtualNs(), second.virtualNs());
        assertEquals(first.domains(), second.domains());
    }
}

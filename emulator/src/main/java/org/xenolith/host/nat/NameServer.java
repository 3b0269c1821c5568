package org.xenolith.host.nat;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The name server that the host uses. */
final class NameServer {
    private static final Path CONFIGURATION = Path.of("/etc/resolv.conf");

    private NameServer() {
    }

    /** The first name server of resolv.conf(5), else the loopback address, where a resolver may listen. */
    static InetAddress find() {
        try {
            for (String line : Files.readAllLines(CONFIGURATION, StandardCharsets.ISO_8859_1)) {
                String[] words = line.strip().split("\\s+");
                if (words.length >= 2 && words[0].equals("nameserver") && words[1].matches("[0-9.]+|[0-9a-fA-F:.]+")) {
                    return InetAddress.ofLiteral(words[1]);
                }
            }
        } catch (IOException | IllegalArgumentException e) {
            return InetAddress.getLoopbackAddress();
        }
        return InetAddress.getLoopbackAddress();
    }
}

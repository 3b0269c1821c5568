package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two guests of xl configuration files in one run, a PV and a PVH one, that talk over a bridge. Skipped where
 * {@code test-images/fetch-debian.sh cloud busybox} has not been run.
 */
@Timeout(900)
final class DebianConfigFilesTest {
    private static final String INIT = DebianRuns.HEAD + """
            insmod /netfront.ko
            ip addr add 10.9.0.ME/24 dev eth0; ip link set eth0 up
            mkdir /tmp/w; seq 1 100000 >/tmp/w/data; httpd -p 80 -h /tmp/w; sleep 2
            ping -c 3 -q 10.9.0.PEER | grep received
            echo "GOT $(wget -q -O - http://10.9.0.PEER/data | md5sum) as $(cat /sys/hypervisor/guest_type)"
            sleep 2; poweroff -f
            """;
    /** Of the numbers 1 to 100000, one a line. */
    private static final String SUM = "dea9193b768319cbb4ff1a137ac03113";

    @TempDir
    Path folder;

    @Test
    void a_pv_and_a_pvh_guest_of_configuration_files_talk_over_a_bridge() throws IOException, InterruptedException {
        DebianRuns debian = new DebianRuns(folder);
        Path kernel = debian.cloudKernel();
        Path module = DebianRuns.module(kernel, "xen-netfront.ko");
        String[] files = new String[2];
        for (int i = 1; i <= 2; i++) {
            String init = INIT.replace("ME", Integer.toString(i)).replace("PEER", Integer.toString(3 - i));
            Path initrd = debian.initrd("init" + i, init, module + ":/netfront.ko");
            files[i - 1] = Files.writeString(folder.resolve("g" + i + ".cfg"), """
                    name = "g%d"
                    type = "%s"
                    kernel = "%s"
                    ramdisk = "%s"
                    extra = "console=hvc0 quiet"
                    memory = 256
                    vif = [ 'mac=00:16:3e:00:00:0%d,bridge=lan0' ]
                    """.formatted(i, i == 1 ? "pv" : "pvh", kernel, initrd, i)).toString();
        }
        assertEquals(0, debian.runOnly("--pace", "max", files[0], files[1]), debian::all);
        assertTrue(debian.printed().contains("[g1] GOT " + SUM + "  - as PV"), debian::all);
        assertTrue(debian.printed().contains("[g2] GOT " + SUM + "  - as PVH"), debian::all);
        assertTrue(debian.printed().contains("[g1] 3 packets transmitted, 3 packets received"), debian::all);
        assertTrue(debian.printed().contains("[g2] 3 packets transmitted, 3 packets received"), debian::all);
        JsonNode domains = debian.statistics().get("domains");
        assertEquals(2, domains.size(), domains::toString);
        for (JsonNode d : domains) {
            assertEquals("poweroff", d.get("outcome").asText(), domains::toString);
            assertTrue(d.get("nics").get(0).get("rx_bytes").asLong() > 588_895, domains::toString);
        }
    }
}

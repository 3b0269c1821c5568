package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The memory of Debian's cloud kernel grows and shrinks by its balloon driver, and what it says agrees with what the hypervisor counts. */
@Timeout(1800)
final class DebianMemoryTest {
    private static final String SHOW = DebianRuns.HEAD + """
            balloon=/sys/devices/system/xen_memory/xen_memory0
            show() {
              echo "SHOW $1 $(awk '/^MemTotal/{t=$2}/^MemFree/{f=$2}END{print t, f}' /proc/meminfo) $(cat $balloon/info/current_kb)"
            }
            """;
    private static final Pattern SHOWN = Pattern.compile("SHOW (\\S+) ([0-9]+) ([0-9]+) ([0-9]+)");

    /** What a guest printed, in KiB. */
    private record Shown(long total, long free, long current) {
    }

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;

    @BeforeEach
    void find_kernel_and_busybox() {
        debian = new DebianRuns(folder);
        kernel = debian.cloudKernel();
    }

    private JsonNode run(String type, Path initrd, String... options) throws IOException {
        List<String> all = new ArrayList<>(List.of("--type", type, "--translation-cache", "off"));
        all.addAll(Arrays.asList(options));
        assertEquals(0, debian.run(kernel, initrd, "256M", "console=hvc0 quiet", all.toArray(String[]::new)),
                debian::all);
        return debian.statistics();
    }

    private Map<String, Shown> shown() {
        Map<String, Shown> all = new LinkedHashMap<>();
        Matcher m = SHOWN.matcher(debian.printed());
        while (m.find()) {
            all.put(m.group(1),
                    new Shown(Long.parseLong(m.group(2)), Long.parseLong(m.group(3)), Long.parseLong(m.group(4))));
        }
        return all;
    }

    /** What the hypervisor counts beside what the guest's kernel knows of: a PVH guest's tables and special pages. */
    private static long owned(JsonNode statistics, String type) {
        return statistics.get("domains").get(0).get("memory_kib").asLong() - (type.equals("pvh") ? 64 : 0);
    }

    private void near(long expected, long actual) {
        assertTrue(Math.abs(expected - actual) < 6000, () -> actual + " is not near " + expected + "\n" + debian.all());
    }

    @ParameterizedTest
    @CsvSource({"pv, up", "pv, down", "pvh, up", "pvh, down"})
    void a_guest_gives_memory_back_and_takes_it_again(String type, String end) throws Exception {
        Path initrd = debian.initrd("sysfs", SHOW + """
                show before
                echo 200000 >$balloon/target_kb; sleep 3; show down
                [ END = down ] && poweroff -f
                echo 250000 >$balloon/target_kb; sleep 3; show up
                poweroff -f
                """.replace("END", end));
        JsonNode statistics = run(type, initrd);
        Map<String, Shown> shown = shown();
        Shown before = shown.get("before");
        Shown down = shown.get("down");
        // a PVH kernel leaves out its special pages; it counts what is in its memory map
        long unseen = (256 << 10) - before.current();
        assertTrue(type.equals("pv") ? unseen == 0 : unseen > 0 && unseen < 512, debian::all);
        assertEquals(200_000, down.current());
        near(before.total() - before.current() + 200_000, down.total());
        near(before.free() - before.current() + 200_000, down.free());
        long last = 200_000;
        if (end.equals("up")) {
            Shown up = shown.get("up");
            last = 250_000;
            assertEquals(last, up.current());
            near(down.total() + 50_000, up.total());
            near(down.free() + 50_000, up.free());
        }
        assertEquals(last + unseen, owned(statistics, type));
        assertEquals("{}", statistics.get("refused").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"pv", "pvh"})
    void the_toolstack_sets_memory_up_to_the_maximum_and_vcpus_wait_to_be_set_online(String type) throws Exception {
        Path initrd = debian.initrd("target", SHOW + """
                echo "CPUS $(grep -c ^processor /proc/cpuinfo) of $(cat /sys/devices/system/cpu/possible)"
                show start; sleep 6; show down; sleep 5; show up; sleep 5; show end
                poweroff -f
                """);
        JsonNode statistics = run(type, initrd, "--maxmem", "512M", "--vcpus", "2", "--maxvcpus", "4", "--mem-set",
                "200M@5s", "--mem-set", "guest=384M@10s", "--mem-set", "300M@15s");
        assertTrue(debian.printed().contains("CPUS 2 of 0-3"), debian::all);
        Map<String, Shown> shown = shown();
        Shown start = shown.get("start");
        long unseen = (256 << 10) - start.current();
        int[] mebibytes = {200, 384, 300};
        List<String> names = List.of("down", "up", "end");
        for (int i = 0; i < mebibytes.length; i++) {
            Shown s = shown.get(names.get(i));
            assertEquals((mebibytes[i] << 10) - unseen, s.current(), names.get(i));
            near(start.total() - start.current() + s.current(), s.total());
        }
        assertEquals(300 << 10, owned(statistics, type));
        assertEquals(301 << 10, statistics.get("domains").get(0).get("memory_limit_kib").asLong());
        assertEquals("{}", statistics.get("refused").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"pv", "pvh"})
    void no_guest_has_more_than_its_maximum(String type) throws Exception {
        Path initrd = debian.initrd("over", SHOW + """
                sleep 5; show down
                echo 250000 >$balloon/target_kb; sleep 20; show over
                poweroff -f
                """);
        JsonNode statistics = run(type, initrd, "--mem-set", "200M@5s");
        long over = shown().get("over").current();
        assertTrue(over >= 200 << 10 && over <= 201 << 10, debian::all);
        assertTrue(owned(statistics, type) <= 201 << 10, statistics::toString);
        assertTrue(statistics.get("refused").get("memory:over_maximum").asLong() > 0, statistics::toString);
    }
}

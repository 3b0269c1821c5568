package org.xenolith.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process and this host have of memory, from the kernel's {@code /proc}. */
public final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path MEMINFO = Path.of("/proc/meminfo");

    private ProcessMemory() {
    }

    /** The highest resident size of this process so far in MiB, rounded up; 0 where the host does not tell. */
    public static long peakRssMb() {
        return (kilobytes(STATUS, "VmHWM:") + 1023) / 1024;
    }

    /** RAM and swap of the host in bytes; 0 where the host does not tell. */
    public static long hostBytes() {
        return (kilobytes(MEMINFO, "MemTotal:") + kilobytes(MEMINFO, "SwapTotal:")) * 1024;
    }

    /** The number after {@code key} in a file of lines such as {@code "MemTotal:  1024 kB"}; 0 if it is not there. */
    private static long kilobytes(Path file, String key) {
        try {
            for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
                if (line.startsWith(key)) {
                    String digits = line.replaceAll("[^0-9]", "");
                    return digits.isEmpty() ? 0 : Long.parseLong(digits);
                }
            }
        } catch (IOException | NumberFormatException e) {
            return 0; // not Linux, or /proc is not mounted: the figure is for statistics only
        }
        return 0;
    }
}

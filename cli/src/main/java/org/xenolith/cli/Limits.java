package org.xenolith.cli;

import java.util.Locale;
import java.util.regex.Pattern;
import org.xenolith.host.ProcessMemory;

/** What can be asked for. {@code xenolith info} prints these. */
final class Limits {
    /** Most virtual CPUs of a guest. */
    static final int MAX_VCPUS = 32;
    /** Least memory of a guest in bytes. */
    static final long MIN_MEMORY = 4L << 20;
    /** Memory of a guest when none is given, in bytes. */
    static final long DEFAULT_MEMORY = 512L << 20;

    /** What the tables that describe a guest's pages allow within the launcher's 2 GiB of Java heap; measured. */
    private static final long MOST_MEMORY = 128L << 30;
    /** Untouched guest memory costs nothing, so that a guest may have more than the host; its kernel's tables touch 1/64. */
    private static final int OVERCOMMIT = 8;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}");

    private Limits() {
    }

    /** Most memory of a guest on this host, in bytes. */
    static long maxMemory() {
        long host = ProcessMemory.hostBytes();
        return host == 0 ? MOST_MEMORY : Math.min(MOST_MEMORY, Math.max(host * OVERCOMMIT & -(1L << 30), 1L << 30));
    }

    /**
     * Checks the name of a guest.
     *
     * @return null if it can be used, otherwise what is wrong with it
     */
    static String complaintAboutName(String name) {
        return NAME.matcher(name).matches()
                ? null
                : "'" + name.replaceAll("\\p{Cntrl}", "?") + "' must be letters, digits and _ . + -, at most 63";
    }

    /**
     * Checks an amount of memory.
     *
     * @return null if it can be used, otherwise what is wrong with it
     */
    static String complaintAboutMemory(long bytes) {
        if (bytes < MIN_MEMORY) {
            return size(bytes) + " is too little: at least " + size(MIN_MEMORY) + " is needed";
        }
        if (bytes > maxMemory()) {
            return (bytes == Long.MAX_VALUE ? "that" : size(bytes)) + " is too much: at most " + size(maxMemory())
                    + " can be mapped on this host";
        }
        if (bytes % 4096 != 0) {
            return bytes + " bytes is not a multiple of 4K, the size of a page";
        }
        return null;
    }

    /** A number of bytes as an option would have it: {@code 512M}. */
    static String size(long bytes) {
        String units = "KMGT";
        for (int i = units.length(); i > 0; i--) {
            long unit = 1L << (10 * i);
            if (bytes >= unit && bytes % unit == 0 && bytes / unit < 100_000) {
                return bytes / unit + String.valueOf(units.charAt(i - 1));
            }
        }
        if (bytes >= 1L << 30) {
            return String.format(Locale.ROOT, "%.1fG", bytes / (double) (1L << 30));
        }
        return bytes + (bytes == 1 ? " byte" : " bytes");
    }
}

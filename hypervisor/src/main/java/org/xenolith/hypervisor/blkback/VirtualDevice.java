package org.xenolith.hypervisor.blkback;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of a guest's disks and partitions ({@code xvda}, {@code sdb1}, {@code hdc}) and their numbers in the xenstore,
 * as Xen's vbd interface gives them.
 *
 * @param name the name, without {@code /dev/}
 * @param number the value of {@code virtual-device}
 */
public record VirtualDevice(String name, int number) {
    /** Disks that the long form can number. */
    private static final int EXTENDED_DISKS = 1 << 20;
    private static final int EXTENDED = 1 << 28;
    private static final int XVD_MAJOR = 202;
    private static final int SD_MAJOR = 8;
    private static final int HDA_MAJOR = 3;
    private static final int HDC_MAJOR = 22;
    private static final Pattern NAME = Pattern.compile("(xvd|sd|hd)([a-z]{1,4})([0-9]{0,3})");

    /**
     * The device of a name.
     *
     * @throws IllegalArgumentException for a name that no device has; the message says which do
     */
    public static VirtualDevice of(String name) {
        String plain = name.startsWith("/dev/") ? name.substring("/dev/".length()) : name;
        Matcher m = NAME.matcher(plain);
        if (!m.matches()) {
            throw new IllegalArgumentException("'" + name + "' is not a disk such as xvda, sdb or hdc1");
        }
        int disk = index(m.group(2));
        String digits = m.group(3);
        if (digits.startsWith("0")) {
            throw new IllegalArgumentException("'" + name + "': partitions count from 1");
        }
        int partition = digits.isEmpty() ? 0 : Integer.parseInt(digits);
        return new VirtualDevice(plain, switch (m.group(1)) {
            case "xvd" -> xvd(name, disk, partition);
            case "sd" -> {
                limit(name, disk, 16, partition, 15);
                yield SD_MAJOR << 8 | disk << 4 | partition;
            }
            default -> {
                limit(name, disk, 4, partition, 63);
                yield (disk < 2 ? HDA_MAJOR : HDC_MAJOR) << 8 | (disk & 1) << 6 | partition;
            }
        });
    }

    private static int xvd(String name, int disk, int partition) {
        limit(name, disk, EXTENDED_DISKS, partition, 255);
        return disk < 16 && partition < 16
                ? XVD_MAJOR << 8 | disk << 4 | partition
                : EXTENDED | disk << 8 | partition;
    }

    private static void limit(String name, int disk, int disks, int partition, int partitions) {
        if (disk >= disks || partition > partitions) {
            throw new IllegalArgumentException("'" + name + "' is beyond the last disk or partition of its kind");
        }
    }

    /** The {@code n}-th {@code xvd} disk, from 0: {@code xvda}. */
    public static VirtualDevice xvd(int n) {
        StringBuilder letters = new StringBuilder();
        for (int i = n; i >= 0; i = i / 26 - 1) {
            letters.insert(0, (char) ('a' + i % 26));
        }
        return of("xvd" + letters);
    }

    private static int index(String letters) {
        int n = 0;
        for (int i = 0; i < letters.length(); i++) {
            n = n * 26 + letters.charAt(i) - 'a' + 1;
        }
        return n - 1;
    }
}

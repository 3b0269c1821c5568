package org.xenolith.devices.timer;

import java.time.LocalDate;

/** What an MC146818's registers say about a time, in binary or BCD, with 12 or 24 hours; times are seconds since 1970-01-01. */
final class RtcCalendar {
    private static final int DAY = 86_400;
    private static final int B_BINARY = 4;
    private static final int B_24 = 2;
    private static final int PM = 0x80;

    private RtcCalendar() {
    }

    /** A register's content as a number; digits above 9 count as they are. */
    static int number(int v, int b) {
        return (b & B_BINARY) != 0 ? v : (v >>> 4) * 10 + (v & 15);
    }

    private static int encode(int n, int b) {
        return (b & B_BINARY) != 0 ? n : n / 10 << 4 | n % 10;
    }

    /** An hours register as 0 to 23, or more when it holds nonsense. */
    static int hour(int v, int b) {
        if ((b & B_24) != 0) {
            return number(v, b);
        }
        return number(v & 0x7f, b) % 12 + ((v & PM) != 0 ? 12 : 0);
    }

    private static int encodeHour(int h, int b) {
        return (b & B_24) != 0 ? encode(h, b) : encode(h % 12 == 0 ? 12 : h % 12, b) | (h >= 12 ? PM : 0);
    }

    /** A clock register at a time. */
    static int register(int at, long time, int b) {
        int second = (int) Math.floorMod(time, (long) DAY);
        LocalDate d = LocalDate.ofEpochDay(Math.floorDiv(time, (long) DAY));
        return switch (at) {
            case 0 -> encode(second % 60, b);
            case 2 -> encode(second / 60 % 60, b);
            case 4 -> encodeHour(second / 3600, b);
            // Sunday is 1
            case 6 -> d.getDayOfWeek().getValue() % 7 + 1;
            case 7 -> encode(d.getDayOfMonth(), b);
            case 8 -> encode(d.getMonthValue(), b);
            case 9 -> encode(Math.floorMod(d.getYear(), 100), b);
            default -> encode(Math.floorMod(Math.floorDiv(d.getYear(), 100), 100), b);
        };
    }

    /** The time that registers tell; days and months that do not exist carry over. */
    static long seconds(byte[] registers, int b) {
        int year = number(registers[0x32] & 0xff, b) * 100 + number(registers[9] & 0xff, b);
        LocalDate d = LocalDate.of(year, 1, 1)
                .plusMonths(number(registers[8] & 0xff, b) - 1L)
                .plusDays(number(registers[7] & 0xff, b) - 1L);
        return d.toEpochDay() * DAY + hour(registers[4] & 0xff, b) * 3600L + number(registers[2] & 0xff, b) * 60L
                + number(registers[0] & 0xff, b);
    }

    /**
     * The first time after {@code after} that has this hour, minute and second, of which -1 is any; {@code Long.MAX_VALUE} when none has.
     */
    static long nextAlarm(long after, int hour, int minute, int second) {
        if (hour > 23 || minute > 59 || second > 59) {
            return Long.MAX_VALUE;
        }
        long t = after + 1;
        if (second >= 0) {
            t += Math.floorMod(second - t, 60L);
        }
        // each step leaves the smaller fields right and at their smallest
        for (int i = 0; i < 60 && minute >= 0 && Math.floorMod(t, 3600L) / 60 != minute; i++) {
            t += 60 - (second < 0 ? Math.floorMod(t, 60L) : 0);
        }
        for (int i = 0; i < 24 && hour >= 0 && Math.floorMod(t, (long) DAY) / 3600 != hour; i++) {
            long within = Math.floorMod(t, 3600L);
            long smallest = (minute < 0 ? 0 : minute * 60L) + (second < 0 ? 0 : second);
            t += 3600 - within + smallest;
        }
        return t;
    }
}

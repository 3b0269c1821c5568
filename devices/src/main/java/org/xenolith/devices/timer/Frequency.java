package org.xenolith.devices.timer;

/**
 * Converts between virtual nanoseconds and the ticks of an oscillator that started at 0, without drift.
 *
 * @param hz 1 to 10^9
 */
public record Frequency(long hz) {
    private static final long SECOND = 1_000_000_000L;

    /** 82C54 in a PC: 14.318180 MHz / 12. */
    public static final Frequency PIT = new Frequency(1_193_182);
    /** ACPI timer: 14.318180 MHz / 4. */
    public static final Frequency ACPI = new Frequency(3_579_545);
    /** Crystal of the real-time clock. */
    public static final Frequency RTC = new Frequency(32_768);

    /** Whole ticks in {@code ns}, which is 0 or more. */
    public long ticks(long ns) {
        return ns / SECOND * hz + ns % SECOND * hz / SECOND;
    }

    /** The first nanosecond at which {@code ticks} have passed; the largest time when that is beyond it. */
    public long nanos(long ticks) {
        long seconds = ticks / hz;
        if (seconds >= Long.MAX_VALUE / SECOND) {
            return Long.MAX_VALUE;
        }
        return seconds * SECOND + (ticks % hz * SECOND + hz - 1) / hz;
    }
}

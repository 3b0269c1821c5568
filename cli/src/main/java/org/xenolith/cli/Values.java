package org.xenolith.cli;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.Tier;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How the values of options are written: sizes, durations, dates, seeds and names. */
final class Values {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,18})([a-z]*)");
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,18})(\\.[0-9]{1,9})?([a-z]*)");
    private static final Instant FIRST_EPOCH = Instant.parse("1970-01-01T00:00:00Z");
    private static final Instant LAST_EPOCH = Instant.parse("2200-01-01T00:00:00Z");

    private Values() {
    }

    /** Bytes: {@code 512M}, {@code 1G}, {@code 131072K}; a bare number is MiB, as in QEMU and xl. */
    static final class Size implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            Matcher m = SIZE.matcher(text.strip().toLowerCase(Locale.ROOT));
            if (!m.matches()) {
                throw bad(text, "is not a size such as 512M, 1G or 131072K");
            }
            long unit = switch (m.group(2)) {
                case "b" -> 1L;
                case "k", "kb", "kib" -> 1L << 10;
                case "", "m", "mb", "mib" -> 1L << 20;
                case "g", "gb", "gib" -> 1L << 30;
                case "t", "tb", "tib" -> 1L << 40;
                default -> throw bad(text, "has an unknown unit; K, M, G and T are known (powers of 1024)");
            };
            try {
                return Math.multiplyExact(Long.parseLong(m.group(1)), unit);
            } catch (ArithmeticException e) {
                return Long.MAX_VALUE; // the check against the limits names it
            }
        }
    }

    /** Nanoseconds: {@code 90s}, {@code 5m}, {@code 1h}, {@code 500ms}; a bare number is seconds, {@code none} no limit. */
    static final class Duration implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            String lower = text.strip().toLowerCase(Locale.ROOT);
            if (lower.equals("none")) {
                return Long.MAX_VALUE;
            }
            Matcher m = DURATION.matcher(lower);
            if (!m.matches()) {
                throw bad(text, "is not a duration such as 90s, 5m, 1h or 500ms");
            }
            long unit = switch (m.group(3)) {
                case "ns" -> 1L;
                case "us" -> 1_000L;
                case "ms" -> 1_000_000L;
                case "", "s", "sec" -> 1_000_000_000L;
                case "m", "min" -> 60_000_000_000L;
                case "h" -> 3_600_000_000_000L;
                case "d" -> 86_400_000_000_000L;
                default -> throw bad(text, "has an unknown unit; ns, us, ms, s, m, h and d are known");
            };
            try {
                long nanos = Math.multiplyExact(Long.parseLong(m.group(1)), unit);
                if (m.group(2) != null) {
                    nanos = Math.addExact(nanos, Math.round(Double.parseDouble("0" + m.group(2)) * unit));
                }
                if (nanos == 0) {
                    throw bad(text, "is no time at all; write 'none' for no limit");
                }
                return nanos;
            } catch (ArithmeticException e) {
                throw bad(text, "is too long: at most 292 years");
            }
        }
    }

    /** A moment: ISO 8601 with or without time and offset (UTC then), or {@code now}. */
    static final class Epoch implements ITypeConverter<Epoch.Choice> {
        /**
         * A moment to power on at.
         *
         * @param now whether it came from the host's clock and so must be told to the user
         */
        record Choice(Instant moment, boolean now) {
        }

        @Override
        public Choice convert(String text) {
            if (text.equalsIgnoreCase("now")) {
                return new Choice(Instant.ofEpochSecond(Instant.now().getEpochSecond()), true);
            }
            Instant moment = parse(text);
            if (moment.isBefore(FIRST_EPOCH) || !moment.isBefore(LAST_EPOCH)) {
                throw bad(text, "is out of range: from 1970 to 2199");
            }
            return new Choice(moment, false);
        }

        private static Instant parse(String text) {
            try {
                if (text.indexOf('T') < 0 && text.indexOf('t') < 0) {
                    return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
                }
                int time = text.toUpperCase(Locale.ROOT).indexOf('T');
                boolean zoned = text.toUpperCase(Locale.ROOT).endsWith("Z") || text.indexOf('+', time) > 0
                        || text.indexOf('-', time) > 0;
                return zoned
                        ? OffsetDateTime.parse(text).toInstant()
                        : LocalDateTime.parse(text).toInstant(ZoneOffset.UTC);
            } catch (DateTimeException e) {
                throw bad(text, "is not an ISO 8601 date such as 2026-01-01 or 2026-01-01T12:30:00Z, nor 'now'");
            }
        }
    }

    /** A 64-bit number, decimal or after 0x hexadecimal. */
    static final class Seed implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            String lower = text.strip().toLowerCase(Locale.ROOT);
            try {
                if (lower.startsWith("0x")) {
                    return Long.parseUnsignedLong(lower.substring(2), 16);
                }
                return lower.startsWith("-") ? Long.parseLong(lower) : Long.parseUnsignedLong(lower);
            } catch (NumberFormatException e) {
                throw bad(text, "is not a 64-bit number such as 1 or 0x2a");
            }
        }
    }

    /** A number of virtual CPUs; QEMU's {@code cpus=N} too. */
    static final class Vcpus implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            String number = text.startsWith("cpus=") ? text.substring("cpus=".length()) : text;
            if (number.contains(",")) {
                throw bad(text, "has more than a number; only the number of CPUs can be chosen");
            }
            long n;
            try {
                n = Long.parseLong(number);
            } catch (NumberFormatException e) {
                throw bad(text, "is not a number");
            }
            if (n < 1 || n > Limits.MAX_VCPUS) {
                throw bad(text, "is out of range: 1 to " + Limits.MAX_VCPUS);
            }
            return (int) n;
        }
    }

    /** When a guest is to have how much memory: {@code 192M@20s}, {@code web=192M@20s}. */
    static final class MemorySetting implements ITypeConverter<MemorySetting.Choice> {
        /**
         * A change of a guest's memory.
         *
         * @param name of the guest; empty where there is only one
         * @param atNs virtual time in nanoseconds
         */
        record Choice(Optional<String> name, long bytes, long atNs) {
        }

        @Override
        public Choice convert(String text) {
            int name = text.indexOf('=');
            int at = text.indexOf('@', name + 1);
            if (at < 0) {
                throw bad(text, "does not say when; write it as in 192M@20s");
            }
            long time = new Duration().convert(text.substring(at + 1));
            if (time == Long.MAX_VALUE) {
                throw bad(text, "has no time at which it is to happen");
            }
            return new Choice(name < 0 ? Optional.empty() : Optional.of(text.substring(0, name)),
                    new Size().convert(text.substring(name + 1, at)), time);
        }
    }

    /** A count of 1 or more. */
    static final class Count implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            try {
                long n = Long.parseLong(text);
                if (n >= 1) {
                    return n;
                }
            } catch (NumberFormatException e) {
                throw bad(text, "is not a whole number");
            }
            throw bad(text, "is out of range: 1 or more");
        }
    }

    /** One of the tiers. */
    static final class TierName implements ITypeConverter<Tier> {
        @Override
        public Tier convert(String text) {
            return oneOf(Tier.class, text, "auto, native, interpreter, lockstep");
        }
    }

    /** One of the paces. */
    static final class PaceName implements ITypeConverter<Pace> {
        @Override
        public Pace convert(String text) {
            return oneOf(Pace.class, text, "max, real");
        }
    }

    /** The constant whose name is {@code text} in lower case. */
    static <E extends Enum<E>> E oneOf(Class<E> type, String text, String list) {
        for (E value : type.getEnumConstants()) {
            if (value.name().toLowerCase(Locale.ROOT).equals(text)) {
                return value;
            }
        }
        throw bad(text, "is not one of " + list);
    }

    /** The complaint about a value; picocli and {@link Errors} put the option's name before it. */
    static TypeConversionException bad(String text, String reason) {
        return new TypeConversionException("'" + text + "' " + reason);
    }
}

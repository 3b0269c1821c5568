package org.xenolith.cpu.disasm.check;

import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Count of one comparison with objdump.
 *
 * @param instructions instructions compared
 * @param differences how many differ otherwise than by the written lists
 * @param seed of the generated encodings; 0 where there are none
 * @param unsupported instructions of extensions that no CPU model has, by extension
 * @param listed known differences, by name
 */
public record CheckResult(long instructions, long differences, long seed, SortedMap<String, Long> unsupported,
        SortedMap<String, Long> listed) {

    /** The empty result. */
    public static CheckResult none(long seed) {
        return new CheckResult(0, 0, seed, new TreeMap<>(), new TreeMap<>());
    }

    /** Both counts together, with this one's seed. */
    public CheckResult plus(CheckResult other) {
        return new CheckResult(instructions + other.instructions, differences + other.differences, seed,
                sum(unsupported, other.unsupported), sum(listed, other.listed));
    }

    private static SortedMap<String, Long> sum(SortedMap<String, Long> a, SortedMap<String, Long> b) {
        SortedMap<String, Long> r = new TreeMap<>(a);
        b.forEach((k, n) -> r.merge(k, n, Long::sum));
        return r;
    }

    /** One line of JSON. */
    public String toJson() {
        return "{\"check\":\"decoder\",\"instructions\":" + instructions + ",\"differences\":" + differences
                + ",\"seed\":"
                + seed + ",\"unsupported\":" + object(unsupported) + ",\"listed\":" + object(listed) + "}";
    }

    private static String object(SortedMap<String, Long> counts) {
        StringBuilder b = new StringBuilder("{");
        for (Map.Entry<String, Long> e : counts.entrySet()) {
            b.append(b.length() > 1 ? "," : "").append('"').append(e.getKey()).append("\":").append(e.getValue());
        }
        return b.append('}').toString();
    }
}

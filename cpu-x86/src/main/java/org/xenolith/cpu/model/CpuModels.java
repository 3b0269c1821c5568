package org.xenolith.cpu.model;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.xenolith.cpu.Feature;

/**
 * The CPU models by name, and the notation {@code NAME[,+feature,-feature]}.
 *
 * <p>{@code x86-64-v2} and {@code x86-64-v3} are the levels of the x86-64 psABI plus system features that cost a guest nothing;
 * {@code intel} and {@code amd} offer everything that is built, with the vendor's own leaves.
 */
public final class CpuModels {
    /** The model used when none is named. */
    public static final String DEFAULT = "x86-64-v2";

    private static final List<String> NAMES = List.of("x86-64-v2", "x86-64-v3", "intel", "amd");

    private static final String BASE = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clfsh mmx fxsr "
            + "sse sse2 syscall nx lm invariant_tsc";
    private static final String V2 = " sse3 ssse3 sse4_1 sse4_2 popcnt cx16 lahf_lm";
    private static final String SYSTEM = " x2apic xsave xsaveopt xsavec xgetbv1 rdrand rdseed pcid invpcid smep smap umip "
            + "fsgsbase erms rdtscp tsc_adjust prefetchw clflushopt page1gb";
    private static final String V3 = " avx avx2 bmi1 bmi2 f16c fma lzcnt movbe";
    private static final String CRYPTO = " aes pclmulqdq sha adx";
    private static final String INTEL = " tsc_deadline arch_capabilities spec_ctrl stibp ssbd md_clear flush_l1d bhi_ctrl";
    private static final String AMD = " topoext amd_ibpb amd_ibrs amd_stibp amd_ssbd amd_ssb_no amd_btc_no lfence_serializing "
            + "xsaveerptr amd_ibpb_ret null_selector_clears_base auto_ibrs srso_no tsa_sq_no tsa_l1_no wbnoinvd";
    private static final String REST = " fsrm rdpid pku xsaves clwb";
    private static final String VIRTUAL_INTEL = " vmx";
    private static final String VIRTUAL_AMD = " svm";

    private static final Set<Feature> REQUIRED = features(
            "fpu tsc msr cx8 cmov clfsh mmx fxsr sse sse2 pse pae pge pat apic syscall nx lm");
    /** In CPUID, but the emulator has no instructions for them. */
    private static final Set<Feature> NOT_BUILT = features("sse4a vaes vpclmulqdq gfni movdiri");
    private static final Map<Feature, Set<Feature>> NEEDS = needs();
    private static final Map<String, String> ALIASES = Map.ofEntries(Map.entry("pclmul", "pclmulqdq"),
            Map.entry("abm", "lzcnt"), Map.entry("shani", "sha"), Map.entry("pdpe1gb", "page1gb"),
            Map.entry("cmpxchg16b", "cx16"), Map.entry("cmpxchg8b", "cx8"), Map.entry("clflush", "clfsh"),
            Map.entry("lahf", "lahflm"), Map.entry("xd", "nx"), Map.entry("rdrnd", "rdrand"));

    private CpuModels() {
    }

    /** The names of the models, the default first. */
    public static List<String> names() {
        return NAMES;
    }

    /** The model of a name, with one CPU. */
    public static StandardModel named(String name) {
        // the numbers of x86-64-v2 and -v3 are of no real part, so that guests apply no errata
        return switch (name) {
            case "x86-64-v2" -> model(name, false, 6, 0x6b, BASE + V2 + SYSTEM + INTEL);
            case "x86-64-v3" -> model(name, false, 6, 0x6b, BASE + V2 + SYSTEM + INTEL + V3 + CRYPTO);
            case "intel" ->
                model(name, false, 6, 0x8f, BASE + V2 + SYSTEM + INTEL + V3 + CRYPTO + REST + VIRTUAL_INTEL);
            case "amd" ->
                model(name, true, 0x19, 0x11, BASE + V2 + SYSTEM + AMD + V3 + CRYPTO + REST + VIRTUAL_AMD);
            default -> throw new IllegalArgumentException(
                    "no CPU model '" + name + "'; there are " + String.join(", ", NAMES));
        };
    }

    private static StandardModel model(String name, boolean amd, int family, int number, String features) {
        return new StandardModel(name, amd, family, number, 1, features(features));
    }

    /**
     * Parses {@code NAME[,+feature,-feature]}; a feature brings those that it needs, and one taken away takes those that need it.
     *
     * @throws IllegalArgumentException with one line that says what is wrong
     */
    public static StandardModel parse(String spec) {
        String[] parts = spec.split(",", -1);
        StandardModel model = named(parts[0].trim());
        EnumSet<Feature> set = EnumSet.copyOf(model.features());
        for (int i = 1; i < parts.length; i++) {
            String part = parts[i].trim();
            if (part.length() < 2 || part.charAt(0) != '+' && part.charAt(0) != '-') {
                throw new IllegalArgumentException(
                        "CPU feature '" + part + "' in '" + spec + "': write +feature or -feature");
            }
            Feature f = feature(part.substring(1));
            if (part.charAt(0) == '+') {
                add(set, f);
            } else {
                remove(set, f);
            }
        }
        return model.withFeatures(set);
    }

    private static void add(EnumSet<Feature> set, Feature f) {
        if (NOT_BUILT.contains(f)) {
            throw new IllegalArgumentException("CPU feature " + label(f) + " is not built");
        }
        if (set.add(f)) {
            for (Feature needed : NEEDS.getOrDefault(f, Set.of())) {
                add(set, needed);
            }
        }
    }

    private static void remove(EnumSet<Feature> set, Feature f) {
        if (REQUIRED.contains(f)) {
            throw new IllegalArgumentException("CPU feature " + label(f) + " is part of every x86-64 CPU");
        }
        if (set.remove(f)) {
            NEEDS.forEach((dependent, needed) -> {
                if (needed.contains(f)) {
                    remove(set, dependent);
                }
            });
        }
    }

    /** The feature of a name as people write it: case and punctuation do not matter. */
    static Feature feature(String name) {
        String key = key(name);
        key = ALIASES.getOrDefault(key, key);
        for (Feature f : Feature.values()) {
            if (key(f.name()).equals(key)) {
                return f;
            }
        }
        List<String> near = new ArrayList<>();
        for (Feature f : Feature.values()) {
            if (key.length() > 2 && key(f.name()).startsWith(key.substring(0, 3))) {
                near.add(label(f));
            }
        }
        throw new IllegalArgumentException("no CPU feature '" + name + "'"
                + (near.isEmpty() ? "" : "; near it are " + String.join(", ", near)));
    }

    private static String key(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }

    /** A feature's name as {@link #parse} takes it. */
    public static String label(Feature f) {
        return f.name().toLowerCase(Locale.ROOT);
    }

    private static Set<Feature> features(String words) {
        EnumSet<Feature> set = EnumSet.noneOf(Feature.class);
        for (String word : words.trim().split("\\s+", -1)) {
            set.add(Feature.valueOf(word.toUpperCase(Locale.ROOT)));
        }
        return set;
    }

    private static Map<Feature, Set<Feature>> needs() {
        EnumMap<Feature, Set<Feature>> m = new EnumMap<>(Feature.class);
        m.put(Feature.SSE3, features("sse2"));
        m.put(Feature.SSSE3, features("sse3"));
        m.put(Feature.SSE4_1, features("ssse3"));
        m.put(Feature.SSE4_2, features("sse4_1"));
        m.put(Feature.AES, features("sse2"));
        m.put(Feature.PCLMULQDQ, features("sse2"));
        m.put(Feature.SHA, features("ssse3"));
        m.put(Feature.AVX, features("xsave sse4_2"));
        for (Feature f : features("avx2 fma f16c")) {
            m.put(f, features("avx"));
        }
        for (Feature f : features("xsaveopt xsavec xgetbv1 pku")) {
            m.put(f, features("xsave"));
        }
        m.put(Feature.XSAVES, features("xsavec"));
        m.put(Feature.X2APIC, features("apic"));
        m.put(Feature.TSC_DEADLINE, features("apic"));
        return m;
    }
}

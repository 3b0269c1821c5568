package org.xenolith.emulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.LockstepTier;
import org.xenolith.cpu.jit.NativeCounts;
import org.xenolith.cpu.jit.NativeTier;
import org.xenolith.cpu.jit.StoredTranslations;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.memory.PhysicalMemory;

/** How the CPUs of one machine execute: the tier, and the caches that they share. */
final class Execution implements AutoCloseable {
    private final Tier tier;
    private final InstructionTable table = InstructionSet.create();
    private final CodeCache code;
    private final Optional<Translations> translations;
    private final Optional<StoredTranslations> stored;
    private final long faultAt;
    private final List<LockstepTier> lockstep = new ArrayList<>();
    private final List<NativeCounts> counts = new ArrayList<>();

    /**
     * Prepares a tier.
     *
     * @throws IllegalArgumentException if this host does not have it
     */
    Execution(MachineConfig config, PhysicalMemory memory) {
        code = new CodeCache(memory);
        Optional<String> obstacle = config.tier() == Tier.INTERPRETER ? Optional.empty() : Translations.obstacle();
        tier = switch (config.tier()) {
            case AUTO -> obstacle.isEmpty() ? Tier.NATIVE : Tier.INTERPRETER;
            case INTERPRETER -> Tier.INTERPRETER;
            default -> {
                if (obstacle.isPresent()) {
                    throw new IllegalArgumentException(
                            "--tier: " + config.tier().label() + " is not possible here: " + obstacle.get());
                }
                yield config.tier();
            }
        };
        translations = tier == Tier.INTERPRETER
                ? Optional.empty()
                : Optional.of(new Translations(config.codeCacheBytes()));
        Diagnostics diagnostics = config.diagnostics();
        faultAt = diagnostics.translatorFaultAt();
        // a run that goes wrong on purpose must not leave anything behind
        stored = translations.isEmpty() || faultAt != LockstepTier.NO_FAULT
                ? Optional.empty()
                : config.translationCache().flatMap(directory -> StoredTranslations.open(directory, config.cpu()));
        stored.ifPresent(s -> translations.get().keepIn(s, memory));
        if (translations.isPresent() && diagnostics.translations().isPresent()) {
            translations.get().trace(table, diagnostics.translations().get());
        }
    }

    Tier tier() {
        return tier;
    }

    Interpreter start(Cpu cpu) {
        if (translations.isEmpty()) {
            return new Interpreter(cpu, code, table);
        }
        NativeTier t = tier == Tier.LOCKSTEP
                ? lockstep(cpu)
                : new NativeTier(cpu, code, table, translations.get());
        counts.add(t.counts());
        return t;
    }

    private LockstepTier lockstep(Cpu cpu) {
        LockstepTier t = new LockstepTier(cpu, code, table, translations.orElseThrow(), faultAt);
        lockstep.add(t);
        return t;
    }

    void stop(VirtualCpu cpu) {
        code.removeCpu(cpu.cpu());
        if (cpu.tier() instanceof NativeTier t) {
            t.close();
        }
    }

    /** Share of {@code instructions} that the interpreter executed, 0 to 1. */
    double interpretedShare(long instructions) {
        if (tier == Tier.INTERPRETER) {
            return 1;
        }
        long n = counts.stream().mapToLong(NativeCounts::interpreted).sum();
        return instructions == 0 ? 0 : (double) n / instructions;
    }

    /** Instructions that the interpreter executed for emitted code, by mnemonic. */
    Map<String, Long> interpreted() {
        Map<String, Long> all = new TreeMap<>();
        counts.forEach(c -> c.interpretedByMnemonic().forEach((name, n) -> all.merge(name, n, Long::sum)));
        return all;
    }

    /** Exits of emitted code by reason, and what the translator did. */
    Map<String, Long> exits() {
        Map<String, Long> all = new TreeMap<>();
        counts.forEach(c -> c.exits().forEach((name, n) -> all.merge("native_" + name, n, Long::sum)));
        if (!counts.isEmpty()) {
            all.put("native_entries", counts.stream().mapToLong(NativeCounts::entries).sum());
            all.put("native_miss_served", counts.stream().mapToLong(NativeCounts::missesServed).sum());
        }
        if (!lockstep.isEmpty()) {
            all.put("lockstep_compared", lockstep.stream().mapToLong(LockstepTier::compared).sum());
            all.put("lockstep_uncompared", lockstep.stream().mapToLong(LockstepTier::uncompared).sum());
        }
        translations.ifPresent(t -> {
            all.put("translation_made", t.made());
            all.put("translation_loaded", stored.map(StoredTranslations::loaded).orElse(0L));
            all.put("translation_reused", stored.map(StoredTranslations::reused).orElse(0L));
            all.put("translation_stored", stored.map(StoredTranslations::stored).orElse(0L));
            all.put("translation_dropped", t.dropped());
            all.put("translation_jumps", t.jumps());
            all.put("translation_chained", t.chained());
            all.put("translation_kept", t.kept());
            all.put("translation_bytes_in_use", t.bytesInUse());
            all.put("translation_bytes", t.bytesMade());
            all.put("translation_instructions", t.guestInstructions());
            all.put("translation_regions_emptied", t.regionsEmptied());
        });
        return all;
    }

    /** The run has come to an orderly end: keeps its translations for later runs. */
    void finish() {
        stored.ifPresent(StoredTranslations::save);
    }

    @Override
    public void close() {
        stored.ifPresent(StoredTranslations::close);
        translations.ifPresent(Translations::close);
    }
}

package org.xenolith.cpu.model;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.Feature;

/**
 * A CPU model as a set of features, an identity, a topology and a clock; immutable.
 *
 * <p>The default clock is a TSC of 1 GHz, so that a tick is a virtual nanosecond.
 */
public final class StandardModel implements CpuModel {
    /** Crystal clock in kHz, from which CPUID.15h derives the TSC frequency and which drives the local APIC timer. */
    public static final int CRYSTAL_KHZ = 25_000;
    private static final int DEFAULT_TSC_KHZ = 1_000_000;

    private final String name;
    private final boolean amd;
    private final int family;
    private final int modelNumber;
    private final int stepping;
    private final EnumSet<Feature> features;
    private final int cpus;
    private final int apicIdShift;
    private final int tscKhz;
    private final CpuidLeaves leaves;

    StandardModel(String name, boolean amd, int family, int modelNumber, int stepping, Set<Feature> features) {
        this(name, amd, family, modelNumber, stepping, features, 1, 0, DEFAULT_TSC_KHZ);
    }

    private StandardModel(String name, boolean amd, int family, int modelNumber, int stepping, Set<Feature> features,
            int cpus, int apicIdShift, int tscKhz) {
        this.name = name;
        this.amd = amd;
        this.family = family;
        this.modelNumber = modelNumber;
        this.stepping = stepping;
        this.features = EnumSet.copyOf(features);
        this.cpus = cpus;
        this.apicIdShift = apicIdShift;
        this.tscKhz = tscKhz;
        this.leaves = new CpuidLeaves(this);
    }

    /** The same model with other features. */
    StandardModel withFeatures(Set<Feature> set) {
        return new StandardModel(name, amd, family, modelNumber, stepping, set, cpus, apicIdShift, tscKhz);
    }

    /** The same model as a hypervisor shows it to its guests: without VT-x and AMD-V. */
    public StandardModel withoutVirtualization() {
        EnumSet<Feature> set = EnumSet.copyOf(features);
        set.remove(Feature.VMX);
        set.remove(Feature.SVM);
        return withFeatures(set);
    }

    /**
     * The same model in a machine or domain of several CPUs: one package, one thread a core.
     *
     * @param count 1 to 255 CPUs
     * @param idShift the APIC id of CPU n is n &lt;&lt; idShift (Xen's guests have 1, a bare machine 0)
     */
    @Override
    public StandardModel withTopology(int count, int idShift) {
        if (count < 1 || count > 255 || idShift < 0 || idShift > 1) {
            throw new IllegalArgumentException("topology of " + count + " CPUs with APIC id shift " + idShift);
        }
        return new StandardModel(name, amd, family, modelNumber, stepping, features, count, idShift, tscKhz);
    }

    /**
     * The same model with another TSC frequency.
     *
     * @param khz 1,000 to 10,000,000
     */
    public StandardModel withTscKhz(int khz) {
        if (khz < 1000 || khz > 10_000_000) {
            throw new IllegalArgumentException("a TSC of " + khz + " kHz");
        }
        return new StandardModel(name, amd, family, modelNumber, stepping, features, cpus, apicIdShift, khz);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean amd() {
        return amd;
    }

    /** CPUs in the package. */
    public int cpus() {
        return cpus;
    }

    /** Width in bits of the thread part of an APIC id. */
    int apicIdShift() {
        return apicIdShift;
    }

    /** Width in bits of the thread and core parts of an APIC id. */
    int packageShift() {
        return apicIdShift + (cpus == 1 ? 0 : 32 - Integer.numberOfLeadingZeros(cpus - 1));
    }

    /** The features, in declaration order. */
    public Set<Feature> features() {
        return Collections.unmodifiableSet(features);
    }

    @Override
    public int signature() {
        int base = Math.min(family, 15);
        int extended = family - base;
        return extended << 20 | (modelNumber >> 4) << 16 | base << 8 | (modelNumber & 15) << 4 | stepping;
    }

    @Override
    public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
        leaves.read(cpu, leaf, subleaf, regs);
    }

    @Override
    public boolean has(Feature feature) {
        return features.contains(feature);
    }

    @Override
    public int maxPhysicalAddressBits() {
        return 46;
    }

    @Override
    public long ticks(long nanoseconds) {
        if (tscKhz == DEFAULT_TSC_KHZ) {
            return nanoseconds;
        }
        return nanoseconds / 1_000_000 * tscKhz + nanoseconds % 1_000_000 * tscKhz / 1_000_000;
    }

    @Override
    public int tscKhz() {
        return tscKhz;
    }

    @Override
    public long archCapabilities() {
        return has(Feature.ARCH_CAPABILITIES) ? ArchCapabilities.IMMUNE : 0;
    }

    @Override
    public String toString() {
        return name;
    }
}

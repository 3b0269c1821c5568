package org.xenolith.cpu.oracle;

import java.util.EnumSet;
import java.util.Set;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.jit.host.HostFeatures;

/** A CPU model that offers exactly the instructions that the host offers, so that both sides call the same ones #UD. */
final class HostModel implements CpuModel {
    private final Set<Feature> features;
    private final String vendor;

    HostModel(HostFeatures host) {
        this.vendor = host.vendor();
        EnumSet<Feature> set = EnumSet.of(Feature.NX, Feature.PAE, Feature.PSE, Feature.PGE, Feature.PAT, Feature.UMIP,
                Feature.SMEP, Feature.SMAP);
        for (Feature feature : Feature.values()) {
            if (offers(host, feature)) {
                set.add(feature);
            }
        }
        this.features = set;
    }

    private static boolean offers(HostFeatures h, Feature feature) {
        return switch (feature) {
            case FPU -> bit(h.edx1(), 0);
            case TSC -> bit(h.edx1(), 4);
            case MSR -> bit(h.edx1(), 5);
            case CX8 -> bit(h.edx1(), 8);
            case SEP -> bit(h.edx1(), 11);
            case CMOV -> bit(h.edx1(), 15);
            case CLFSH -> bit(h.edx1(), 19);
            case MMX -> bit(h.edx1(), 23);
            case FXSR -> bit(h.edx1(), 24);
            case SSE -> bit(h.edx1(), 25);
            case SSE2 -> bit(h.edx1(), 26);
            case SSE3 -> bit(h.ecx1(), 0);
            case PCLMULQDQ -> bit(h.ecx1(), 1);
            case SSSE3 -> bit(h.ecx1(), 9);
            case FMA -> h.avx() && bit(h.ecx1(), 12);
            case CX16 -> bit(h.ecx1(), 13);
            case SSE4_1 -> bit(h.ecx1(), 19);
            case SSE4_2 -> bit(h.ecx1(), 20);
            case MOVBE -> bit(h.ecx1(), 22);
            case POPCNT -> bit(h.ecx1(), 23);
            case AES -> bit(h.ecx1(), 25);
            case XSAVE -> bit(h.ecx1(), 27);
            case AVX -> h.avx();
            case F16C -> h.avx() && bit(h.ecx1(), 29);
            case RDRAND -> bit(h.ecx1(), 30);
            case FSGSBASE -> h.fsGsBase();
            case BMI1 -> bit(h.ebx7(), 3);
            case AVX2 -> h.avx() && bit(h.ebx7(), 5);
            case BMI2 -> bit(h.ebx7(), 8);
            case ERMS -> bit(h.ebx7(), 9);
            case INVPCID -> bit(h.ebx7(), 10);
            case RDSEED -> bit(h.ebx7(), 18);
            case ADX -> bit(h.ebx7(), 19);
            case CLFLUSHOPT -> bit(h.ebx7(), 23);
            case CLWB -> bit(h.ebx7(), 24);
            case SHA -> bit(h.ebx7(), 29);
            case GFNI -> bit(h.ecx7(), 8);
            case VAES -> h.avx() && bit(h.ecx7(), 9);
            case VPCLMULQDQ -> h.avx() && bit(h.ecx7(), 10);
            case RDPID -> bit(h.ecx7(), 22);
            case MOVDIRI -> bit(h.ecx7(), 27);
            case SYSCALL, LM -> true;
            case RDTSCP -> bit(h.edxExt(), 27);
            case LAHF_LM -> bit(h.ecxExt(), 0);
            case LZCNT -> bit(h.ecxExt(), 5);
            case SSE4A -> bit(h.ecxExt(), 6);
            case PREFETCHW -> bit(h.ecxExt(), 8);
            case XSAVEOPT -> bit(h.eaxXsave(), 0);
            case XSAVEC -> bit(h.eaxXsave(), 1);
            case XGETBV1 -> bit(h.eaxXsave(), 2);
            default -> false;
        };
    }

    private static boolean bit(int word, int n) {
        return (word >> n & 1) != 0;
    }

    @Override
    public String name() {
        return "host " + vendor;
    }

    @Override
    public int signature() {
        return 0x000806f0;
    }

    @Override
    public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
        java.util.Arrays.fill(regs, 0);
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
        return nanoseconds;
    }

    @Override
    public int tscKhz() {
        return 1_000_000;
    }
}

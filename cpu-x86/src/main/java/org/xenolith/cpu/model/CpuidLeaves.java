package org.xenolith.cpu.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.XsaveLayout;
import org.xenolith.cpu.svm.Svm;

/** The CPUID leaves of a {@link StandardModel} (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E). */
final class CpuidLeaves {
    private static final int EAX = 0;
    private static final int EBX = 1;
    private static final int ECX = 2;
    private static final int EDX = 3;

    private static final int MAX_BASIC_INTEL = 0x16;
    private static final int MAX_BASIC_AMD = 0xd;
    private static final int MAX_EXTENDED_INTEL = 0x8000_0008;
    private static final int MAX_EXTENDED_AMD = 0x8000_0021;

    private static final int LINE = 64;
    private static final int BUS_MHZ = 100;

    private final StandardModel model;
    private final int[] brand = new int[12];

    CpuidLeaves(StandardModel model) {
        this.model = model;
        byte[] text = Arrays.copyOf(("Xenolith " + model.name()).getBytes(StandardCharsets.US_ASCII), 48);
        text[47] = 0;
        for (int i = 0; i < 48; i++) {
            brand[i >> 2] |= (text[i] & 0xff) << 8 * (i & 3);
        }
    }

    void read(Cpu cpu, int leaf, int subleaf, int[] r) {
        Arrays.fill(r, 0, 4, 0);
        int maxBasic = model.amd() ? MAX_BASIC_AMD : MAX_BASIC_INTEL;
        int maxExtended = model.amd() ? MAX_EXTENDED_AMD : MAX_EXTENDED_INTEL;
        int group = leaf >>> 28;
        if (group == 4) {
            return;
        }
        int max = group == 8 ? maxExtended : maxBasic;
        int at = leaf;
        if (Integer.compareUnsigned(leaf, max) > 0 || group != 0 && group != 8) {
            if (model.amd()) {
                return;
            }
            // Intel answers a leaf beyond its range with the highest basic one
            at = maxBasic;
        }
        features(at, subleaf, r);
        switch (at) {
            case 0 -> vendor(r, maxBasic);
            case 1 -> identity(cpu, r);
            case 2 -> descriptors(r);
            case 4 -> {
                if (!model.amd()) {
                    cache(subleaf, r);
                }
            }
            case 6 -> r[EAX] = 1 << 2;
            case 7 -> extendedFeatures(cpu, subleaf, r);
            case 0xb -> topology(cpu, subleaf, r);
            case 0xd -> xsave(cpu, subleaf, r);
            case 0x15 -> crystal(r);
            case 0x16 -> {
                r[EAX] = model.tscKhz() / 1000;
                r[EBX] = r[EAX];
                r[ECX] = BUS_MHZ;
            }
            case 0x8000_0000 -> {
                r[EAX] = maxExtended;
                if (model.amd()) {
                    vendorText(r);
                }
            }
            case 0x8000_0001 -> extendedIdentity(r);
            case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> System.arraycopy(brand, (at - 0x8000_0002) * 4, r, 0, 4);
            case 0x8000_0005 -> {
                if (model.amd()) {
                    r[ECX] = 32 << 24 | 8 << 16 | 1 << 8 | LINE;
                    r[EDX] = r[ECX];
                }
            }
            case 0x8000_0006 -> {
                r[ECX] = 1024 << 16 | 8 << 12 | LINE;
                if (model.amd()) {
                    // L3 in units of 512 KiB, 16-way
                    r[EDX] = 32 << 18 | 8 << 12 | 1 << 8 | LINE;
                }
            }
            case 0x8000_0008 -> addressSizes(r);
            case 0x8000_000a -> {
                if (model.has(Feature.SVM)) {
                    r[EAX] = Svm.REVISION;
                    r[EBX] = Svm.ASIDS;
                    r[EDX] = Svm.FEATURES;
                }
            }
            case 0x8000_001d -> cache(subleaf, r);
            case 0x8000_001e -> {
                r[EAX] = cpu.apic().id();
                r[EBX] = cpu.apic().id() >> model.apicIdShift();
            }
            default -> {
            }
        }
    }

    private void features(int leaf, int subleaf, int[] r) {
        for (Feature f : model.features()) {
            // only leaves 7 and 0Dh look at ECX
            if (f.leaf() == leaf && (leaf != 7 && leaf != 0xd || f.subleaf() == subleaf)) {
                r[f.register()] |= 1 << f.bit();
            }
        }
    }

    private void vendor(int[] r, int max) {
        r[EAX] = max;
        vendorText(r);
    }

    private void vendorText(int[] r) {
        String text = model.amd() ? "AuthenticAMD" : "GenuineIntel";
        r[EBX] = word(text, 0);
        r[EDX] = word(text, 4);
        r[ECX] = word(text, 8);
    }

    private static int word(String text, int at) {
        return text.charAt(at) | text.charAt(at + 1) << 8 | text.charAt(at + 2) << 16 | text.charAt(at + 3) << 24;
    }

    private void identity(Cpu cpu, int[] r) {
        r[EAX] = model.signature();
        int addressable = Math.min(255, 1 << model.packageShift());
        r[EBX] = (cpu.apic().id() & 0xff) << 24 | addressable << 16 | LINE / 8 << 8;
        if (model.cpus() > 1) {
            r[EDX] |= 1 << 28;
        }
        if (!cpu.apic().enabled()) {
            r[EDX] &= ~(1 << Feature.APIC.bit());
        }
        if ((cpu.cr4() & ControlRegisters.CR4_OSXSAVE) != 0) {
            r[ECX] |= 1 << 27;
        }
        if (!model.amd()) {
            // self-snoop
            r[EDX] |= 1 << 27;
        }
    }

    private void descriptors(int[] r) {
        if (!model.amd()) {
            // caches: see leaf 4 (FFh); TLBs: 63h, 03h, 76h, B5h, C3h; 64-byte prefetching (F0h)
            r[EAX] = 0x7603_6301;
            r[EBX] = 0x00f0_b5ff;
            r[EDX] = 0x00c3_0000;
        }
    }

    /** L1d, L1i and L2 of a core, L3 of the package. */
    private void cache(int subleaf, int[] r) {
        switch (subleaf) {
            case 0 -> cache(r, 1, 1, 32, 8, false);
            case 1 -> cache(r, 2, 1, 32, 8, false);
            case 2 -> cache(r, 3, 2, 1024, 8, false);
            case 3 -> cache(r, 3, 3, 16 * 1024, 16, true);
            default -> {
            }
        }
    }

    private void cache(int[] r, int type, int level, int kib, int ways, boolean shared) {
        int sharing = shared ? 1 << model.packageShift() : 1 << model.apicIdShift();
        r[EAX] = type | level << 5 | 1 << 8 | Math.min(sharing - 1, 0xfff) << 14;
        if (!model.amd()) {
            r[EAX] |= Math.min((1 << model.packageShift() - model.apicIdShift()) - 1, 63) << 26;
        }
        r[EBX] = ways - 1 << 22 | LINE - 1;
        r[ECX] = kib * 1024 / (ways * LINE) - 1;
    }

    private void extendedFeatures(Cpu cpu, int subleaf, int[] r) {
        if (subleaf == 0) {
            r[EAX] = model.has(Feature.BHI_CTRL) ? 2 : 0;
            if (model.has(Feature.PKU) && (cpu.cr4() & ControlRegisters.CR4_PKE) != 0) {
                r[ECX] |= 1 << 4;
            }
        }
    }

    private void topology(Cpu cpu, int subleaf, int[] r) {
        if (!model.has(Feature.X2APIC)) {
            return;
        }
        r[ECX] = subleaf & 0xff;
        r[EDX] = cpu.apic().id();
        switch (subleaf) {
            case 0 -> {
                r[EAX] = model.apicIdShift();
                r[EBX] = 1;
                r[ECX] |= 1 << 8;
            }
            case 1 -> {
                r[EAX] = model.packageShift();
                r[EBX] = model.cpus();
                r[ECX] |= 2 << 8;
            }
            default -> {
            }
        }
    }

    private void xsave(Cpu cpu, int subleaf, int[] r) {
        if (!model.has(Feature.XSAVE)) {
            Arrays.fill(r, 0, 4, 0);
            return;
        }
        long mask = model.xcr0Mask();
        switch (subleaf) {
            case 0 -> {
                r[EAX] = (int) mask;
                r[EBX] = XsaveLayout.standardSize(cpu.field(CpuState.XCR0));
                r[ECX] = XsaveLayout.standardSize(mask);
                r[EDX] = (int) (mask >>> 32);
            }
            case 1 -> {
                if (model.has(Feature.XSAVEC) || model.has(Feature.XSAVES)) {
                    r[EBX] = XsaveLayout.compactSize(cpu.field(CpuState.XCR0) | cpu.field(CpuState.XSS));
                }
            }
            default -> {
                if (subleaf > 1 && subleaf < 63 && (mask >>> subleaf & 1) != 0) {
                    r[EAX] = XsaveLayout.componentSize(subleaf);
                    r[EBX] = XsaveLayout.standardOffset(subleaf);
                }
            }
        }
    }

    /** TSC frequency = crystal * EBX / EAX. */
    private void crystal(int[] r) {
        int g = gcd(model.tscKhz(), StandardModel.CRYSTAL_KHZ);
        // a denominator of at least 2 as on real parts: some software takes 1 for an unknown ratio
        int scale = StandardModel.CRYSTAL_KHZ / g == 1 ? 2 : 1;
        r[EAX] = StandardModel.CRYSTAL_KHZ / g * scale;
        r[EBX] = model.tscKhz() / g * scale;
        r[ECX] = StandardModel.CRYSTAL_KHZ * 1000;
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    private void extendedIdentity(int[] r) {
        if (model.amd()) {
            r[EAX] = model.signature();
            // AMD repeats the features of leaf 1 that it had first
            int[] first = new int[4];
            features(1, 0, first);
            r[EDX] |= first[EDX] & 0x0183_f3ff;
            if (model.cpus() > 1) {
                r[ECX] |= 1 << 1;
            }
        }
        if (model.has(Feature.SYSCALL)) {
            r[EDX] |= 1 << Feature.SYSCALL.bit();
        }
    }

    private void addressSizes(int[] r) {
        r[EAX] = 48 << 8 | model.maxPhysicalAddressBits();
        if (model.amd()) {
            r[ECX] = model.packageShift() << 12 | model.cpus() - 1;
        }
    }
}

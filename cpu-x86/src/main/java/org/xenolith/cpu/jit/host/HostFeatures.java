package org.xenolith.cpu.jit.host;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What the host CPU and its kernel offer to code run in this process, asked by executing CPUID and XGETBV.
 *
 * @param vendor   the 12-letter vendor string of CPUID leaf 0
 * @param ecx1     CPUID 1 ECX
 * @param edx1     CPUID 1 EDX
 * @param ebx7     CPUID 7.0 EBX
 * @param ecx7     CPUID 7.0 ECX
 * @param ecxExt   CPUID 8000_0001h ECX
 * @param edxExt   CPUID 8000_0001h EDX
 * @param eaxXsave CPUID 0Dh.1 EAX (XSAVEOPT, XSAVEC, XGETBV with ECX = 1, XSAVES)
 * @param xcr0     XCR0, or 0 without OSXSAVE
 * @param fsGsBase whether the kernel lets user code run RDFSBASE and its kin
 */
public record HostFeatures(String vendor, int ecx1, int edx1, int ebx7, int ecx7, int ecxExt, int edxExt,
        int eaxXsave, long xcr0, boolean fsGsBase) {
    private static final int OSXSAVE = 1 << 27;
    private static final int AT_HWCAP2 = 26;
    private static final int HWCAP2_FSGSBASE = 2;

    /**
     * Tells whether this JVM runs on x86-64 Linux at all; nothing else of this package may be used elsewhere.
     *
     * @return true on Linux with an x86-64 CPU
     */
    public static boolean isX64Linux() {
        String arch = System.getProperty("os.arch", "");
        return "Linux".equals(System.getProperty("os.name")) && ("amd64".equals(arch) || "x86_64".equals(arch));
    }

    /**
     * Asks the host.
     *
     * @return its features
     * @throws HostException if the host lets no code be mapped or is not x86-64 Linux
     */
    public static HostFeatures detect() {
        if (!isX64Linux()) {
            throw new HostException("host code needs Linux on x86-64");
        }
        try (CodeCache cache = CodeCache.map(4096); Arena arena = Arena.ofConfined()) {
            CodeBuffer code = new CodeBuffer(cache.base());
            // void cpuid(int *out, int leaf, int subleaf): RBX is callee-saved and CPUID overwrites it.
            code.emit(0x53, 0x89, 0xf0, 0x89, 0xd1, 0x49, 0x89, 0xf8, 0x0f, 0xa2);
            code.emit(0x41, 0x89, 0x00, 0x41, 0x89, 0x58, 0x04, 0x41, 0x89, 0x48, 0x08, 0x41, 0x89, 0x50, 0x0c);
            code.emit(0x5b, 0xc3);
            long xgetbv = code.here();
            // long xgetbv(): XCR0 in EDX:EAX.
            code.emit(0x31, 0xc9, 0x0f, 0x01, 0xd0, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3);
            cache.write(0, code.bytes());
            MethodHandle cpuid = HostCalls.entry(cache.base(),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            MemorySegment out = arena.allocate(16);
            int[] leaf0 = ask(cpuid, out, 0);
            byte[] vendor = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(leaf0[1]).putInt(leaf0[3])
                    .putInt(leaf0[2]).array();
            int[] leaf1 = ask(cpuid, out, 1);
            int[] leaf7 = leaf0[0] >= 7 ? ask(cpuid, out, 7) : new int[4];
            int[] extended = ask(cpuid, out, 0x80000001);
            boolean xsave = (leaf1[2] & OSXSAVE) != 0;
            int[] leafD = xsave ? askSub(cpuid, out, 0xd, 1) : new int[4];
            long xcr0 = xsave
                    ? (long) HostCalls.entry(xgetbv, FunctionDescriptor.of(ValueLayout.JAVA_LONG))
                            .invokeExact()
                    : 0;
            return new HostFeatures(new String(vendor, StandardCharsets.US_ASCII), leaf1[2], leaf1[3], leaf7[1],
                    leaf7[2], extended[2], extended[3], leafD[0], xcr0,
                    (HostCalls.auxiliary(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0);
        } catch (Throwable t) {
            throw HostCalls.wrap(t);
        }
    }

    private static int[] ask(MethodHandle cpuid, MemorySegment out, int leaf) throws Throwable {
        return askSub(cpuid, out, leaf, 0);
    }

    private static int[] askSub(MethodHandle cpuid, MemorySegment out, int leaf, int subleaf) throws Throwable {
        cpuid.invokeExact(out, leaf, subleaf);
        return out.toArray(ValueLayout.JAVA_INT);
    }

    /**
     * Tells whether AVX state is enabled, so that VEX instructions can run.
     *
     * @return true if the CPU has AVX and the kernel enabled its state
     */
    public boolean avx() {
        return (ecx1 & 1 << 28) != 0 && (xcr0 & 6) == 6;
    }

    /**
     * Tells whether the CPU has what emitted code is made of: AVX2, BMI1, BMI2, LZCNT, MOVBE, FMA, F16C (x86-64-v3).
     *
     * @return true if all of it is there and enabled
     */
    public boolean level3() {
        int need1 = 1 << 12 | 1 << 22 | 1 << 29;
        int need7 = 1 << 3 | 1 << 5 | 1 << 8;
        return avx() && (ecx1 & need1) == need1 && (ebx7 & need7) == need7 && (ecxExt & 1 << 5) != 0;
    }

    /**
     * Tells whether the CPU is AMD's (or Hygon's, which follows it).
     *
     * @return true for AMD behaviour where the vendors differ
     */
    public boolean amd() {
        return "AuthenticAMD".equals(vendor) || "HygonGenuine".equals(vendor);
    }
}

package org.xenolith.guests.elf;

/** Names of the machines that a kernel may have been built for by mistake (gABI, {@code e_machine}). */
final class ElfMachines {
    private ElfMachines() {}

    static String name(int machine) {
        return switch (machine) {
            case 2, 18, 43 -> "SPARC";
            case ElfImage.EM_386 -> "i386";
            case 4 -> "Motorola 68000";
            case 8 -> "MIPS";
            case 20 -> "PowerPC";
            case 21 -> "64-bit PowerPC";
            case 22 -> "S/390";
            case 40 -> "ARM";
            case 50 -> "Itanium";
            case ElfImage.EM_X86_64 -> "x86-64";
            case 183 -> "AArch64";
            case 243 -> "RISC-V";
            case 247 -> "BPF";
            case 258 -> "LoongArch";
            default -> "machine number " + machine;
        };
    }
}

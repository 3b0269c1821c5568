package org.xenolith.emulator;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.FaultLog;
import org.xenolith.cpu.Vector;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.symbols.KernelSymbols;
import org.xenolith.guests.symbols.SymbolTable;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.Vcpu;

/** Says in words why a guest crashed: reason, registers, and names for code addresses where the kernel has symbols. */
final class CrashReport {
    private static final String[] NAMES = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10",
        "r11", "r12", "r13",
        "r14", "r15"};
    private static final String TRIPLE_FAULT = "triple fault: an exception could not be delivered, nor the double fault that this made; a PC resets itself then";
    private static final int STACK_WORDS = 512;
    private static final int MAX_CALLS = 16;

    private CrashReport() {
    }

    static String of(Domain domain, DomainConfig config) {
        StringBuilder b = new StringBuilder();
        boolean tripleFault = domain.vcpus().stream().anyMatch(v -> v.cpu().faults().isTripleFault());
        b.append(tripleFault ? TRIPLE_FAULT : reason(domain.shutdownReason())).append('\n');
        Optional<SymbolTable> symbols = symbols(config);
        for (Vcpu v : domain.vcpus()) {
            if (!v.down()) {
                vcpu(b, v, symbols);
            }
        }
        return b.toString();
    }

    private static String reason(int reason) {
        return switch (reason) {
            case ShutdownReason.CRASH ->
                "the guest reported a crash (SHUTDOWN_crash), as kernels do when they panic; its last console lines say why";
            case ShutdownReason.WATCHDOG -> "the guest's watchdog expired (SHUTDOWN_watchdog)";
            default -> "the guest shut down for an unknown reason, " + reason;
        };
    }

    private static Optional<SymbolTable> symbols(DomainConfig config) {
        try {
            return KernelSymbols.of(KernelImage.read(ImageFile.open(config.kernel()), config.memoryBytes()).elf());
        } catch (ImageException | IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    private static void vcpu(StringBuilder b, Vcpu v, Optional<SymbolTable> symbols) {
        Cpu c = v.cpu();
        b.append(String.format(Locale.ROOT, "vCPU %d: rip %x%s cs %x cpl %d rflags %x%n", v.id(), c.rip(),
                name(symbols, c.rip()),
                c.selector(CpuState.CS), c.cpl(), c.rflags()));
        for (int r = 0; r < 16; r++) {
            b.append(String.format(Locale.ROOT, "%s%-3s %016x", r % 4 == 0 ? "  " : "  ", NAMES[r], c.reg(r)));
            if (r % 4 == 3) {
                b.append('\n');
            }
        }
        b.append(String.format(Locale.ROOT, "  cr0 %x cr2 %x cr3 %x cr4 %x efer %x%n", c.cr0(), c.field(CpuState.CR2),
                c.field(CpuState.CR3), c.cr4(), c.efer()));
        faults(b, c, symbols);
        if (symbols.isPresent() && c.code64()) {
            calls(b, v, symbols);
        }
    }

    /** The chain of exceptions, the newest first, each with the page-table entries or the descriptor that it was about. */
    private static void faults(StringBuilder b, Cpu c, Optional<SymbolTable> symbols) {
        List<FaultLog.Entry> list = c.faults().newestFirst();
        for (int k = 0; k < list.size(); k++) {
            FaultLog.Entry f = list.get(k);
            b.append(k == 0 ? "  last exceptions, the newest first:\n" : "");
            b.append(String.format(Locale.ROOT, "    %s at rip %x%s, cpl %d%s%n", Vector.name(f.vector()), f.rip(),
                    name(symbols, f.rip()), f.cpl(),
                    f.nested() ? ", while the one below was being delivered" : ""));
            if (f.vector() == Vector.PF) {
                b.append("      ").append(pageFault(f)).append("; entries now: ").append(c.mmu().describe(f.address()))
                        .append('\n');
            } else if (f.vector() >= Vector.TS && f.vector() <= Vector.GP && f.error() != 0) {
                b.append("      ").append(selector(c, f.error())).append('\n');
            }
        }
    }

    private static String pageFault(FaultLog.Entry f) {
        int e = f.error();
        return String.format(Locale.ROOT, "%s %x in %s mode: %s",
                (e & 16) != 0 ? "instruction fetch from" : (e & 2) != 0 ? "write to" : "read of",
                f.address(), (e & 4) != 0 ? "user" : "supervisor",
                (e & 8) != 0
                        ? "a reserved bit is set in an entry"
                        : (e & 32) != 0
                                ? "the protection key forbids it"
                                : (e & 1) != 0
                                        ? "the page is present but its rights forbid it"
                                        : "the page is not present");
    }

    /** An error code that names a descriptor (SDM vol. 3, 6.13). */
    private static String selector(Cpu c, int error) {
        int index = error >>> 3 & 0x1fff;
        boolean idt = (error & 2) != 0;
        boolean ldt = !idt && (error & 4) != 0;
        long base = idt
                ? c.field(CpuState.IDTR_BASE)
                : ldt ? c.segmentBase(CpuState.LDTR) : c.field(CpuState.GDTR_BASE);
        int size = idt && c.longMode() ? 16 : 8;
        long gpa = c.mmu().peekGpa(base + (long) index * size);
        String where = String.format(Locale.ROOT, "entry %d (0x%x) of the %s at %x", index, index,
                idt ? "IDT" : ldt ? "LDT" : "GDT", base);
        return gpa < 0 ? where + ", which is not mapped" : where + "; its gpa is " + Long.toHexString(gpa);
    }

    /** Return addresses found on the stack, the likeliest callers first. */
    private static void calls(StringBuilder b, Vcpu v, Optional<SymbolTable> symbols) {
        Cpu c = v.cpu();
        int found = 0;
        for (int k = 0; k < STACK_WORDS && found < MAX_CALLS; k++) {
            long at = c.reg(CpuState.RSP) + 8L * k;
            long gpa = c.mmu().peekGpa(at);
            if (gpa < 0 || !v.domain().isRam(gpa, 8) || (gpa & 0xfff) > 4088) {
                return;
            }
            long word = v.domain().read64(gpa);
            String name = name(symbols, word);
            if (!name.isEmpty()) {
                b.append(found++ == 0 ? "  code addresses on the stack:\n" : "")
                        .append(String.format(Locale.ROOT, "    %x%s%n", word, name));
            }
        }
    }

    private static String name(Optional<SymbolTable> symbols, long address) {
        return symbols.flatMap(t -> t.find(address))
                .map(found -> String.format(Locale.ROOT, " <%s+0x%x>", found.name(), address - found.address()))
                .orElse("");
    }
}

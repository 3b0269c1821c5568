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
    private static final int STACK_WORDS = 512;
    private static final int MAX_CALLS = 16;

    private CrashReport() {
    }

    static String of(Domain domain, DomainConfig config) {
        StringBuilder b = new StringBuilder();
        b.append(domain.outOfMemory().isEmpty()
                ? tripleFault(domain).orElseGet(() -> reason(domain.shutdownReason()))
                : "out of memory: " + domain.outOfMemory()).append('\n');
        Optional<SymbolTable> symbols = symbols(config);
        for (Vcpu v : domain.vcpus()) {
            if (!v.down()) {
                vcpu(b, v, symbols);
            }
        }
        return b.toString();
    }

    /** Which exceptions made the triple fault that ended a domain, in a line; empty when none did. */
    static Optional<String> tripleFault(Domain domain) {
        return domain.vcpus().stream().filter(v -> v.cpu().faults().isTripleFault()).findFirst()
                .map(v -> "triple fault of vCPU " + v.id() + ": "
                        + FaultWords.chain(v.cpu().faults().newestFirst()));
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
        if (config.kernel().isEmpty()) {
            return Optional.empty();
        }
        try {
            return KernelSymbols
                    .of(KernelImage.read(ImageFile.open(config.kernel().get()), config.memoryBytes()).elf());
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
        faults(b, v, symbols);
        if (symbols.isPresent() && c.code64()) {
            calls(b, v, symbols);
        }
    }

    /** The exceptions, the newest first, each with the page-table entries or the descriptor that it was about. */
    private static void faults(StringBuilder b, Vcpu v, Optional<SymbolTable> symbols) {
        List<FaultLog.Entry> list = v.cpu().faults().newestFirst();
        for (int k = 0; k < list.size(); k++) {
            FaultLog.Entry f = list.get(k);
            b.append(k == 0 ? "  last exceptions, the newest first:\n" : "");
            b.append(String.format(Locale.ROOT, "    %s at rip %x%s, cpl %d%s%n", Vector.name(f.vector()), f.rip(),
                    name(symbols, f.rip()), f.cpl(),
                    f.nested() ? ", while the one below was being delivered" : ""));
            String about = FaultWords.about(v, f);
            b.append(about.isEmpty() ? "" : "      " + about + "\n");
        }
    }

    /** Return addresses found on the stack, the likeliest callers first. */
    private static void calls(StringBuilder b, Vcpu v, Optional<SymbolTable> symbols) {
        Cpu c = v.cpu();
        int found = 0;
        for (int k = 0; k < STACK_WORDS && found < MAX_CALLS; k++) {
            long at = c.reg(CpuState.RSP) + 8L * k;
            long gpa = v.access().gpa(at);
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

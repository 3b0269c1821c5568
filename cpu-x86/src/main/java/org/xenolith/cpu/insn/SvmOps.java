package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** The SVM instructions in the host (APM vol. 3, chapter 4). In a guest most of them exit before they come here. */
final class SvmOps {
    private SvmOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("VMRUN",   "0F 01 D8", "", "svm nouser alone vm", (c, i) -> {
            c.svm().require();
            c.svm().vmrun(address(c, i));
            c.requestAttention();
        });
        t.add("VMLOAD",  "0F 01 DA", "", "svm nouser alone vm", (c, i) -> {
            c.svm().require();
            c.svm().vmload(address(c, i));
        });
        t.add("VMSAVE",  "0F 01 DB", "", "svm nouser end vm", (c, i) -> {
            c.svm().require();
            c.svm().vmsave(address(c, i));
        });
        t.add("STGI",    "0F 01 DC", "", "svm nouser alone vm", (c, i) -> {
            c.svm().require();
            c.svm().stgi();
        });
        t.add("CLGI",    "0F 01 DD", "", "svm nouser alone vm", (c, i) -> {
            c.svm().require();
            c.svm().clgi();
        });
        t.add("RSM",     "0F AA", "", "svm nouser end vm", (c, i) -> {
            // outside of system-management mode
            throw c.ud();
        });
        t.add("SKINIT",  "0F 01 DE", "", "svm nouser end", (c, i) -> {
            // CPUID does not offer it
            throw c.ud();
        });
        t.add("INVLPGA", "0F 01 DF", "", "svm nouser end vm", (c, i) -> {
            c.svm().require();
            c.svm().invlpga(address(c, i), c.reg32(CpuState.RCX));
        });
        // @formatter:on
    }

    /** rAX of the address size. */
    private static long address(Cpu c, Insn i) {
        return c.reg(CpuState.RAX, i.addressBits());
    }
}

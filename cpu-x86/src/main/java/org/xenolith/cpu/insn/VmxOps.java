package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.vmx.Vmx;

/** The VMX instructions in root operation (SDM vol. 3, chapter 31). In a guest they exit before they come here. */
final class VmxOps {
    private VmxOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("VMLAUNCH", "NP 0F 01 C2",  "", "vmx nouser alone vm", (c, i) -> enter(c, false));
        t.add("VMRESUME", "NP 0F 01 C3",  "", "vmx nouser alone vm", (c, i) -> enter(c, true));
        t.add("VMXOFF",   "NP 0F 01 C4",  "", "vmx nouser alone vm", (c, i) -> ready(c).vmxoff());
        t.add("VMFUNC",   "NP 0F 01 D4",  "", "vmx nouser end vm", (c, i) -> {
            throw c.ud();
        });
        t.add("VMXON",    "F3 0F C7 /6", "Mq:r", "vmx nouser alone vm", VmxOps::vmxon);
        t.add("VMCLEAR",  "66 0F C7 /6", "Mq:r", "vmx nouser end vm", (c, i) -> ready(c).vmclear(i.read0(c)));
        t.add("VMPTRLD",  "NP 0F C7 /6", "Mq:r", "vmx nouser end vm", (c, i) -> ready(c).vmptrld(i.read0(c)));
        t.add("VMPTRST",  "NP 0F C7 /7", "Mq:w", "vmx nouser end vm", VmxOps::vmptrst);
        t.add("VMREAD",   "NP 0F 78 /r", "Ey:w,Gy", "f64 vmx nouser vm", VmxOps::vmread);
        t.add("VMWRITE",  "NP 0F 79 /r", "Gy:r,Ey", "f64 vmx nouser vm", VmxOps::vmwrite);
        t.add("INVEPT",   "66 0F 38 80 /r", "Gy:r,Mdq:r", "f64 vmx nouser end vm", VmxOps::invept);
        t.add("INVVPID",  "66 0F 38 81 /r", "Gy:r,Mdq:r", "f64 vmx nouser end vm", VmxOps::invvpid);
        // @formatter:on
    }

    private static Vmx ready(Cpu c) {
        Vmx vmx = c.vmx();
        vmx.requireMode();
        vmx.require();
        return vmx;
    }

    private static void enter(Cpu c, boolean resume) {
        ready(c).enter(resume);
        c.requestAttention();
    }

    private static void vmxon(Cpu c, Insn i) {
        Vmx vmx = c.vmx();
        vmx.requireMode();
        vmx.beforeVmxon();
        vmx.vmxon(i.read0(c));
    }

    /** The flags change only when the store has not faulted. */
    private static void vmptrst(Cpu c, Insn i) {
        Vmx vmx = ready(c);
        i.write0(c, vmx.current());
        vmx.vmptrst();
    }

    private static void vmread(Cpu c, Insn i) {
        Vmx vmx = ready(c);
        long encoding = i.read1(c);
        if (vmx.vmread(encoding)) {
            i.write0(c, vmx.readValue(encoding));
            vmx.succeed();
        }
    }

    private static void vmwrite(Cpu c, Insn i) {
        Vmx vmx = ready(c);
        long value = i.read1(c);
        vmx.vmwrite(i.read0(c), value);
    }

    private static long quadword(Cpu c, Insn i, int offset) {
        long va = i.address(c, 16, false);
        c.mmu().probe(va, i.seg(), 16, false);
        return c.mmu().read64(offset == 0 ? va : i.address(c, offset, 8, false), i.seg());
    }

    private static void invept(Cpu c, Insn i) {
        Vmx vmx = ready(c);
        vmx.invept(i.read0(c), quadword(c, i, 0), quadword(c, i, 8));
    }

    private static void invvpid(Cpu c, Insn i) {
        Vmx vmx = ready(c);
        vmx.invvpid(i.read0(c), quadword(c, i, 0), quadword(c, i, 8));
    }
}

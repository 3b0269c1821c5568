package org.xenolith.hypervisor;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * PVH in software: the guest has the processor to itself behind the domain's physmap, with a local APIC and nothing
 * else of a PC.
 */
public sealed class PvhContainer implements Container permits HvmContainer {
    /** Xen's debug port, open to every HVM guest: bytes go to the hypervisor's console. */
    static final int DEBUG_PORT = 0xe9;
    private static final int VMCALL_LENGTH = 3;
    private static final int TYPE_SHIFT = 56;

    final Vcpu vcpu;
    private final HvmMsrs msrs;

    PvhContainer(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.msrs = new HvmMsrs(vcpu);
    }

    @Override
    public Kind kind() {
        return Kind.HVM;
    }

    @Override
    public GuestAbi callAbi() {
        return vcpu.cpu().code64() ? GuestAbi.X86_64 : GuestAbi.X86_32;
    }

    @Override
    public int callLength() {
        return VMCALL_LENGTH;
    }

    @Override
    public boolean hypercall(Cpu cpu) {
        if (cpu.protectedMode() && cpu.cpl() != 0) {
            cpu.setReg(CpuState.RAX, cpu.code64() ? -Errno.EPERM : -Errno.EPERM & 0xffff_ffffL);
            return true;
        }
        vcpu.domain().host().hypercalls().dispatch(vcpu);
        return true;
    }

    // ---- upcalls ----

    @Override
    public void upcall() {
        if (vcpu.upcallVector() != 0) {
            vcpu.cpu().apic().postOrKeep(vcpu.upcallVector());
        } else {
            vcpu.cpu().requestAttention();
            vcpu.domain().callback().changed();
        }
    }

    private int callbackVector() {
        long via = vcpu.domain().params().get(HvmParams.CALLBACK_IRQ);
        return via >>> TYPE_SHIFT == HvmParams.CALLBACK_TYPE_VECTOR ? (int) via & 0xff : -1;
    }

    @Override
    public boolean hasExternalInterrupt(Cpu cpu) {
        return vcpu.upcallVector() == 0 && vcpu.info() != null && vcpu.info().upcallPending() && callbackVector() >= 0;
    }

    @Override
    public int externalInterrupt(Cpu cpu) {
        return hasExternalInterrupt(cpu) ? callbackVector() : -1;
    }

    // ---- instructions ----

    @Override
    public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
        XenCpuid.hvm(vcpu, leaf, subleaf, regs);
    }

    @Override
    public boolean rdmsr(Cpu cpu, int msr, long[] value) {
        return msrs.read(msr, value);
    }

    @Override
    public boolean wrmsr(Cpu cpu, int msr, long value) {
        return msrs.write(msr, value);
    }

    @Override
    public long in(Cpu cpu, int port, int size) {
        if (port == DEBUG_PORT && size == 1) {
            return DEBUG_PORT;
        }
        vcpu.domain().count("in:" + Integer.toHexString(port));
        return size == 4 ? 0xffff_ffffL : (1L << size * 8) - 1;
    }

    @Override
    public void out(Cpu cpu, int port, int size, long value) {
        if (port == DEBUG_PORT) {
            for (int i = 0; i < size; i++) {
                vcpu.domain().console().put((int) (value >>> 8 * i) & 0xff);
            }
        } else {
            vcpu.domain().count("out:" + Integer.toHexString(port));
        }
    }

    @Override
    public long mmioRead(Cpu cpu, long gpa, int size) {
        vcpu.domain().count("mmio:read");
        return size == 8 ? -1L : (1L << size * 8) - 1;
    }

    @Override
    public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
        vcpu.domain().count("mmio:write");
    }

    @Override
    public void shutdown(Cpu cpu) {
        vcpu.domain().count("triple-fault");
        vcpu.domain().shutdown((int) vcpu.domain().params().get(HvmParams.TRIPLE_FAULT_REASON));
    }

    @Override
    public void unimplemented(Cpu cpu, String what) {
        vcpu.domain().count(what);
    }
}

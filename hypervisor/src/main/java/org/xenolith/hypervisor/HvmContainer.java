package org.xenolith.hypervisor;

import org.xenolith.cpu.Cpu;

/**
 * HVM in software: what PVH has, with the domain's PC around it. Port E9h stays Xen's debug port; what the PC does not answer is counted by its
 * buses.
 */
public final class HvmContainer extends PvhContainer {
    HvmContainer(Vcpu vcpu) {
        super(vcpu);
    }

    private HvmPlatform platform() {
        return vcpu.domain().platform();
    }

    // ---- interrupts ----

    @Override
    public boolean hasExternalInterrupt(Cpu cpu) {
        vcpu.domain().callback().settle();
        return super.hasExternalInterrupt(cpu) || platform().devices().hasExternalInterrupt(cpu);
    }

    @Override
    public int externalInterrupt(Cpu cpu) {
        return super.hasExternalInterrupt(cpu)
                ? super.externalInterrupt(cpu)
                : platform().devices().externalInterrupt(cpu);
    }

    // ---- instructions ----

    @Override
    public long in(Cpu cpu, int port, int size) {
        return port == DEBUG_PORT ? super.in(cpu, port, size) : platform().devices().in(cpu, port, size);
    }

    @Override
    public void out(Cpu cpu, int port, int size, long value) {
        if (port == DEBUG_PORT) {
            super.out(cpu, port, size, value);
        } else {
            platform().devices().out(cpu, port, size, value);
        }
    }

    @Override
    public long mmioRead(Cpu cpu, long gpa, int size) {
        return platform().devices().mmioRead(cpu, gpa, size);
    }

    @Override
    public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
        platform().devices().mmioWrite(cpu, gpa, size, value);
    }

    @Override
    public void floatingPointError(Cpu cpu) {
        platform().devices().floatingPointError(cpu);
    }
}

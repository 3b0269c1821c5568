package org.xenolith.cpu.apic;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;

/** What INIT and start-up messages do to a CPU (SDM vol. 3, table 10-1 and 9.4). */
public final class StartUp {
    private StartUp() {
    }

    /**
     * INIT: registers as after RESET#, but x87, SSE and AVX state, MSRs, time-stamp counter and the cache bits of CR0 stay. A bootstrap
     * processor starts at the reset vector; others wait for a start-up message.
     *
     * <p>The local APIC of a CPU that waits already is left alone: it has been reset, and a hypervisor may have posted an event to it
     * since, which its guest would wait for in vain.
     */
    public static void init(Cpu c) {
        if (c.vmx().init() || c.svm().init()) {
            return;
        }
        for (int r = 0; r < 16; r++) {
            c.setReg(r, 0);
        }
        c.setReg(CpuState.RDX, c.model().signature() & 0xffff_ffffL);
        c.setRflags(Flags.FIXED);
        c.setRip(0xfff0);
        c.setField(CpuState.CR0,
                c.cr0() & (ControlRegisters.CR0_CD | ControlRegisters.CR0_NW) | ControlRegisters.CR0_ET);
        c.setField(CpuState.CR2, 0);
        c.setField(CpuState.CR3, 0);
        c.setField(CpuState.CR4, 0);
        c.setField(CpuState.EFER, 0);
        for (int n = 0; n < 4; n++) {
            c.setField(CpuState.DR + 8 * n, 0);
        }
        c.setField(CpuState.DR + 6 * 8, 0xffff_0ff0L);
        c.setField(CpuState.DR + 7 * 8, 0x400);
        for (int seg = 0; seg < 8; seg++) {
            int attributes = switch (seg) {
                case CpuState.CS -> 0x9b;
                case CpuState.LDTR -> 0x82;
                case CpuState.TR -> 0x8b;
                default -> 0x93;
            };
            c.setSegment(seg, 0, 0, 0xffff, attributes);
        }
        c.setSegment(CpuState.CS, 0xf000, 0xffff_0000L, 0xffff, 0x9b);
        c.setField(CpuState.GDTR_BASE, 0);
        c.setField(CpuState.GDTR_LIMIT, 0xffff);
        c.setField(CpuState.IDTR_BASE, 0);
        c.setField(CpuState.IDTR_LIMIT, 0xffff);
        c.setInterruptShadow(false);
        c.setNmiBlocked(false);
        c.setNmiPending(false);
        c.debug().reset();
        if (c.activity() != Cpu.Activity.WAIT_FOR_SIPI) {
            c.apic().init();
        }
        c.updateMode();
        c.mmu().flushAll();
        c.setActivity(c.apic().bootstrap() ? Cpu.Activity.RUNNING : Cpu.Activity.WAIT_FOR_SIPI);
    }

    /** Start-up message: real mode at {@code vector << 12}; ignored unless the CPU waits for it. */
    public static void sipi(Cpu c, int vector) {
        if (c.vmx().startUp(vector) || c.activity() != Cpu.Activity.WAIT_FOR_SIPI) {
            return;
        }
        c.setSegment(CpuState.CS, vector << 8, (long) vector << 12, 0xffff, 0x9b);
        c.setRip(0);
        c.updateMode();
        c.setActivity(Cpu.Activity.RUNNING);
    }
}

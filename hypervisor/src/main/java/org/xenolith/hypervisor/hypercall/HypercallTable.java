package org.xenolith.hypervisor.hypercall;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Hypercalls;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * All hypercalls by number (public/xen.h, __HYPERVISOR_*), with a column for each kind of guest; calls that a kind does
 * not have return
 * -ENOSYS and are counted by name.
 */
public final class HypercallTable implements Hypercalls {
    private static final int SIZE = 64;
    private static final int[] REGISTERS_64 = {CpuState.RDI, CpuState.RSI, CpuState.RDX, 10, 8, 9};
    private static final int[] REGISTERS_32 = {CpuState.RBX, CpuState.RCX, CpuState.RDX, CpuState.RSI, CpuState.RDI,
        CpuState.RBP};

    private final String[] names = new String[SIZE];
    private final Hypercall[] hvm = new Hypercall[SIZE];
    private final Hypercall[] pv = new Hypercall[SIZE];

    public HypercallTable() {
        Hypercall events = new EventChannelOp();
        Hypercall physdev = new PhysdevOp();
        SubOperations nmi = new SubOperations("nmi_op")
                .add(0, "register_callback", PvCpuCalls::registerNmi)
                .add(1, "unregister_callback", PvCpuCalls::unregisterNmi);
        SubOperations callback = new SubOperations("callback_op")
                .add(0, "register", PvCpuCalls::registerCallback)
                .add(1, "unregister", PvCpuCalls::unregisterCallback);
        // @formatter:off
        row( 0, "set_trap_table",         null, PvCpuCalls::setTrapTable);
        row( 1, "mmu_update",             null, new MmuUpdate());
        row( 2, "set_gdt",                null, PvCpuCalls::setGdt);
        row( 3, "stack_switch",           null, PvCpuCalls::stackSwitch);
        row( 4, "set_callbacks",          null, PvCpuCalls::setCallbacks);
        row( 5, "fpu_taskswitch",         null, PvCpuCalls::fpuTaskswitch);
        row( 6, "sched_op_compat",        null, PvCpuCalls::schedOpCompat);
        row( 7, "platform_op",            new PlatformOp());
        row( 8, "set_debugreg",           null, PvCpuCalls::setDebugreg);
        row( 9, "get_debugreg",           null, PvCpuCalls::getDebugreg);
        row(10, "update_descriptor",      null, PvCpuCalls::updateDescriptor);
        row(12, "memory_op",              new MemoryOp());
        row(13, "multicall",              new Multicall(this));
        row(14, "update_va_mapping",      null, new UpdateVaMapping(false));
        row(15, "set_timer_op",           new SetTimerOp());
        row(16, "event_channel_op_compat", null, c -> PvCpuCalls.compat(c, events));
        row(17, "xen_version",            new XenVersion());
        row(18, "console_io",             new ConsoleIo());
        row(19, "physdev_op_compat",      null, c -> PvCpuCalls.compat(c, physdev));
        row(20, "grant_table_op",         new GrantTableOp());
        row(21, "vm_assist",              new VmAssist());
        row(22, "update_va_mapping_otherdomain", null, new UpdateVaMapping(true));
        row(23, "iret",                   null);
        row(24, "vcpu_op",                new VcpuOp());
        row(25, "set_segment_base",       null, PvCpuCalls::setSegmentBase);
        row(26, "mmuext_op",              null, new MmuextOp());
        row(27, "xsm_op",                 null);
        row(28, "nmi_op",                 null, c -> nmi.call(c, c.arg32(0), c.arg(1)));
        row(29, "sched_op",               new SchedOp());
        row(30, "callback_op",            null, c -> callback.call(c, c.arg32(0), c.arg(1)));
        row(31, "xenoprof_op",            null);
        row(32, "event_channel_op",       events);
        row(33, "physdev_op",             c -> -Errno.ENOSYS, physdev);
        row(34, "hvm_op",                 new HvmOp(), null);
        row(35, "sysctl",                 new ToolstackOp(ToolstackOp.SYSCTL_VERSION));
        row(36, "domctl",                 new ToolstackOp(ToolstackOp.DOMCTL_VERSION));
        row(37, "kexec_op",               null);
        row(38, "tmem_op",                null);
        row(39, "argo_op",                null);
        row(40, "xenpmu_op",              c -> -Errno.EOPNOTSUPP);
        row(41, "dm_op",                  c -> -Errno.EPERM, null);
        row(42, "hypfs_op",               c -> -Errno.EPERM);
        // @formatter:on
    }

    /** A call that is the same for both kinds of guest, or null when neither has it. */
    private void row(int number, String name, Hypercall call) {
        row(number, name, call, call);
    }

    private void row(int number, String name, Hypercall hvmCall, Hypercall pvCall) {
        names[number] = name;
        hvm[number] = hvmCall;
        pv[number] = pvCall;
    }

    /** Name of a hypercall without its prefix. */
    public String name(int number) {
        return number >= 0 && number < SIZE && names[number] != null ? names[number] : Integer.toUnsignedString(number);
    }

    @Override
    public void dispatch(Vcpu vcpu) {
        Cpu cpu = vcpu.cpu();
        GuestAbi abi = vcpu.container().callAbi();
        int[] registers = abi == GuestAbi.X86_64 ? REGISTERS_64 : REGISTERS_32;
        long[] args = new long[registers.length];
        for (int i = 0; i < args.length; i++) {
            args[i] = abi == GuestAbi.X86_64 ? cpu.reg(registers[i]) : cpu.reg32(registers[i]) & 0xffff_ffffL;
        }
        HypercallContext c = new HypercallContext(vcpu, abi, args);
        vcpu.domain().countHypercall(name(cpu.reg32(CpuState.RAX)));
        long result = call(c, cpu.reg32(CpuState.RAX));
        if (c.preempted()) {
            for (int i = 0; i < args.length; i++) {
                if (abi == GuestAbi.X86_64) {
                    cpu.setReg(registers[i], args[i]);
                } else {
                    cpu.setReg32(registers[i], args[i]);
                }
            }
            cpu.setRip(cpu.rip() - vcpu.container().callLength());
            cpu.requestAttention();
        } else if (abi == GuestAbi.X86_64) {
            cpu.setReg(CpuState.RAX, result);
        } else {
            cpu.setReg32(CpuState.RAX, result);
        }
    }

    /** Carries out a call from the registers or out of a multicall. */
    long call(HypercallContext c, int number) {
        Hypercall[] column = c.domain().config().pv() == null ? hvm : pv;
        Hypercall h = number >= 0 && number < SIZE ? column[number] : null;
        if (h == null) {
            return c.notBuilt(name(number));
        }
        try {
            return h.call(c);
        } catch (ErrnoException e) {
            return -e.errno();
        }
    }
}

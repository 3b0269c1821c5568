package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.bytes;
import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;
import static org.xenolith.hypervisor.abi.Struct.u8;

import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.p2m.Physmap;

/** HYPERVISOR_hvm_op (public/hvm/hvm_op.h). */
final class HvmOp implements Hypercall {
    static final Struct PARAM = Struct.of("struct xen_hvm_param", u16("domid"), u16("pad"), u32("index"), u64("value"));
    static final Struct UPCALL_VECTOR = Struct.of("struct xen_hvm_evtchn_upcall_vector", u32("vcpu"), u8("vector"));
    static final Struct GET_MEM_TYPE = Struct.of("struct xen_hvm_get_mem_type", u16("domid"), u16("mem_type"),
            bytes("pad", 4), u64("pfn"));

    /** Vectors below this are exceptions to a local APIC. */
    private static final int FIRST_VECTOR = 0x10;
    private static final int MEM_RAM_RW = 0;
    private static final int MEM_RAM_RO = 1;
    private static final int MEM_MMIO_DM = 2;

    private final SubOperations operations = new SubOperations("hvm_op")
            .add(0, "set_param", HvmOp::setParam)
            .add(1, "get_param", HvmOp::getParam)
            .add(5, "flush_tlbs", (c, arg) -> {
                if (arg != 0) {
                    return -Errno.EINVAL;
                }
                c.domain().vcpus().forEach(v -> v.cpu().mmu().flushAll());
                return 0;
            })
            // a hint for shadow page tables, which nobody keeps here
            .refuse(9, "pagetable_dying", Errno.ENOSYS)
            .add(10, "get_time", (c, arg) -> {
                c.write64(arg, c.vcpu().now());
                return 0;
            })
            .missing(11, "xentrace")
            .refuse(12, "set_mem_access", Errno.ENOSYS)
            .refuse(13, "get_mem_access", Errno.ENOSYS)
            .add(15, "get_mem_type", HvmOp::memType)
            .add(23, "set_evtchn_upcall_vector", HvmOp::upcallVector)
            // nobody monitors guests here, and so nobody hears of it
            .add(24, "guest_request_vm_event", (c, arg) -> arg != 0 ? -Errno.EINVAL : 0)
            .refuse(25, "altp2m", Errno.EOPNOTSUPP);

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0), c.arg(1));
    }

    private static long setParam(HypercallContext c, long arg) {
        StructView p = c.read(PARAM, arg);
        int index = p.get32("index");
        if (index < 0 || index >= HvmParams.COUNT) {
            return -Errno.EINVAL;
        }
        c.self(p.get32("domid"));
        switch (index) {
            case HvmParams.CALLBACK_IRQ -> {
                c.domain().params().set(index, p.get("value"));
                c.domain().latchAbi(c.abi());
                c.vcpu().cpu().requestAttention();
                c.domain().callback().changed();
            }
            case HvmParams.VM86_TSS, HvmParams.VM86_TSS_SIZED, HvmParams.ACPI_IOPORTS_LOCATION,
                    HvmParams.VM_GENERATION_ID_ADDR,
                    HvmParams.STORE_EVTCHN, HvmParams.CONSOLE_EVTCHN ->
                c.domain().params().set(index, p.get("value"));
            case HvmParams.STORE_PFN, HvmParams.CONSOLE_PFN, HvmParams.BUFIOREQ_PFN, HvmParams.IOREQ_PFN,
                    HvmParams.VIRIDIAN,
                    HvmParams.TIMER_MODE, HvmParams.HPET_ENABLED, HvmParams.IDENT_PT, HvmParams.DM_DOMAIN,
                    HvmParams.ACPI_S_STATE,
                    HvmParams.VPT_ALIGN, HvmParams.NESTEDHVM, HvmParams.PAGING_RING_PFN, HvmParams.MONITOR_RING_PFN,
                    HvmParams.SHARING_RING_PFN, HvmParams.TRIPLE_FAULT_REASON, HvmParams.IOREQ_SERVER_PFN,
                    HvmParams.NR_IOREQ_SERVER_PAGES, HvmParams.ALTP2M, HvmParams.MCA_CAP, HvmParams.X87_FIP_WIDTH -> {
                return -Errno.EPERM;
            }
            default -> {
                return -Errno.EINVAL;
            }
        }
        return 0;
    }

    private static long getParam(HypercallContext c, long arg) {
        StructView p = c.read(PARAM, arg);
        int index = p.get32("index");
        if (index < 0 || index >= HvmParams.COUNT) {
            return -Errno.EINVAL;
        }
        c.self(p.get32("domid"));
        switch (index) {
            case HvmParams.CALLBACK_IRQ, HvmParams.VM86_TSS, HvmParams.VM86_TSS_SIZED, HvmParams.ACPI_IOPORTS_LOCATION,
                    HvmParams.VM_GENERATION_ID_ADDR, HvmParams.STORE_PFN, HvmParams.STORE_EVTCHN, HvmParams.CONSOLE_PFN,
                    HvmParams.CONSOLE_EVTCHN, HvmParams.X87_FIP_WIDTH -> {
                p.set("value", c.domain().params().get(index));
                c.write(p, arg);
                return 0;
            }
            case HvmParams.BUFIOREQ_PFN, HvmParams.IOREQ_PFN, HvmParams.VIRIDIAN, HvmParams.TIMER_MODE,
                    HvmParams.HPET_ENABLED,
                    HvmParams.IDENT_PT, HvmParams.DM_DOMAIN, HvmParams.ACPI_S_STATE, HvmParams.VPT_ALIGN,
                    HvmParams.NESTEDHVM,
                    HvmParams.TRIPLE_FAULT_REASON, HvmParams.IOREQ_SERVER_PFN, HvmParams.NR_IOREQ_SERVER_PAGES,
                    HvmParams.ALTP2M,
                    HvmParams.MCA_CAP -> {
                return -Errno.EPERM;
            }
            default -> {
                return -Errno.EINVAL;
            }
        }
    }

    private static long memType(HypercallContext c, long arg) {
        StructView v = c.read(GET_MEM_TYPE, arg);
        Physmap.Type type = c.self(v.get32("domid")).physmap().type(v.get("pfn"));
        v.set("mem_type", switch (type) {
            case NONE -> MEM_MMIO_DM;
            case RAM_RO, GRANT_RO, XEN_RO -> MEM_RAM_RO;
            default -> MEM_RAM_RW;
        });
        c.write(v, arg);
        return 0;
    }

    private static long upcallVector(HypercallContext c, long arg) {
        StructView u = c.read(UPCALL_VECTOR, arg);
        Vcpu v = c.domain().vcpu(u.get32("vcpu"));
        if (u.get("vector") < FIRST_VECTOR) {
            return -Errno.EINVAL;
        }
        if (v == null) {
            return -Errno.ENOENT;
        }
        v.setUpcallVector(u.get32("vector"));
        return 0;
    }
}

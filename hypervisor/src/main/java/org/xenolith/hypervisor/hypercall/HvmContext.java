package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.bytes;
import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/** VCPUOP_initialise of an HVM guest: the state in which a vCPU starts (public/hvm/hvm_vcpu.h). */
final class HvmContext {
    private static final String[] NAMES_32 = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    private static final String[] NAMES_64 = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
    private static final int MODE_32B = 0;
    private static final int MODE_64B = 1;

    static final Struct X86_32 = Struct.of("struct vcpu_hvm_x86_32", u32("eax"), u32("ecx"), u32("edx"), u32("ebx"),
            u32("esp"),
            u32("ebp"), u32("esi"), u32("edi"), u32("eip"), u32("eflags"), u32("cr0"), u32("cr3"), u32("cr4"),
            u32("pad1"), u64("efer"),
            u32("cs_base"), u32("ds_base"), u32("ss_base"), u32("es_base"), u32("tr_base"),
            u32("cs_limit"), u32("ds_limit"), u32("ss_limit"), u32("es_limit"), u32("tr_limit"),
            u16("cs_ar"), u16("ds_ar"), u16("ss_ar"), u16("es_ar"), u16("tr_ar"), bytes("pad2", 6));
    static final Struct X86_64 = Struct.of("struct vcpu_hvm_x86_64", u64("rax"), u64("rcx"), u64("rdx"), u64("rbx"),
            u64("rsp"),
            u64("rbp"), u64("rsi"), u64("rdi"), u64("rip"), u64("rflags"), u64("cr0"), u64("cr3"), u64("cr4"),
            u64("efer"));

    /** Offset of the union of the two in struct vcpu_hvm_context. */
    private static final int REGISTERS_OFFSET = 8;
    private static final int AR_PRESENT = 1 << 7;
    private static final int AR_LONG = 1 << 13;
    private static final int AR_DB = 1 << 14;
    private static final int AR_GRANULAR = 1 << 15;
    private static final int AR_USABLE_BITS = 0xf0ff;

    private HvmContext() {
    }

    static long apply(HypercallContext c, Vcpu v, long arg) {
        int mode = c.read32(arg);
        if (c.read32(arg + 4) != 0) {
            return -Errno.EINVAL;
        }
        return switch (mode) {
            case MODE_32B -> apply32(v, c.read(X86_32, arg + REGISTERS_OFFSET));
            case MODE_64B -> apply64(v, c.read(X86_64, arg + REGISTERS_OFFSET));
            default -> -Errno.EINVAL;
        };
    }

    private static boolean badSegment(StructView s, String name) {
        int ar = s.get32(name + "_ar");
        long limit = s.get(name + "_limit");
        return (ar & ~AR_USABLE_BITS) != 0 || (ar & AR_PRESENT) == 0 && !name.equals("ds") && !name.equals("es")
                || (ar & AR_PRESENT) != 0 && (ar & AR_GRANULAR) == 0 && limit > 0xf_ffff
                || (ar & AR_PRESENT) != 0 && (ar & AR_GRANULAR) != 0 && (limit & 0xfff) != 0xfff;
    }

    private static long apply32(Vcpu v, StructView s) {
        for (String name : new String[]{"cs", "ds", "ss", "es", "tr"}) {
            if (badSegment(s, name)) {
                return -Errno.EINVAL;
            }
        }
        // code readable and executable without long mode, data writable, the TSS a busy 32-bit or 16-bit one
        int cs = s.get32("cs_ar");
        int ss = s.get32("ss_ar");
        int dpl = ss >>> 5 & 3;
        if ((cs & 0x18) != 0x18 || (cs & AR_LONG) != 0 || (ss & 0x1a) != 0x12 || (cs >>> 5 & 3) != dpl
                || (s.get32("tr_ar") & 0x1f) != 0x0b && (s.get32("tr_ar") & 0x1f) != 0x03) {
            return -Errno.EINVAL;
        }
        long cr0 = s.get("cr0");
        long efer = s.get("efer");
        if (badControl(v, cr0, s.get("cr4"), efer) || s.get32("pad1") != 0) {
            return -Errno.EINVAL;
        }
        Cpu cpu = v.cpu();
        cpu.reset();
        for (int i = 0; i < NAMES_32.length; i++) {
            cpu.setReg(i, s.get(NAMES_32[i]));
        }
        cpu.setRip(s.get("eip"));
        boolean active = (efer & ControlRegisters.EFER_LME) != 0 && (cr0 & ControlRegisters.CR0_PG) != 0;
        cpu.setField(CpuState.EFER, efer | (active ? ControlRegisters.EFER_LMA : 0));
        cpu.setField(CpuState.CR0, cr0 | ControlRegisters.CR0_ET);
        cpu.setField(CpuState.CR3, s.get("cr3"));
        cpu.setField(CpuState.CR4, s.get("cr4"));
        load(cpu, CpuState.CS, s, "cs");
        load(cpu, CpuState.DS, s, "ds");
        load(cpu, CpuState.SS, s, "ss");
        load(cpu, CpuState.ES, s, "es");
        load(cpu, CpuState.TR, s, "tr");
        finish(v, s.get("eflags"));
        return 0;
    }

    private static void load(Cpu cpu, int seg, StructView s, String name) {
        cpu.setSegment(seg, 0, s.get(name + "_base"), s.get(name + "_limit"), s.get32(name + "_ar"));
    }

    private static long apply64(Vcpu v, StructView s) {
        long cr0 = s.get("cr0");
        long cr4 = s.get("cr4");
        long efer = s.get("efer");
        if ((cr0 & ControlRegisters.CR0_PG) == 0 || (cr4 & ControlRegisters.CR4_PAE) == 0
                || (efer & ControlRegisters.EFER_LME) == 0
                || badControl(v, cr0, cr4, efer)) {
            return -Errno.EINVAL;
        }
        Cpu cpu = v.cpu();
        cpu.reset();
        for (int i = 0; i < NAMES_64.length; i++) {
            cpu.setReg(i, s.get(NAMES_64[i]));
        }
        cpu.setRip(s.get("rip"));
        cpu.setField(CpuState.EFER, efer | ControlRegisters.EFER_LMA);
        cpu.setField(CpuState.CR0, cr0 | ControlRegisters.CR0_ET);
        cpu.setField(CpuState.CR3, s.get("cr3"));
        cpu.setField(CpuState.CR4, cr4);
        cpu.setSegment(CpuState.CS, 0, 0, 0xffff_ffffL, 0xa09b);
        for (int seg : new int[]{CpuState.DS, CpuState.SS, CpuState.ES}) {
            cpu.setSegment(seg, 0, 0, 0xffff_ffffL, AR_DB | 0x8093);
        }
        cpu.setSegment(CpuState.TR, 0, 0, 0x67, 0x8b);
        finish(v, s.get("rflags"));
        return 0;
    }

    private static boolean badControl(Vcpu v, long cr0, long cr4, long efer) {
        long knownEfer = ControlRegisters.EFER_SCE | ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA
                | ControlRegisters.EFER_NXE;
        boolean paging = (cr0 & ControlRegisters.CR0_PG) != 0;
        return cr0 >>> 32 != 0 || (cr0 & ControlRegisters.CR0_PE) == 0 && paging
                || (cr0 & ControlRegisters.CR0_NW) != 0 && (cr0 & ControlRegisters.CR0_CD) == 0
                || (cr4 & ~knownCr4(v)) != 0 || (efer & ~knownEfer) != 0
                || paging && (efer & ControlRegisters.EFER_LME) != 0 && (cr4 & ControlRegisters.CR4_PAE) == 0;
    }

    /** Control bits of CR4 that no processor model here lacks; the others would need their feature bit. */
    private static long knownCr4(Vcpu v) {
        long bits = 0x7ff;
        bits |= v.cpu().model().has(org.xenolith.cpu.Feature.FSGSBASE) ? ControlRegisters.CR4_FSGSBASE : 0;
        bits |= v.cpu().model().has(org.xenolith.cpu.Feature.SMEP) ? ControlRegisters.CR4_SMEP : 0;
        bits |= v.cpu().model().has(org.xenolith.cpu.Feature.SMAP) ? ControlRegisters.CR4_SMAP : 0;
        bits |= v.cpu().model().has(org.xenolith.cpu.Feature.XSAVE) ? ControlRegisters.CR4_OSXSAVE : 0;
        return bits;
    }

    private static void finish(Vcpu v, long flags) {
        v.cpu().setRflags(flags | Flags.FIXED);
        v.cpu().updateMode();
        v.cpu().setActivity(Cpu.Activity.WAIT_FOR_SIPI);
        v.setInitialised();
    }
}

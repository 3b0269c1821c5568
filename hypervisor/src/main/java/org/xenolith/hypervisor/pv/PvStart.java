package org.xenolith.hypervisor.pv;

import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * How vCPU 0 of a PV guest starts, as the domain builder leaves it (public/xen.h, "start of day"). The builder has already had the top table
 * validated with {@code PvMemory.validateInitial}.
 *
 * @param abi word size of the kernel
 * @param table mfn of the top page table: level 4, or the PDPT of a 32-bit kernel
 * @param rip linear address of the first instruction
 * @param rsp initial stack pointer
 * @param startInfo linear address of struct start_info, for RSI
 */
public record PvStart(GuestAbi abi, long table, long rip, long rsp, long startInfo) {
}

package org.xenolith.guests.pv;

import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * A PV domain that has been built: what its first vCPU starts with.
 *
 * <p>The guest's memory holds everything; still to be done are the stubs of the hypercall page and the validation of the
 * page tables.
 *
 * @param abi word size of the kernel
 * @param topMfn machine frame of the top page table: level 4, or 3 for a 32-bit guest
 * @param rip virtual address of the first instruction
 * @param rsp virtual address behind the boot stack
 * @param startInfo virtual address of the start info, for RSI (ESI)
 * @param hypercallMfn machine frame that is to hold the hypercall stubs, or -1 when the kernel has asked for none
 * @param startInfoMfn machine frame of the start info
 * @param xenstoreMfn machine frame of the xenstore page
 * @param consoleMfn machine frame of the console page
 */
public record PvStart(
        GuestAbi abi,
        long topMfn,
        long rip,
        long rsp,
        long startInfo,
        long hypercallMfn,
        long startInfoMfn,
        long xenstoreMfn,
        long consoleMfn) {}

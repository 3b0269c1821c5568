package org.xenolith.guests.pvh;

import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.KernelImage;
import org.xenolith.memory.GuestMemory;

/**
 * How a PVH guest starts: what lies where, and the first vCPU's registers (docs/misc/pvh.pandoc of Xen).
 *
 * <p>The first vCPU starts in protected mode without paging, with flat 4 GiB segments based at 0, a 32-bit TSS of limit
 * 0x67, CR0 = PE and ET, EFLAGS.IF clear, EIP and EBX as given here, all else 0. The other vCPUs are down until the
 * guest brings them up.
 *
 * @param kernel the kernel, for its symbols
 * @param eip entry point, physical, below 4 GiB
 * @param ebx guest-physical address of the hvm_start_info, below 4 GiB
 * @param pieces what is written into guest memory, in no need of an order
 * @param memoryMap the memory map that the guest gets, also by XENMEM_memory_map
 * @param populated page-aligned ranges that must be RAM in the p2m before the pieces are written: the guest's memory,
 *     the ACPI tables and the special pages; the rest of the address space is empty
 */
public record PvhBoot(
        KernelImage kernel,
        int eip,
        int ebx,
        List<Piece> pieces,
        List<MemoryRange> memoryMap,
        List<MemoryRange> populated) {

    /**
     * Writes all pieces.
     *
     * @param memory the guest's memory, all zeros, populated as {@link #populated()} says
     * @throws ImageException if the initrd can no longer be read
     */
    public void load(GuestMemory memory) throws ImageException {
        for (Piece piece : pieces) {
            piece.writeTo(memory);
        }
    }

    /** {@return guest-physical address of the hvm_start_info} */
    public long startInfo() {
        return Integer.toUnsignedLong(ebx);
    }
}

package org.xenolith.guests.pc;

import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.pvh.Piece;
import org.xenolith.memory.GuestMemory;

/**
 * How a kernel starts on a bare PC: what lies where, and the registers of the first processor, which is in protected mode without paging, with
 * flat segments (code 10h, data 18h), interrupts off, and a GDT that has them.
 *
 * @param protocol the boot protocol, for messages
 * @param eip physical address of the first instruction
 * @param eax a magic number, or 0
 * @param ebx where the information for the kernel is, or 0
 * @param esi the same for Linux
 * @param gdt gpa of the GDT, of {@link #GDT_BYTES}
 * @param pieces what is written to memory
 */
public record PcBoot(String protocol, long eip, long eax, long ebx, long esi, long gdt, List<Piece> pieces) {
    /** Bytes of the GDT. */
    public static final int GDT_BYTES = 32;

    /** Writes all pieces to memory that is zero. */
    public void load(GuestMemory memory) throws ImageException {
        for (Piece p : pieces) {
            p.writeTo(memory);
        }
    }
}

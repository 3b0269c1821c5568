package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.put64;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.ElfSegment;
import org.xenolith.guests.pvh.Piece;

/** Finds places in the memory of a PC for a kernel, its modules and what it is told, and keeps them apart. */
final class Placement {
    private static final long INFORMATION = 0x1_0000;
    private static final long FIRST_FREE = 0x1000;
    private static final long CODE = 0x00cf_9b00_0000_ffffL;
    private static final long DATA = 0x00cf_9300_0000_ffffL;

    private record Taken(long start, long end) {
    }

    private final String file;
    private final PcMap map;
    private final List<Piece> pieces = new ArrayList<>();
    private final List<Taken> kernel = new ArrayList<>();
    private long nextInformation = INFORMATION;
    private long first = Long.MAX_VALUE;
    private long end = PcMap.MIB;

    Placement(String file, PcMap map) {
        this.file = file;
        this.map = map;
    }

    PcMap map() {
        return map;
    }

    /** The kernel's name for messages. */
    String name() {
        return file;
    }

    ImageException fault(String reason) {
        return new ImageException(file, reason);
    }

    /** Gpa behind the kernel and all modules so far. */
    long end() {
        return end;
    }

    /** Gpa of the kernel's first byte. */
    long first() {
        return first;
    }

    /**
     * Puts a part of the kernel to its place.
     *
     * @param memorySize bytes that it takes in memory, from {@code length}
     */
    void kernel(long gpa, byte[] bytes, long offset, long length, long memorySize) throws ImageException {
        if (memorySize == 0) {
            return;
        }
        long behind = gpa + memorySize;
        boolean sane = gpa >= 0 && memorySize > 0 && behind > 0 && behind <= 1L << 32;
        boolean conventional = gpa >= FIRST_FREE && behind <= PcMap.CONVENTIONAL_END;
        if (!sane || !conventional && gpa < PcMap.MIB) {
            throw fault("wants to be at 0x" + Long.toHexString(gpa) + ", " + Long.toUnsignedString(memorySize)
                    + " bytes, where a PC has no RAM for it");
        }
        if (behind > map.acpi() && !conventional) {
            throw tooSmall(behind);
        }
        kernel.add(new Taken(gpa, behind));
        first = Math.min(first, gpa);
        end = Math.max(end, behind);
        if (length > 0) {
            pieces.add(new Piece.Bytes("kernel", gpa, bytes, (int) offset, (int) length));
        }
    }

    /** Loads an ELF kernel to the physical addresses of its segments. */
    void elf(ElfImage elf) throws ImageException {
        for (ElfSegment s : elf.segments()) {
            if (s.type() == ElfSegment.PT_LOAD) {
                kernel(s.paddr(), elf.bytes(), s.offset(), s.fileSize(), s.memorySize());
            }
        }
        if (kernel.isEmpty()) {
            throw fault("has no segment to load");
        }
    }

    /** Keeps memory up to {@code gpa} free of modules: the kernel takes it before it looks at them. */
    void keep(long gpa) throws ImageException {
        if (gpa > map.acpi()) {
            throw tooSmall(gpa);
        }
        end = Math.max(end, gpa);
    }

    boolean inKernel(long gpa) {
        return kernel.stream().anyMatch(t -> gpa >= t.start() && gpa < t.end());
    }

    /** Puts a module behind all others, at a page of its own; returns its gpa. */
    long module(ImageFile module) throws ImageException {
        return module(module, pageUp(end));
    }

    /** Puts a module where there is nothing yet. */
    long module(ImageFile module, long gpa) throws ImageException {
        if (gpa + module.size() > map.acpi()) {
            throw tooSmall(gpa + module.size());
        }
        pieces.add(new Piece.Whole(module.name(), gpa, module));
        end = Math.max(end, gpa + module.size());
        return gpa;
    }

    /** Room below 640 KiB for what the kernel is told; returns its gpa, a multiple of 16. */
    long room(long bytes) throws ImageException {
        long at = nextInformation;
        nextInformation += bytes + 15 & -16;
        if (nextInformation > PcMap.CONVENTIONAL_END) {
            throw fault("cannot be told all of its command line and modules: they need more than "
                    + (PcMap.CONVENTIONAL_END - INFORMATION >>> 10) + " KiB");
        }
        return at;
    }

    /** Something that the kernel is told, in {@link #room} that was made for it. */
    void information(long gpa, byte[] bytes) {
        pieces.add(new Piece.Bytes("information for the kernel", gpa, bytes, 0, bytes.length));
    }

    /** Text that ends with a zero; returns its gpa. */
    long text(byte[] text) throws ImageException {
        long at = room(text.length + 1L);
        information(at, text);
        return at;
    }

    /** The result; everything has its place. */
    PcBoot boot(String protocol, long eip, long eax, long ebx, long esi) throws ImageException {
        byte[] gdt = new byte[PcBoot.GDT_BYTES];
        put64(gdt, 16, CODE);
        put64(gdt, 24, DATA);
        long at = room(gdt.length);
        information(at, gdt);
        for (Taken t : kernel) {
            if (t.start() < nextInformation && t.end() > INFORMATION) {
                throw fault("has a part at 0x" + Long.toHexString(t.start()) + " to 0x" + Long.toHexString(t.end())
                        + ", where its command line and memory map go");
            }
        }
        byte[] tables = map.tables().at(map.acpi());
        byte[] rsdp = map.tables().rsdp(map.acpi());
        pieces.add(new Piece.Bytes("ACPI tables", map.acpi(), tables, 0, tables.length));
        pieces.add(new Piece.Bytes("RSDP", map.rsdp(), rsdp, 0, rsdp.length));
        return new PcBoot(protocol, eip, eax, ebx, esi, at, List.copyOf(pieces));
    }

    static long pageUp(long at) {
        return at + PcMap.PAGE - 1 & -PcMap.PAGE;
    }

    ImageException tooSmall(long needed) {
        return fault("does not fit, with what is loaded beside it: it needs memory up to "
                + (needed + PcMap.MIB - 1 >>> 20) + " MiB, and the machine has " + (map.acpi() >>> 20)
                + " MiB below 4 GiB for it; give it more with --memory");
    }
}

package org.xenolith.guests.pvh;

import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.acpi.AcpiTables;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.ElfSegment;
import org.xenolith.guests.elf.XenElfNote;
import org.xenolith.guests.elf.XenGuestInfo;

/**
 * Lays out a PVH guest as libxl of Xen 4.17 does.
 *
 * <p>RAM starts at 0 and has a hole from 0xfc000000 to 4 GiB for the ACPI tables, the special pages and the local APIC;
 * what does not fit below goes above 4 GiB. The kernel lies at its segments' physical addresses; the start info and the
 * initrd follow it, each at a page of its own.
 */
public final class PvhBuilder {
    /** Where low memory ends at the latest. */
    public static final long HOLE_START = AcpiTables.BASE;

    /** The longest command line, in bytes; Linux itself looks at 2047. */
    public static final int MAX_COMMAND_LINE = 65_535;

    private static final long PAGE = 4096;
    private static final long FOUR_GIB = 1L << 32;
    private static final int FEATURE_RSDP_UNRESTRICTED = 15;

    private static final int START_INFO_SIZE = 56;
    private static final int MODLIST_ENTRY_SIZE = 32;
    private static final int MEMMAP_ENTRY_SIZE = 24;

    /** libxl keeps room for two modules with command lines of 1 KiB, whether they are there or not. */
    private static final int MODULES = 2;

    private static final int MODULE_COMMAND_LINE = 1024;

    private final KernelImage kernel;
    private final Optional<ImageFile> initrd;
    private final byte[] commandLine;
    private final PvhSize size;
    private final List<Piece> pieces = new ArrayList<>();

    private PvhBuilder(KernelImage kernel, Optional<ImageFile> initrd, byte[] commandLine, PvhSize size) {
        this.kernel = kernel;
        this.initrd = initrd;
        this.commandLine = commandLine;
        this.size = size;
    }

    /**
     * Reads the images and lays out the guest; nothing is written yet.
     *
     * @param kernelFile an ELF kernel with the note PHYS32_ENTRY, or a bzImage of one
     * @param initrd the initial ramdisk, if any; it is passed as it is
     * @param commandLine the kernel's command line, at most {@link #MAX_COMMAND_LINE} bytes in UTF-8, without zeros
     * @param size how much memory and how many vCPUs the guest has
     * @return the layout
     * @throws ImageException if an image cannot be used, or the memory is too small for the images
     */
    public static PvhBoot build(
            ImageFile kernelFile, Optional<ImageFile> initrd, String commandLine, PvhSize size)
            throws ImageException {
        return layOut(KernelImage.read(kernelFile, size.memory()), initrd, commandLine, size);
    }

    /**
     * Lays out a guest whose kernel has already been read.
     *
     * @param kernel the kernel
     * @param initrd the initial ramdisk, if any
     * @param commandLine see {@link #build}
     * @param size see {@link #build}
     * @return the layout
     * @throws ImageException if the kernel cannot be started as PVH, or the memory is too small for the images
     */
    public static PvhBoot layOut(
            KernelImage kernel, Optional<ImageFile> initrd, String commandLine, PvhSize size)
            throws ImageException {
        byte[] line = commandLine.getBytes(StandardCharsets.UTF_8);
        if (line.length > MAX_COMMAND_LINE || commandLine.indexOf(0) >= 0) {
            throw new IllegalArgumentException(
                    "the command line has " + line.length + " bytes or holds a zero; at most "
                            + MAX_COMMAND_LINE + " bytes can be passed");
        }
        return new PvhBuilder(kernel, initrd, line, size).layOut();
    }

    private PvhBoot layOut() throws ImageException {
        int entry = entryPoint();
        long lowEnd = Math.min(size.memory(), HOLE_START);
        long next = roundUp(placeKernel(lowEnd));

        AcpiTables acpi = AcpiTables.build(size.maxVcpus(), size.vcpus());
        long rsdp = rsdpAddress(acpi);
        List<MemoryRange> map = memoryMap(acpi, rsdp);
        int startInfoLength = startInfoLength(map.size());

        long initrdSize = initrd.map(ImageFile::size).orElse(0L);
        long end = next + roundUp(startInfoLength) + roundUp(initrdSize);
        if (end > lowEnd || initrdSize > lowEnd) {
            throw tooSmall(next, initrdSize, end, lowEnd);
        }
        long startInfo;
        long initrdAt;
        if (kernel.xen().number(XenElfNote.MOD_START_PFN).orElse(0) != 0) {
            startInfo = next;
            initrdAt = next + roundUp(startInfoLength);
        } else {
            initrdAt = next;
            startInfo = next + roundUp(initrdSize);
        }
        initrd.ifPresent(file -> pieces.add(new Piece.Whole("initrd", initrdAt, file)));
        byte[] info = startInfo(startInfo, startInfoLength, initrdAt, initrdSize, rsdp, map);
        addBytes("start info", startInfo, info);
        addBytes("ACPI information", AcpiTables.BASE, acpi.infoPage());
        addBytes("ACPI tables", AcpiTables.BASE + PAGE, acpi.tablePages());
        addBytes("RSDP", rsdp, acpi.rsdp());
        addBytes("identity page directory", SpecialPages.IDENT_PT * PAGE, SpecialPages.identityPageDirectory());
        return new PvhBoot(
                kernel, entry, (int) startInfo, List.copyOf(pieces), map, populated(acpi));
    }

    private int entryPoint() throws ImageException {
        OptionalLong note = kernel.xen().number(XenElfNote.PHYS32_ENTRY);
        if (note.isEmpty()) {
            String what = kernel.elf().is64() ? "this kernel" : "this 32-bit kernel";
            throw fault(what + " has no XEN_ELFNOTE_PHYS32_ENTRY; build it with CONFIG_PVH"
                    + (kernel.xen().number(XenElfNote.ENTRY).isPresent() ? ", or start it with --type pv" : ""));
        }
        long entry = note.getAsLong();
        boolean inside = false;
        for (ElfSegment segment : kernel.elf().segments()) {
            inside |= segment.type() == ElfSegment.PT_LOAD
                    && Long.compareUnsigned(entry - segment.paddr(), segment.memorySize()) < 0;
        }
        if (!inside || entry >>> 32 != 0) {
            throw fault("has its PVH entry point at 0x" + Long.toHexString(entry) + ", outside of its segments");
        }
        return (int) entry;
    }

    /** Returns the address behind the kernel. */
    private long placeKernel(long lowEnd) throws ImageException {
        ElfImage elf = kernel.elf();
        long end = 0;
        for (ElfSegment segment : elf.segments()) {
            if (segment.type() != ElfSegment.PT_LOAD || segment.memorySize() == 0) {
                continue;
            }
            long start = segment.paddr();
            if (start < 0 || segment.memorySize() < 0 || start + segment.memorySize() < 0) {
                throw fault("has a segment at physical address 0x" + Long.toHexString(start) + " of 0x"
                        + Long.toHexString(segment.memorySize()) + " bytes; that cannot be right");
            }
            end = Math.max(end, start + segment.memorySize());
            if (end > lowEnd) {
                throw tooSmall(end, initrd.map(ImageFile::size).orElse(0L), end, lowEnd);
            }
            if (segment.fileSize() != 0) {
                pieces.add(new Piece.Bytes(
                        "kernel", start, elf.bytes(), (int) segment.offset(), (int) segment.fileSize()));
            }
        }
        if (end == 0) {
            throw fault("has no segment to load");
        }
        return end;
    }

    /** Linux before 4.20 finds the RSDP only where a BIOS would have it, and says so by a missing feature. */
    private long rsdpAddress(AcpiTables acpi) {
        XenGuestInfo xen = kernel.xen();
        boolean linux = xen.text(XenElfNote.GUEST_OS).orElse("").equals("linux");
        boolean anywhere = !linux || xen.supports("linux_rsdp_unrestricted", FEATURE_RSDP_UNRESTRICTED);
        return anywhere ? acpi.end() : 0x10_0000 - AcpiTables.RSDP_LENGTH;
    }

    /** RAM that the guest may come to have, below the hole and above 4 GiB. */
    private List<MemoryRange> ram() {
        long lowEnd = Math.min(size.maxMemory(), HOLE_START);
        MemoryRange low = new MemoryRange(0, lowEnd, MemoryRange.Type.RAM);
        return size.maxMemory() > lowEnd
                ? List.of(low, new MemoryRange(FOUR_GIB, size.maxMemory() - lowEnd, MemoryRange.Type.RAM))
                : List.of(low);
    }

    private List<MemoryRange> memoryMap(AcpiTables acpi, long rsdp) {
        List<MemoryRange> ram = ram();
        List<MemoryRange> map = new ArrayList<>();
        map.add(ram.getFirst());
        map.add(new MemoryRange(
                SpecialPages.FIRST * PAGE, SpecialPages.COUNT * PAGE, MemoryRange.Type.RESERVED));
        map.add(new MemoryRange(
                rsdp & -PAGE, (rsdp & PAGE - 1) + AcpiTables.RSDP_LENGTH, MemoryRange.Type.ACPI));
        map.add(new MemoryRange(AcpiTables.BASE, PAGE, MemoryRange.Type.ACPI));
        map.add(new MemoryRange(
                AcpiTables.BASE + PAGE, acpi.end() - AcpiTables.BASE - PAGE, MemoryRange.Type.ACPI));
        map.addAll(ram.subList(1, ram.size()));
        return List.copyOf(map);
    }

    private List<MemoryRange> populated(AcpiTables acpi) {
        List<MemoryRange> ranges = new ArrayList<>(ram());
        ranges.add(new MemoryRange(
                AcpiTables.BASE, acpi.end() + PAGE - AcpiTables.BASE, MemoryRange.Type.ACPI));
        ranges.add(new MemoryRange(
                SpecialPages.FIRST * PAGE, SpecialPages.COUNT * PAGE, MemoryRange.Type.RESERVED));
        return List.copyOf(ranges);
    }

    private int startInfoLength(int mapEntries) {
        return START_INFO_SIZE
                + commandLineLength()
                + MODULES * (MODLIST_ENTRY_SIZE + MODULE_COMMAND_LINE)
                + mapEntries * MEMMAP_ENTRY_SIZE;
    }

    private int commandLineLength() {
        return commandLine.length + 1 + 7 & ~7;
    }

    /** struct hvm_start_info, the command line, the module list and the memory map, in libxl's order. */
    private byte[] startInfo(
            long at, int length, long initrdAt, long initrdSize, long rsdp, List<MemoryRange> map) {
        int modlist = START_INFO_SIZE + commandLineLength();
        int memmap = modlist + MODULES * (MODLIST_ENTRY_SIZE + MODULE_COMMAND_LINE);
        byte[] info = new byte[length];
        put32(info, 0, 0x336e_c578);
        put32(info, 4, 1);
        put32(info, 12, initrdSize == 0 ? 0 : 1);
        put64(info, 16, initrdSize == 0 ? 0 : at + modlist);
        put64(info, 24, at + START_INFO_SIZE);
        put64(info, 32, rsdp);
        put64(info, 40, at + memmap);
        put32(info, 48, map.size());
        System.arraycopy(commandLine, 0, info, START_INFO_SIZE, commandLine.length);
        if (initrdSize != 0) {
            put64(info, modlist, initrdAt);
            put64(info, modlist + 8, initrdSize);
        }
        for (int i = 0; i < map.size(); i++) {
            int entry = memmap + i * MEMMAP_ENTRY_SIZE;
            put64(info, entry, map.get(i).start());
            put64(info, entry + 8, map.get(i).size());
            put32(info, entry + 16, map.get(i).type().number());
        }
        return info;
    }

    private void addBytes(String name, long gpa, byte[] bytes) {
        pieces.add(new Piece.Bytes(name, gpa, bytes, 0, bytes.length));
    }

    private static long roundUp(long value) {
        return value + PAGE - 1 & -PAGE;
    }

    private ImageException tooSmall(long kernelEnd, long initrdSize, long end, long lowEnd) {
        String initrdText = initrd.map(file -> " and the initrd " + file.name() + " " + mebibytes(initrdSize))
                .orElse("");
        String advice = lowEnd < HOLE_START
                ? "give the guest at least " + mebibytes(end)
                : "at most " + mebibytes(HOLE_START) + " are below the 4 GiB hole";
        return fault("does not fit in " + mebibytes(lowEnd) + " of memory: the kernel ends at " + mebibytes(kernelEnd)
                + initrdText + "; " + advice);
    }

    private static String mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1 >>> 20) + " MiB";
    }

    private ImageException fault(String reason) {
        return new ImageException(kernel.elf().file(), reason);
    }
}

package org.xenolith.guests.pv;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.ElfSegment;
import org.xenolith.guests.pvh.Piece;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * Where the parts of a PV guest lie in its pseudo-physical memory (start-of-day layout of public/xen.h).
 *
 * <p>From pseudo-physical address 0, mapped at the kernel's virtual base: kernel, initrd, p2m list, start info, xenstore
 * page, console page, page tables, boot stack, then free pages to a boundary of 4 MiB that is at least 512 KiB away. Where
 * the kernel's notes allow, initrd and p2m list lie behind that, the p2m list with tables of its own.
 */
public final class PvLayout {
    /** Room for the command line in the start info, in bytes with the zero at its end. */
    public static final int MAX_COMMAND_LINE = 1024;

    private static final int PAGE = 4096;
    private static final int PAGE_SHIFT = 12;
    private static final long MAPPING_ALIGN = 4L << 20;
    private static final long PADDING_PAGES = (512 << 10) / PAGE;

    private final PvKernel kernel;
    private final Optional<ImageFile> initrd;
    private final byte[] commandLine;
    private final long pages;
    private final PageTables tables;
    private long initrdPfn;
    private long p2mVa;
    private long p2mPfn;
    private long p2mFrames;
    private long startInfoPfn;
    private long firstTable;
    private long mappedPages;
    private long required;

    private PvLayout(PvKernel kernel, Optional<ImageFile> initrd, byte[] commandLine, long pages)
            throws ImageException {
        this.kernel = kernel;
        this.initrd = initrd;
        this.commandLine = commandLine;
        this.pages = pages;
        this.tables = new PageTables(kernel.wide());
        place();
    }

    /**
     * Reads the images and lays out the guest; nothing is written yet.
     *
     * @param kernelFile an ELF kernel for Xen PV, also compressed by gzip, or a bzImage of one
     * @param initrd the initial ramdisk, if any; it is passed as it is
     * @param commandLine the kernel's command line, less than {@link #MAX_COMMAND_LINE} bytes in UTF-8, without zeros
     * @param memory the guest's RAM in bytes, at least 1 MiB; rounded down to pages
     * @throws ImageException if an image cannot be used, or the memory is too small for the images
     */
    public static PvLayout of(ImageFile kernelFile, Optional<ImageFile> initrd, String commandLine, long memory)
            throws ImageException {
        return of(KernelImage.read(kernelFile, memory), initrd, commandLine, memory);
    }

    /**
     * Lays out a guest whose kernel has already been read.
     *
     * @param image the kernel
     * @param initrd as above
     * @param commandLine as above
     * @param memory as above
     * @throws ImageException if the kernel cannot be started as PV, or the memory is too small for the images
     */
    public static PvLayout of(KernelImage image, Optional<ImageFile> initrd, String commandLine, long memory)
            throws ImageException {
        byte[] line = commandLine.getBytes(StandardCharsets.UTF_8);
        if (line.length >= MAX_COMMAND_LINE || commandLine.indexOf(0) >= 0) {
            throw new IllegalArgumentException("the command line has " + line.length
                    + " bytes or holds a zero; at most " + (MAX_COMMAND_LINE - 1)
                    + " bytes can be passed to a PV guest");
        }
        if (memory < 1 << 20) {
            throw new IllegalArgumentException("a PV guest needs at least 1 MiB of memory, not " + memory + " bytes");
        }
        PvKernel kernel = PvKernel.of(image);
        PvLayout layout = new PvLayout(kernel, initrd, line, memory >>> PAGE_SHIFT);
        long need = layout.required;
        if (need <= layout.pages) {
            layout.map();
            return layout;
        }
        // a larger guest has a larger p2m list
        for (long next = 0; next != need;) {
            next = need;
            need = new PvLayout(kernel, initrd, line, next).required;
        }
        String ramdisk = initrd.map(file -> " and the initrd " + file.name() + " " + PvKernel.mebibytes(file.size()))
                .orElse("");
        throw new ImageException(image.elf().file(), "does not fit in " + PvKernel.mebibytes(memory)
                + " of memory: the kernel ends at " + PvKernel.mebibytes(kernel.end()) + ramdisk
                + "; give the guest at least " + PvKernel.mebibytes(need << PAGE_SHIFT));
    }

    private void place() throws ImageException {
        long p2mBytes = pages * wordBytes();
        p2mFrames = frames(p2mBytes);
        long next = frames(kernel.end());
        if (!kernel.unmappedModule()) {
            initrdPfn = next;
            next += initrdFrames();
        }
        if (!kernel.ownP2m()) {
            p2mPfn = next;
            p2mVa = kernel.va(next);
            next += p2mFrames;
        }
        startInfoPfn = next;
        next += 3;
        mappedPages = mappedPages(next);
        firstTable = next;
        next = mappedPages;
        if (kernel.unmappedModule()) {
            initrdPfn = next;
            next += initrdFrames();
        }
        if (kernel.ownP2m()) {
            p2mPfn = next;
            p2mVa = kernel.initP2m();
            checkP2m();
            // at most, and one less: the top table is there
            next += p2mFrames + PageTables.count(true, p2mVa, p2mVa + (p2mFrames << PAGE_SHIFT) - 1) - 1;
        }
        required = next;
    }

    private void map() {
        tables.add(kernel.virtBase(), mappedPages, 0, firstTable);
        if (kernel.ownP2m()) {
            p2mFrames += tables.add(p2mVa, p2mFrames, p2mPfn, p2mPfn + p2mFrames);
        }
    }

    /** Pages of the initial mapping when tables and stack come at a frame. */
    private long mappedPages(long next) throws ImageException {
        long extra = PADDING_PAGES + 1;
        long n = extra;
        while (true) {
            long least = next + n << PAGE_SHIFT;
            long va = kernel.virtBase();
            // the last byte, because what follows it may be address 0
            long last = va + least - 1 | MAPPING_ALIGN - 1;
            if (Long.compareUnsigned(last - va, kernel.virtLimit() - 1 - va) > 0) {
                throw new ImageException(kernel.image().elf().file(),
                        "cannot be mapped: kernel, initrd and tables have "
                                + PvKernel.mebibytes(least) + ", and from XEN_ELFNOTE_VIRT_BASE " + PvKernel.hex(va)
                                + " there are "
                                + PvKernel.mebibytes(kernel.virtLimit() - va));
            }
            long mapped = last - va + 1 >>> PAGE_SHIFT;
            n = PageTables.count(kernel.wide(), va, last) + extra;
            if (next + n <= mapped) {
                return mapped;
            }
        }
    }

    private void checkP2m() throws ImageException {
        long last = p2mVa + (p2mFrames << PAGE_SHIFT) - 1;
        boolean intoHole = p2mVa >= 0 && last >= PvKernel.LOWER_HALF_END;
        if (intoHole || Long.compareUnsigned(last, kernel.virtBase()) >= 0) {
            throw new ImageException(kernel.image().elf().file(), "has XEN_ELFNOTE_INIT_P2M " + PvKernel.hex(p2mVa)
                    + "; there is no room for a list of " + (p2mFrames << PAGE_SHIFT) + " bytes there");
        }
    }

    private int wordBytes() {
        return abi().wordBytes();
    }

    private long initrdFrames() {
        return frames(initrdSize());
    }

    private static long frames(long bytes) {
        return bytes + PAGE - 1 >>> PAGE_SHIFT;
    }

    /** What comes out of files, at pseudo-physical addresses. */
    List<Piece> pieces() {
        List<Piece> pieces = new ArrayList<>();
        ElfImage elf = kernel.image().elf();
        for (ElfSegment segment : elf.segments()) {
            if (segment.type() == ElfSegment.PT_LOAD && segment.fileSize() != 0) {
                pieces.add(new Piece.Bytes("kernel", segment.paddr() - kernel.paddrOffset(), elf.bytes(),
                        (int) segment.offset(), (int) segment.fileSize()));
            }
        }
        initrd.ifPresent(file -> pieces.add(new Piece.Whole("initrd", initrdPfn << PAGE_SHIFT, file)));
        return pieces;
    }

    PageTables tables() {
        return tables;
    }

    byte[] commandLine() {
        return commandLine;
    }

    /** {@return what the kernel asks for} */
    public PvKernel kernel() {
        return kernel;
    }

    /** {@return the word size of the kernel} */
    public GuestAbi abi() {
        return kernel.wide() ? GuestAbi.X86_64 : GuestAbi.X86_32;
    }

    /** {@return the guest's memory in pages of 4 KiB} */
    public long pages() {
        return pages;
    }

    /** {@return pages from pseudo-physical address 0 that the initial page tables map at the virtual base} */
    public long mappedPages() {
        return mappedPages;
    }

    /** {@return the first frame of the initrd} */
    public long initrdPfn() {
        return initrdPfn;
    }

    /** {@return length of the initrd in bytes, 0 without one} */
    public long initrdSize() {
        return initrd.map(ImageFile::size).orElse(0L);
    }

    /** {@return virtual address of the p2m list} */
    public long p2mVa() {
        return p2mVa;
    }

    /** {@return the first frame of the p2m list} */
    public long p2mPfn() {
        return p2mPfn;
    }

    /** {@return frames of the p2m list and of its own page tables, which follow it} */
    public long p2mFrames() {
        return p2mFrames;
    }

    /** {@return the frame of the start info} */
    public long startInfoPfn() {
        return startInfoPfn;
    }

    /** {@return the frame of the xenstore page} */
    public long xenstorePfn() {
        return startInfoPfn + 1;
    }

    /** {@return the frame of the console page} */
    public long consolePfn() {
        return startInfoPfn + 2;
    }

    /** {@return the frame of the top page table; the others follow} */
    public long topTablePfn() {
        return tables.top();
    }

    /** {@return frames of the page tables of the initial mapping} */
    public long tableFrames() {
        return tables.frames();
    }

    /** {@return the frame of the boot stack} */
    public long stackPfn() {
        return tables.top() + tables.frames();
    }
}

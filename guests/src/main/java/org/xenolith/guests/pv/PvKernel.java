package org.xenolith.guests.pv;

import java.util.OptionalLong;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.elf.ElfSegment;
import org.xenolith.guests.elf.XenElfNote;
import org.xenolith.guests.elf.XenGuestInfo;

/**
 * What a kernel asks of a PV domain builder (public/elfnote.h), checked.
 *
 * @param image the kernel
 * @param wide true for a 64-bit kernel, false for a 32-bit one with PAE
 * @param virtBase virtual address of pseudo-physical address 0, a multiple of the page size
 * @param paddrOffset what to subtract from the segments' physical addresses
 * @param end pseudo-physical address behind the last segment
 * @param entry virtual address of the first instruction
 * @param hypercallPage pseudo-physical frame to be filled with stubs, or -1 when the kernel asks for none
 * @param initP2m virtual address at which the p2m list is to be mapped, or -1 for behind the kernel
 * @param unmappedModule whether the initrd may lie outside of the initial mapping
 */
public record PvKernel(
        KernelImage image,
        boolean wide,
        long virtBase,
        long paddrOffset,
        long end,
        long entry,
        long hypercallPage,
        long initP2m,
        boolean unmappedModule) {
    /** First virtual address of the hypervisor's hole for 64-bit guests (public/arch-x86/xen-x86_64.h). */
    static final long HOLE_START = 0xffff_8000_0000_0000L;
    /** First virtual address behind the hole. */
    static final long HOLE_END = 0xffff_8800_0000_0000L;
    /** First virtual address of the hypervisor's hole for 32-bit guests (public/arch-x86/xen-x86_32.h). */
    static final long HOLE_START_32 = 0xf580_0000L;

    /** First non-canonical address. */
    static final long LOWER_HALF_END = 0x0000_8000_0000_0000L;
    private static final int PAGE_SHIFT = 12;
    private static final long PAGE_MASK = 0xfff;
    private static final int AUTO_TRANSLATED_PHYSMAP = 2;
    private static final int SUPERVISOR_MODE_KERNEL = 3;

    /**
     * Reads what the notes, or else the strings of {@code __xen_guest}, ask for.
     *
     * @param image the kernel
     * @throws ImageException if it is no kernel for PV, or asks for what cannot be; the message names file and field
     */
    public static PvKernel of(KernelImage image) throws ImageException {
        return new Reader(image).read();
    }

    /** Reads one kernel. */
    private static final class Reader {
        private final KernelImage image;
        private final XenGuestInfo xen;
        private final boolean wide;

        private Reader(KernelImage image) {
            this.image = image;
            this.xen = image.xen();
            this.wide = image.elf().is64();
        }

        private PvKernel read() throws ImageException {
            checkKind();
            OptionalLong base = xen.number(XenElfNote.VIRT_BASE);
            OptionalLong offset = xen.number(XenElfNote.PADDR_OFFSET);
            if (offset.isPresent() && base.isEmpty()) {
                throw fault("has " + name(XenElfNote.PADDR_OFFSET) + " without " + name(XenElfNote.VIRT_BASE));
            }
            long virtBase = address(base.orElse(0));
            if ((virtBase & PAGE_MASK) != 0 || !guestAddress(virtBase)) {
                throw bad(XenElfNote.VIRT_BASE, virtBase, "must be the address of a page outside of the hypervisor's");
            }
            // before there were notes, physical addresses in the file were virtual ones unless it said otherwise
            long paddrOffset = address(offset.orElse(xen.isLegacy() ? virtBase : 0));
            long end = end(paddrOffset);
            if (!room(virtBase, end)) {
                throw bad(XenElfNote.VIRT_BASE, virtBase, "leaves no room for a kernel of " + mebibytes(end));
            }
            long entry = address(xen.number(XenElfNote.ENTRY).orElse(image.elf().entry()));
            if (Long.compareUnsigned(entry - virtBase, end) >= 0) {
                throw bad(XenElfNote.ENTRY, entry, "lies outside of the kernel, which begins at "
                        + hex(virtBase) + " and has " + hex(end) + " bytes");
            }
            return new PvKernel(image, wide, virtBase, paddrOffset, end, entry, hypercallPage(virtBase, end),
                    initP2m(virtBase), xen.number(XenElfNote.MOD_START_PFN).orElse(0) != 0);
        }

        private void checkKind() throws ImageException {
            boolean hasEntry = xen.number(XenElfNote.ENTRY).isPresent() || xen.number(XenElfNote.VIRT_BASE).isPresent();
            if (xen.isEmpty()) {
                throw fault(
                        "says nothing about Xen: it has neither Xen ELF notes nor a section __xen_guest; it cannot be"
                                + " started with --type pv (a Linux kernel needs CONFIG_XEN_PV)");
            }
            if (!hasEntry && !xen.isLegacy() && xen.number(XenElfNote.PHYS32_ENTRY).isPresent()) {
                throw fault("has no XEN_ELFNOTE_ENTRY; build it with CONFIG_XEN_PV, or start it with --type pvh");
            }
            String version = xen.text(XenElfNote.XEN_VERSION).orElse("xen-3.0");
            if (!version.startsWith("xen-3.")) {
                throw fault("has " + name(XenElfNote.XEN_VERSION) + " " + ImageException.quoted(version)
                        + "; xen-3.0 is offered");
            }
            String loader = xen.text(XenElfNote.LOADER).orElse("generic");
            if (!loader.startsWith("generic") && !xen.text(XenElfNote.GUEST_OS).orElse("").equals("linux")) {
                throw fault("has " + name(XenElfNote.LOADER) + " " + ImageException.quoted(loader)
                        + "; generic is offered");
            }
            if (!wide) {
                String pae = xen.text(XenElfNote.PAE_MODE).orElse("no");
                if (!pae.startsWith("yes") && !pae.startsWith("bimodal")) {
                    throw fault("has " + name(XenElfNote.PAE_MODE) + " " + ImageException.quoted(pae)
                            + "; 32-bit guests need a kernel for PAE");
                }
            }
            refuse("supervisor_mode_kernel", SUPERVISOR_MODE_KERNEL);
            refuse("auto_translated_physmap", AUTO_TRANSLATED_PHYSMAP);
        }

        /** Refuses a kernel that cannot do without a feature of another kind of guest. */
        private void refuse(String feature, int bit) throws ImageException {
            if (xen.requires(feature)) {
                throw fault("requires the feature " + feature + " (" + bit + ") in " + name(XenElfNote.FEATURES)
                        + ", which PV guests do not have");
            }
        }

        private long end(long paddrOffset) throws ImageException {
            long end = 0;
            for (ElfSegment segment : image.elf().segments()) {
                if (segment.type() == ElfSegment.PT_LOAD && segment.memorySize() != 0) {
                    long start = segment.paddr() - paddrOffset;
                    long last = start + segment.memorySize();
                    if (start < 0 || segment.memorySize() < 0 || last < 0) {
                        throw fault("has a segment at physical address " + hex(segment.paddr()) + " of "
                                + hex(segment.memorySize()) + " bytes; with " + name(XenElfNote.PADDR_OFFSET) + " "
                                + hex(paddrOffset) + " that cannot be right");
                    }
                    end = Math.max(end, last);
                }
            }
            if (end == 0) {
                throw fault("has no segment to load");
            }
            return end;
        }

        private long hypercallPage(long virtBase, long end) throws ImageException {
            OptionalLong note = xen.number(XenElfNote.HYPERCALL_PAGE);
            if (note.isEmpty()) {
                return -1;
            }
            long pfn = note.getAsLong();
            if (!xen.isLegacy()) {
                long at = address(pfn) - virtBase;
                pfn = (at & PAGE_MASK) != 0 ? -1 : at >>> PAGE_SHIFT;
            }
            if (pfn < 0 || pfn > end - 1 >>> PAGE_SHIFT) {
                throw bad(XenElfNote.HYPERCALL_PAGE, note.getAsLong(), "is not a page of the kernel");
            }
            return pfn;
        }

        /** As in Xen, what cannot be a place for the list is taken as no wish. */
        private long initP2m(long virtBase) {
            long at = xen.number(XenElfNote.INIT_P2M).orElse(-1);
            boolean usable = wide && (at & PAGE_MASK) == 0 && Long.compareUnsigned(at, virtBase) < 0
                    && guestAddress(at);
            return usable ? at : -1;
        }

        /** Whether {@code size} bytes from a guest's address are all a guest's. */
        private boolean room(long start, long size) {
            long limit = !wide ? HOLE_START_32 : start >= 0 ? LOWER_HALF_END : 0;
            return Long.compareUnsigned(size, limit - start) <= 0;
        }

        private boolean guestAddress(long va) {
            if (!wide) {
                return va < HOLE_START_32;
            }
            return va >= 0 ? va < LOWER_HALF_END : Long.compareUnsigned(va, HOLE_END) >= 0;
        }

        private long address(long value) {
            return wide ? value : value & 0xffff_ffffL;
        }

        private String name(XenElfNote note) {
            return xen.isLegacy() ? note.legacyKey() + " in __xen_guest" : "XEN_ELFNOTE_" + note;
        }

        private ImageException bad(XenElfNote note, long value, String why) {
            return fault("has " + name(note) + " " + hex(value) + ", which " + why);
        }

        private ImageException fault(String reason) {
            return new ImageException(image.elf().file(), reason);
        }
    }

    /** Whether the p2m list has a place of its own, with page tables of its own. */
    boolean ownP2m() {
        return initP2m != -1;
    }

    /** First address behind which no guest may have its initial mapping, 0 for the end of the address space. */
    long virtLimit() {
        if (!wide) {
            return HOLE_START_32;
        }
        return virtBase >= 0 ? LOWER_HALF_END : 0;
    }

    /** Virtual address of a pseudo-physical frame within the initial mapping. */
    long va(long pfn) {
        return virtBase + (pfn << PAGE_SHIFT);
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    static String mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1 >>> 20) + " MiB";
    }
}

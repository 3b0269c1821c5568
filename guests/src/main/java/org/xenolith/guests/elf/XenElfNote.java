package org.xenolith.guests.elf;

/**
 * The notes by which a kernel tells Xen how it wants to be built and entered (public/elfnote.h).
 *
 * <p>A note's number is its type field under the owner name {@code Xen}; before notes, the same facts stood as
 * {@code KEY=VALUE} in the section {@code __xen_guest}, under the legacy key.
 */
public enum XenElfNote {
    /** A NAME=VALUE pair of any kind. */
    INFO(0, true, null),
    /** Virtual address of the PV entry point. */
    ENTRY(1, false, "VIRT_ENTRY"),
    /** Virtual address of the hypercall page; the legacy value is a page number. */
    HYPERCALL_PAGE(2, false, "HYPERCALL_PAGE"),
    /** Virtual address that physical address 0 of the image maps to. */
    VIRT_BASE(3, false, "VIRT_BASE"),
    /** What to subtract from the segments' physical addresses. */
    PADDR_OFFSET(4, false, "ELF_PADDR_OFFSET"),
    /** Interface version, {@code xen-3.0} for all kernels of today. */
    XEN_VERSION(5, true, "XEN_VER"),
    /** Name of the guest operating system. */
    GUEST_OS(6, true, "GUEST_OS"),
    /** Version of the guest operating system. */
    GUEST_VERSION(7, true, "GUEST_VER"),
    /** Kind of loader, {@code generic} nearly always. */
    LOADER(8, true, "LOADER"),
    /** Whether a 32-bit kernel uses PAE: yes, no or bimodal. */
    PAE_MODE(9, true, "PAE"),
    /** Features by name, required ones with an exclamation mark. */
    FEATURES(10, true, "FEATURES"),
    /** Whether the symbol table is to be loaded behind the kernel. */
    BSD_SYMTAB(11, true, "BSD_SYMTAB"),
    /** Lowest address where the hypervisor's hole may begin. */
    HV_START_LOW(12, false, null),
    /** Mask and value pairs that tell a valid L1 entry. */
    L1_MFN_VALID(13, false, null),
    /** Whether a suspend may be cancelled. */
    SUSPEND_CANCEL(14, false, null),
    /** Where the initial p2m list is to be mapped. */
    INIT_P2M(15, false, null),
    /** Whether the initrd may lie outside of the initial mapping, given by frame number. */
    MOD_START_PFN(16, false, null),
    /** Features as a bit mask. */
    SUPPORTED_FEATURES(17, false, null),
    /** Physical address of the 32-bit PVH entry point. */
    PHYS32_ENTRY(18, false, null),
    /** Crash dump: the crash itself. */
    CRASH_INFO(0x100_0001, false, null),
    /** Crash dump: registers of a CPU. */
    CRASH_REGS(0x100_0002, false, null),
    /** Core dump: marks the file as one. */
    DUMPCORE_NONE(0x200_0000, false, null),
    /** Core dump: header. */
    DUMPCORE_HEADER(0x200_0001, false, null),
    /** Core dump: version of Xen. */
    DUMPCORE_XEN_VERSION(0x200_0002, false, null),
    /** Core dump: version of the format. */
    DUMPCORE_FORMAT_VERSION(0x200_0003, false, null);

    private final int type;
    private final boolean text;
    private final String legacyKey;

    XenElfNote(int type, boolean text, String legacyKey) {
        this.type = type;
        this.text = text;
        this.legacyKey = legacyKey;
    }

    /** {@return the note's type field} */
    public int type() {
        return type;
    }

    /** {@return whether the value is a zero-terminated string rather than a number} */
    public boolean isText() {
        return text;
    }

    /** {@return the key in {@code __xen_guest}, or null where the legacy section has none} */
    public String legacyKey() {
        return legacyKey;
    }
}

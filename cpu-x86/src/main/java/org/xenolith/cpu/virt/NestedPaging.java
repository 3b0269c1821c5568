package org.xenolith.cpu.virt;

/**
 * The second level of translation of a guest: EPT (SDM vol. 3, 29.3) or nested paging (APM vol. 2, 15.25). The results of the last
 * translation are read from the accessors until the next one.
 */
public interface NestedPaging {
    /** From {@link #translate}: a device answers at that guest-physical address, without a page behind it. */
    long DEVICE = -1;

    int READ = 0;
    int WRITE = 1;
    int FETCH = 2;

    /**
     * Translates a guest-physical address or makes a VM exit (EPT violation, EPT misconfiguration, nested page fault).
     *
     * @param access {@link #READ}, {@link #WRITE} or {@link #FETCH}
     * @param va the guest's linear address, where there is one
     * @param table the access is to a paging structure of the guest, in the course of translating {@code va}
     * @param user the access has a user's rights
     * @return the physical address of the CPU's host, or {@link #DEVICE}
     */
    long translate(long gpa, int access, long va, boolean table, boolean user);

    /** Writes need no further look: the page may be written, and is marked dirty where that is kept. */
    boolean writable();

    /** Log2 of the bytes that the leaf maps. */
    int pageShift();

    /** After {@link #DEVICE}: the second level itself is the device (a virtual local APIC), rather than the environment. */
    default boolean virtualDevice() {
        return false;
    }

    /** Reads the virtual device, or exits by {@code cpu.vmExit()}. */
    default long deviceRead(long gpa, int bytes) {
        return -1;
    }

    /** Writes the virtual device, or exits by {@code cpu.vmExit()}. */
    default void deviceWrite(long gpa, int bytes, long value) {
    }

    /** PAE paging without long mode reads its PDPTEs with each walk, rather than when CR3 is loaded. */
    default boolean readsPdptes() {
        return false;
    }

    /** Translates for a debugger: no side effects; -1 when there is no translation. */
    long peek(long gpa);
}

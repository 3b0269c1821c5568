package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.abi.Errno;

/**
 * Why the hypervisor refused something that concerns a PV guest's memory.
 *
 * @param kind what was wrong, the same words for the same rule
 * @param errno positive, as the guest gets it
 * @param level of the table entry, 1 to 4, or 0
 * @param slot of the entry in its table, or -1
 * @param entry value of the entry, or 0
 * @param mfn frame that it is about, or -1
 * @param frame owner, type and count of the frame in words
 */
public record PvFailure(Kind kind, int errno, int level, int slot, long entry, long mfn, String frame) {
    /** The rules. */
    public enum Kind {
        FORBIDDEN_BITS("page-table entry with reserved bits", Errno.EINVAL),
        NOT_RAM("mapping of a frame that is no RAM", Errno.EPERM),
        FOREIGN_FRAME("frame of another domain, of the hypervisor or of nobody", Errno.EBUSY),
        WRITABLE_REFUSED("writable mapping of a page table or descriptor page", Errno.EBUSY),
        BAD_OWNER("table or descriptor frame that the domain does not own", Errno.EINVAL),
        TYPE_IN_USE("frame in use as another type", Errno.EINVAL),
        TOO_MANY_REFERENCES("more references than can be counted", Errno.EINVAL),
        LINEAR_WRITABLE("writable entry for a table of the same level", Errno.EINVAL),
        LINEAR_NESTED("nested tables of the same level", Errno.EINVAL),
        XEN_SLOT("entry that belongs to the hypervisor", Errno.EINVAL),
        PAE_TOP_SLOT("top PDPTE missing, shared or changed", Errno.EINVAL),
        DESCRIPTOR("segment descriptor that a guest may not have", Errno.EINVAL),
        ALREADY_PINNED("pin of a pinned table", Errno.EINVAL),
        NOT_PINNED("unpin of a table that is not pinned", Errno.EINVAL),
        NO_TABLE("no level 1 table there", Errno.EINVAL),
        PAGE_IN_USE("page that is still in use", Errno.EINVAL),
        GRANT_ENTRY("grant mapping that does not fit its entry", Errno.EINVAL),
        PT_WRITE("write to a page table that cannot be emulated", Errno.EINVAL);

        private final String text;
        private final int errno;

        Kind(String text, int errno) {
            this.text = text;
            this.errno = errno;
        }

        /** What was wrong, in words. */
        public String text() {
            return text;
        }

        int errno() {
            return errno;
        }
    }

    @Override
    public String toString() {
        StringBuilder s = new StringBuilder(kind.text);
        if (level > 0) {
            s.append(", L").append(level).append(slot >= 0 ? " slot " + slot : "").append(" entry ")
                    .append(Long.toHexString(entry));
        }
        if (mfn >= 0) {
            s.append(", mfn ").append(Long.toHexString(mfn)).append(" (").append(frame).append(')');
        }
        return s.append(", error ").append(errno).toString();
    }
}

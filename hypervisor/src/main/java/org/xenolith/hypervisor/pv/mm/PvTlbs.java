package org.xenolith.hypervisor.pv.mm;

/** What changes to page tables need of the translations that CPUs remember. */
public interface PvTlbs {
    /** Drops all translations of one vCPU of the domain, global ones too. */
    void flush(int vcpu);

    /** Drops one page's translation of one vCPU of the domain. */
    void flushPage(int vcpu, long gva);

    /** Drops every translation of a machine frame, on all CPUs of the machine. */
    void dropFrame(long mfn);

    /** As {@link #dropFrame}, when there may be one that allows writing. */
    void dropWritable(long mfn);

    /** Drops every translation of a machine frame on the domain's CPUs: an entry that maps it is no longer what it was. */
    void entryChanged(long mfn);

    /**
     * Loads a vCPU's CR3 with the machine address of a table and drops all that it translated before.
     *
     * @param sameUpperHalf but what the new table's upper half translates just so
     */
    void loadBase(int vcpu, long mfn, boolean sameUpperHalf);

    /** Drops what a vCPU translated for programs, as another table is theirs from now on. */
    void loadUserBase(int vcpu);
}

package org.xenolith.hypervisor.xenstore;

/** What one domain uses of the daemon's resources. Kept for as long as the domain owns anything. */
final class DomainAccount {
    private int nodes;
    private int watches;
    private int transactions;
    private int outstanding;
    private long memory;

    int nodes() {
        return nodes;
    }

    void addNodes(int delta) {
        nodes += delta;
    }

    int watches() {
        return watches;
    }

    void addWatches(int delta) {
        watches += delta;
    }

    int transactions() {
        return transactions;
    }

    void addTransactions(int delta) {
        transactions += delta;
    }

    int outstanding() {
        return outstanding;
    }

    void addOutstanding(int delta) {
        outstanding += delta;
    }

    /** Bytes of nodes, watches and queued messages. */
    long memory() {
        return memory;
    }

    void addMemory(long delta) {
        memory += delta;
    }

    boolean isEmpty() {
        return nodes == 0 && watches == 0 && transactions == 0 && outstanding == 0 && memory == 0;
    }
}

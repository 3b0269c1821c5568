package org.xenolith.hypervisor.xenstore;

/**
 * Limits for each unprivileged domain; the control domain has none but the path length. Defaults are those of the
 * daemon of Xen 4.17.
 *
 * @param nodes nodes owned by a domain
 * @param nodeSize bytes of a node with permissions and names of children; a node must be smaller than this
 * @param watches watches set by a domain
 * @param transactions open transactions
 * @param transactionNodes nodes touched in one transaction
 * @param outstanding replies that the domain has not fetched; at this number its requests wait
 * @param permissions entries in the permission list of a node
 * @param pathLength characters of a path, not counting {@code /local/domain/<n>/}
 * @param memory bytes held on behalf of a domain in nodes, watches and messages; beyond it, watch events are dropped
 *     and requests wait or fail
 */
public record Quotas(int nodes, int nodeSize, int watches, int transactions, int transactionNodes, int outstanding,
        int permissions, int pathLength, int memory) {

    /** The limits of an unconfigured daemon. */
    public static final Quotas DEFAULT = new Quotas(1000, 2048, 128, 10, 1024, 20, 5, XsWire.XENSTORE_REL_PATH_MAX,
            2_621_440);

    public Quotas {
        if (nodes < 1 || nodeSize < 64 || watches < 0 || transactions < 0 || transactionNodes < 1 || outstanding < 1
                || permissions < 1 || pathLength < 1 || pathLength > XsWire.XENSTORE_REL_PATH_MAX || memory < 65536) {
            throw new IllegalArgumentException("xenstore quota out of range");
        }
    }
}

package org.xenolith.hypervisor.xenstore;

import java.util.List;

/** The tree as one request sees it: the tree itself, or a transaction's private picture of it. */
sealed interface StoreView permits NodeTable, Transaction {
    /**
     * The node at {@code path}, or null.
     *
     * @throws XsFailure ENOSPC if the transaction has touched too many nodes
     */
    Node read(String path) throws XsFailure;

    /** Stores {@code node} with a new generation. */
    void write(String path, Node node) throws XsFailure;

    /** Removes the node at {@code path}; the caller takes care of children and parent. */
    void delete(String path, Node node) throws XsFailure;

    /**
     * Says that {@code path} has changed, so that watches fire: at once, or when the transaction commits.
     *
     * @param node the node, the last one if it was removed
     * @param exact whether only watches of this very path fire, not those of its ancestors
     * @param oldPermissions what the permissions were before, or null if they did not change
     */
    void changed(String path, Node node, boolean exact, List<NodePermission> oldPermissions);

    /** Nodes that {@code domid} would own more (or fewer) than in the tree if this view became the tree. */
    int nodeDelta(int domid);
}

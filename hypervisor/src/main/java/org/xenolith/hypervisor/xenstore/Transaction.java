package org.xenolith.hypervisor.xenstore;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * A transaction: every path that it touches is copied here on first touch, together with the generation that it had in
 * the tree. At the commit all these generations must still be the same, else the answer is EAGAIN; then the changes go
 * to the tree in the order in which their paths were first touched, and their watches fire in that order.
 */
final class Transaction implements StoreView {
    private static final class Touched {
        final long baseGeneration;
        final List<NodePermission> oldPermissions;
        Node node;
        boolean modified;
        boolean fire;
        boolean exact;

        Touched(Node base) {
            node = base;
            baseGeneration = base == null ? Node.NO_GENERATION : base.generation();
            oldPermissions = base == null ? null : base.permissions();
        }
    }

    private final int id;
    private final int domid;
    private final NodeTable table;
    private final Accounts accounts;
    private final Map<String, Touched> touched = new LinkedHashMap<>();
    private final Map<Integer, Integer> nodeDeltas = new LinkedHashMap<>();
    private long heldBytes;
    private boolean failed;

    Transaction(int id, int domid, NodeTable table, Accounts accounts) {
        this.id = id;
        this.domid = domid;
        this.table = table;
        this.accounts = accounts;
    }

    int id() {
        return id;
    }

    @Override
    public Node read(String path) throws XsFailure {
        return touch(path).node;
    }

    @Override
    public void write(String path, Node node) throws XsFailure {
        Touched entry = touch(path);
        if (entry.node != null) {
            addDelta(entry.node.owner(), -1);
        }
        hold((long) node.size() - (entry.node == null ? 0 : entry.node.size()));
        addDelta(node.owner(), 1);
        entry.node = node.withGeneration(table.nextGeneration());
        entry.modified = true;
    }

    @Override
    public void delete(String path, Node node) throws XsFailure {
        Touched entry = touch(path);
        if (entry.node != null) {
            addDelta(entry.node.owner(), -1);
            hold(-(long) entry.node.size());
        }
        entry.node = null;
        entry.modified = true;
    }

    @Override
    public void changed(String path, Node node, boolean exact, List<NodePermission> oldPermissions) {
        Touched entry = touched.get(path);
        if (entry == null) {
            failed = true;
        } else if (!entry.fire) {
            entry.fire = true;
            entry.exact = exact;
        } else if (!exact) {
            entry.exact = false;
        }
    }

    @Override
    public int nodeDelta(int owner) {
        return nodeDeltas.getOrDefault(owner, 0);
    }

    /**
     * Makes this transaction's changes the tree's, or none of them.
     *
     * @param exists whether a domain exists, for nodes whose owner was destroyed meanwhile
     * @throws XsFailure ENOMEM after an internal limit was hit, ENOSPC beyond a node quota, EAGAIN after a conflict
     */
    void commit(IntPredicate exists) throws XsFailure {
        if (failed) {
            throw new XsFailure(XsError.ENOMEM);
        }
        if (!Accounts.isPrivileged(domid)) {
            for (Map.Entry<Integer, Integer> e : nodeDeltas.entrySet()) {
                if (e.getValue() > 0 && !Accounts.isPrivileged(e.getKey())
                        && accounts.of(e.getKey()).nodes() + e.getValue() > accounts.quotas().nodes()) {
                    throw new XsFailure(XsError.ENOSPC);
                }
            }
        }
        for (Map.Entry<String, Touched> e : touched.entrySet()) {
            Touched entry = e.getValue();
            Node now = table.read(e.getKey());
            long generation = now == null ? Node.NO_GENERATION : now.generation();
            // A node must not outlive its owner: the retry will see that the domain has gone.
            boolean orphan = entry.modified && entry.node != null && !exists.test(entry.node.owner());
            if (generation != entry.baseGeneration || orphan) {
                throw new XsFailure(XsError.EAGAIN);
            }
        }
        for (Map.Entry<String, Touched> e : touched.entrySet()) {
            apply(e.getKey(), e.getValue());
        }
    }

    /** Gives back what this transaction holds; it must not be used afterwards. */
    void release() {
        accounts.of(domid).addMemory(-heldBytes);
        heldBytes = 0;
        touched.clear();
    }

    private void apply(String path, Touched entry) {
        if (entry.modified) {
            if (entry.node != null) {
                table.write(path, entry.node);
            } else if (entry.baseGeneration != Node.NO_GENERATION) {
                table.delete(path, null);
            }
        }
        if (entry.fire) {
            table.changed(path, null, entry.exact, entry.oldPermissions);
        }
    }

    private Touched touch(String path) throws XsFailure {
        Touched entry = touched.get(path);
        if (entry == null) {
            if (!Accounts.isPrivileged(domid) && touched.size() >= accounts.quotas().transactionNodes()) {
                failed = true;
                throw new XsFailure(XsError.ENOSPC);
            }
            Node base = table.read(path);
            if (accounts.exceedsMemory(domid, path.length() + (base == null ? 0L : base.size()))) {
                failed = true;
                throw new XsFailure(XsError.ENOMEM);
            }
            entry = new Touched(base);
            touched.put(path, entry);
            hold(path.length() + (entry.node == null ? 0L : entry.node.size()));
        }
        return entry;
    }

    private void hold(long bytes) {
        heldBytes += bytes;
        accounts.of(domid).addMemory(bytes);
    }

    private void addDelta(int owner, int delta) {
        nodeDeltas.merge(owner, delta, Integer::sum);
    }
}

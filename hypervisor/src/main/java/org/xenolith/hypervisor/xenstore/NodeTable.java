package org.xenolith.hypervisor.xenstore;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tree: all nodes by their full path. Order comes from the lists of children alone, never from the map. */
final class NodeTable implements StoreView {
    /** Receives changes of the tree. */
    interface ChangeListener {
        void changed(String path, Node node, boolean exact, List<NodePermission> oldPermissions);
    }

    private final Map<String, Node> nodes = new HashMap<>();
    private final Accounts accounts;
    private final ChangeListener listener;
    private long generation;

    NodeTable(Accounts accounts, ChangeListener listener) {
        this.accounts = accounts;
        this.listener = listener;
    }

    @Override
    public Node read(String path) {
        return nodes.get(path);
    }

    @Override
    public void write(String path, Node node) {
        Node stored = node.withGeneration(nextGeneration());
        Node old = nodes.put(path, stored);
        if (old != null) {
            account(path, old, -1);
        }
        account(path, stored, 1);
    }

    @Override
    public void delete(String path, Node node) {
        Node old = nodes.remove(path);
        if (old != null) {
            account(path, old, -1);
        }
        generation++;
    }

    @Override
    public void changed(String path, Node node, boolean exact, List<NodePermission> oldPermissions) {
        listener.changed(path, node, exact, oldPermissions);
    }

    @Override
    public int nodeDelta(int domid) {
        return 0;
    }

    long nextGeneration() {
        return ++generation;
    }

    int size() {
        return nodes.size();
    }

    private void account(String path, Node node, int sign) {
        DomainAccount account = accounts.of(node.owner());
        account.addNodes(sign);
        account.addMemory((long) sign * (node.size() + path.length()));
    }
}

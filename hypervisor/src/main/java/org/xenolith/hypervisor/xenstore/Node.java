package org.xenolith.hypervisor.xenstore;

import java.util.ArrayList;
import java.util.List;

/**
 * One node as it is at one moment. Nodes are immutable, so that a transaction can hold on to what it has read without
 * copying; a change stores a new node under the same path.
 */
final class Node {
    /** The generation of a path at which there is no node. */
    static final long NO_GENERATION = -1;

    static final byte[] NO_VALUE = {};

    // What a node counts for beside its content: the daemon's record header and one entry of its permission list.
    private static final int HEADER_BYTES = 24;
    private static final int PERMISSION_BYTES = 8;

    private final long generation;
    private final List<NodePermission> permissions;
    private final byte[] value;
    private final List<String> children;
    private final int childBytes;

    private Node(long generation, List<NodePermission> permissions, byte[] value, List<String> children,
            int childBytes) {
        this.generation = generation;
        this.permissions = permissions;
        this.value = value;
        this.children = children;
        this.childBytes = childBytes;
    }

    static Node create(List<NodePermission> permissions, byte[] value) {
        return new Node(NO_GENERATION, List.copyOf(permissions), value, List.of(), 0);
    }

    Node withGeneration(long newGeneration) {
        return new Node(newGeneration, permissions, value, children, childBytes);
    }

    /** The caller gives {@code newValue} away. */
    Node withValue(byte[] newValue) {
        return new Node(generation, permissions, newValue, children, childBytes);
    }

    Node withPermissions(List<NodePermission> newPermissions) {
        return new Node(generation, List.copyOf(newPermissions), value, children, childBytes);
    }

    /** Appends a child: children are listed in the order of their creation, as the daemon of Xen lists them. */
    Node withChild(String name) {
        List<String> list = new ArrayList<>(children.size() + 1);
        list.addAll(children);
        list.add(name);
        return new Node(generation, permissions, value, list, childBytes + name.length() + 1);
    }

    Node withoutChild(String name) {
        List<String> list = new ArrayList<>(children);
        if (!list.remove(name)) {
            return this;
        }
        return new Node(generation, permissions, value, list, childBytes - name.length() - 1);
    }

    long generation() {
        return generation;
    }

    List<NodePermission> permissions() {
        return permissions;
    }

    int owner() {
        return permissions.getFirst().domid();
    }

    /** The value itself: callers must not change it. */
    byte[] value() {
        return value;
    }

    /** Names of the children; callers must not change the list. */
    List<String> children() {
        return children;
    }

    /** Bytes of the list of children on the wire, a nul after each name. */
    int childBytes() {
        return childBytes;
    }

    /** Bytes that count against the node-size quota. */
    int size() {
        return HEADER_BYTES + PERMISSION_BYTES * permissions.size() + value.length + childBytes;
    }
}

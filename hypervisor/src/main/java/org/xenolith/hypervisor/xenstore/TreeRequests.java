package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Requests that read or change the tree. */
final class TreeRequests {
    static final byte[] OK = {'O', 'K', 0};

    private final Xenstored daemon;
    private final Accounts accounts;

    TreeRequests(Xenstored daemon, Accounts accounts) {
        this.daemon = daemon;
        this.accounts = accounts;
    }

    byte[] directory(Request request) throws XsFailure {
        Node node = existing(request, path(request, request.onlyString(), false), NodePermission.READ);
        if (node.childBytes() > XsWire.XENSTORE_PAYLOAD_MAX) {
            throw new XsFailure(XsError.E2BIG);
        }
        return childList(node);
    }

    /** DIRECTORY_PART: generation, then as many whole names from a byte offset as fit, then a nul if it is the end. */
    byte[] directoryPart(Request request) throws XsFailure {
        List<String> strings = request.strings(2);
        Node node = existing(request, path(request, strings.get(0), false), NodePermission.READ);
        byte[] generation = Message.bytes(Long.toUnsignedString(node.generation()) + '\0');
        byte[] list = childList(node);
        int from = leadingNumber(strings.get(1));
        if (from < 0 || from >= list.length) {
            return Arrays.copyOf(generation, generation.length + 1);
        }
        int room = XsWire.XENSTORE_PAYLOAD_MAX - generation.length - 1;
        int to = Math.min(list.length, from + room);
        while (to > from && list[to - 1] != 0) {
            to--;
        }
        boolean end = to == list.length;
        byte[] answer = Arrays.copyOf(generation, generation.length + (to - from) + (end ? 1 : 0));
        System.arraycopy(list, from, answer, generation.length, to - from);
        return answer;
    }

    byte[] read(Request request) throws XsFailure {
        return existing(request, path(request, request.onlyString(), false), NodePermission.READ).value();
    }

    byte[] write(Request request) throws XsFailure {
        String path = path(request, request.firstString(), false);
        byte[] value = request.afterFirstString();
        Node node = find(request, path, NodePermission.WRITE);
        if (node == null) {
            node = create(request, path, value);
        } else {
            node = node.withValue(value);
            store(request, path, node);
        }
        request.view().changed(path, node, false, null);
        return OK;
    }

    byte[] mkdir(Request request) throws XsFailure {
        String path = path(request, request.onlyString(), false);
        if (find(request, path, NodePermission.WRITE) == null) {
            Node node = create(request, path, Node.NO_VALUE);
            request.view().changed(path, node, false, null);
        }
        return OK;
    }

    byte[] rm(Request request) throws XsFailure {
        String path = path(request, request.onlyString(), false);
        StoreView view = request.view();
        if (find(request, path, NodePermission.WRITE) == null) {
            if (view.read(Paths.parent(path)) == null) {
                throw new XsFailure(XsError.ENOENT);
            }
            return OK;
        }
        if (path.equals("/")) {
            throw new XsFailure(XsError.EINVAL);
        }
        remove(view, path);
        return OK;
    }

    byte[] getPerms(Request request) throws XsFailure {
        Node node = existing(request, path(request, request.onlyString(), true), NodePermission.READ);
        StringBuilder text = new StringBuilder();
        for (NodePermission permission : node.permissions()) {
            text.append(permission.toWire()).append('\0');
        }
        return Message.bytes(text.toString());
    }

    byte[] setPerms(Request request) throws XsFailure {
        List<String> strings = request.strings();
        if (strings.size() < 2) {
            throw new XsFailure(XsError.EINVAL);
        }
        boolean privileged = request.connection().isPrivileged();
        if (!privileged && strings.size() - 1 > accounts.quotas().permissions()) {
            throw new XsFailure(XsError.ENOSPC);
        }
        List<NodePermission> permissions = parsePermissions(strings.subList(1, strings.size()));
        String path = path(request, strings.get(0), true);
        Node node = existing(request, path, NodePermission.WRITE | NodePermission.OWNER);
        if (!privileged && permissions.getFirst().domid() != node.owner()) {
            throw new XsFailure(XsError.EPERM);
        }
        Node changed = node.withPermissions(permissions);
        store(request, path, changed);
        request.view().changed(path, changed, false, node.permissions());
        return OK;
    }

    /** Removes what a vanished domain owns, and its name from the permissions of all other nodes. */
    void removeDomain(NodeTable table, int domid) {
        ArrayDeque<String> todo = new ArrayDeque<>();
        todo.push(Xenstored.INTRODUCE_DOMAIN);
        todo.push(Xenstored.RELEASE_DOMAIN);
        todo.push("/");
        while (!todo.isEmpty()) {
            String path = todo.pop();
            Node node = table.read(path);
            if (node == null) {
                continue;
            }
            boolean fixed = path.equals("/") || Paths.isSpecial(path);
            if (node.owner() == domid && !fixed) {
                try {
                    remove(table, path);
                } catch (XsFailure e) {
                    throw new IllegalStateException("the tree itself has no limits", e);
                }
                continue;
            }
            List<NodePermission> kept = without(node.permissions(), domid);
            if (!kept.equals(node.permissions())) {
                table.write(path, node.withPermissions(kept));
            }
            for (String child : node.children().reversed()) {
                todo.push(Paths.child(path, child));
            }
        }
    }

    /** Removes a node other than the root with all below it, children first; every one of them fires its watches. */
    private static void remove(StoreView view, String path) throws XsFailure {
        ArrayDeque<String> todo = new ArrayDeque<>();
        List<String> doomed = new ArrayList<>();
        todo.push(path);
        while (!todo.isEmpty()) {
            String next = todo.pop();
            doomed.add(next);
            for (String child : view.read(next).children()) {
                todo.push(Paths.child(next, child));
            }
        }
        for (String next : doomed.reversed()) {
            Node node = view.read(next);
            view.delete(next, node);
            view.changed(next, node, !next.equals(path), null);
        }
        String parentPath = Paths.parent(path);
        view.write(parentPath, view.read(parentPath).withoutChild(Paths.baseName(path)));
    }

    private static List<NodePermission> without(List<NodePermission> permissions, int domid) {
        List<NodePermission> kept = new ArrayList<>(permissions.size());
        NodePermission owner = permissions.getFirst();
        kept.add(owner.domid() == domid ? new NodePermission(Xenstored.CONTROL_DOMID, owner.bits()) : owner);
        for (NodePermission permission : permissions.subList(1, permissions.size())) {
            if (permission.domid() != domid) {
                kept.add(permission);
            }
        }
        return kept;
    }

    private List<NodePermission> parsePermissions(List<String> strings) throws XsFailure {
        List<NodePermission> permissions = new ArrayList<>(strings.size());
        for (String string : strings) {
            NodePermission permission = NodePermission.parse(string);
            if (permission == null) {
                throw new XsFailure(XsError.EINVAL);
            }
            permissions.add(daemon.exists(permission.domid()) ? permission : permission.ignored());
        }
        if (permissions.getFirst().isIgnored()) {
            throw new XsFailure(XsError.ENOENT);
        }
        return permissions;
    }

    /** Creates the node and whichever of its ancestors are missing; each inherits the permissions of its parent. */
    private Node create(Request request, String path, byte[] value) throws XsFailure {
        StoreView view = request.view();
        Connection connection = request.connection();
        List<String> missing = new ArrayList<>();
        String ancestor = path;
        Node found;
        do {
            missing.add(ancestor);
            ancestor = Paths.parent(ancestor);
            found = view.read(ancestor);
        } while (found == null);

        List<NodePermission> permissions = new ArrayList<>(found.permissions());
        if (!connection.isPrivileged()) {
            permissions.set(0, new NodePermission(connection.domid(), permissions.getFirst().bits()));
        }
        List<Node> created = new ArrayList<>(missing.size());
        for (int i = 0; i < missing.size(); i++) {
            Node node = Node.create(permissions, i == 0 ? value : Node.NO_VALUE);
            created.add(i == 0 ? node : node.withChild(Paths.baseName(missing.get(i - 1))));
        }
        Node changed = found.withChild(Paths.baseName(missing.getLast()));
        checkCreation(connection, view, missing, created, changed);
        for (int i = 0; i < missing.size(); i++) {
            view.write(missing.get(i), created.get(i));
        }
        view.write(ancestor, changed);
        return created.getFirst();
    }

    /** All limits are looked at before the first node is written, so that a refusal leaves nothing behind. */
    private void checkCreation(Connection connection, StoreView view, List<String> paths, List<Node> nodes, Node parent)
            throws XsFailure {
        if (connection.isPrivileged()) {
            return;
        }
        int domid = connection.domid();
        if (accounts.of(domid).nodes() + view.nodeDelta(domid) + nodes.size() > accounts.quotas().nodes()
                || parent.size() >= accounts.quotas().nodeSize()) {
            throw new XsFailure(XsError.ENOSPC);
        }
        long memory = 0;
        for (int i = 0; i < nodes.size(); i++) {
            if (nodes.get(i).size() >= accounts.quotas().nodeSize()) {
                throw new XsFailure(XsError.ENOSPC);
            }
            memory += nodes.get(i).size() + paths.get(i).length();
        }
        if (accounts.exceedsMemory(domid, memory)) {
            throw new XsFailure(XsError.ENOMEM);
        }
    }

    private void store(Request request, String path, Node node) throws XsFailure {
        Connection connection = request.connection();
        if (!connection.isPrivileged()) {
            if (node.size() >= accounts.quotas().nodeSize()) {
                throw new XsFailure(XsError.ENOSPC);
            }
            if (accounts.exceedsMemory(connection.domid(), node.size())) {
                throw new XsFailure(XsError.ENOMEM);
            }
        }
        request.view().write(path, node);
    }

    private String path(Request request, String text, boolean allowSpecial) throws XsFailure {
        return Paths.canonical(text, request.connection().domid(), allowSpecial, accounts.quotas().pathLength());
    }

    private Node existing(Request request, String path, int wanted) throws XsFailure {
        Node node = find(request, path, wanted);
        if (node == null) {
            throw new XsFailure(XsError.ENOENT);
        }
        return node;
    }

    /**
     * The node, or null if it does not exist and the client may know that. A client may have access to a node without
     * having any to its ancestors; but when it has not, the answer must not tell it whether the node exists.
     */
    private static Node find(Request request, String path, int wanted) throws XsFailure {
        StoreView view = request.view();
        Connection connection = request.connection();
        Node node = view.read(path);
        if (node != null && (connection.permissionsOn(node.permissions()) & wanted) == wanted) {
            return node;
        }
        String ancestor = path;
        Node above = node;
        while (!ancestor.equals("/")) {
            ancestor = Paths.parent(ancestor);
            above = view.read(ancestor);
            if (above != null) {
                break;
            }
        }
        if (node != null || above == null || (connection.permissionsOn(above.permissions()) & wanted) == 0) {
            throw new XsFailure(XsError.EACCES);
        }
        return null;
    }

    private static byte[] childList(Node node) {
        StringBuilder text = new StringBuilder(node.childBytes());
        for (String child : node.children()) {
            text.append(child).append('\0');
        }
        return text.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The decimal number at the start of the text as C's atoi reads it, or -1 if it is negative or no array offset. */
    private static int leadingNumber(String text) {
        long number = 0;
        for (int i = 0; i < text.length() && number <= Integer.MAX_VALUE; i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return i == 0 && c == '-' ? -1 : (int) number;
            }
            number = number * 10 + (c - '0');
        }
        return number > Integer.MAX_VALUE ? -1 : (int) number;
    }
}

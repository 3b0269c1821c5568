package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reading and writing the tree from inside the process, in or out of a transaction. Values given as text are UTF-8.
 * Every method throws {@link XenstoreException} when the daemon answers an error, except where it says otherwise.
 */
public abstract sealed class XenstoreOperations permits XenstoreClient, XenstoreTransaction {
    XenstoreOperations() {
    }

    /** Sends one request and returns the payload of its reply. */
    abstract byte[] request(int type, String what, byte[] payload);

    /** The value of a node as text; empty if there is no such node. */
    public final Optional<String> read(String path) {
        return readBytes(path).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
    }

    /** The value of a node; empty if there is no such node. */
    public final Optional<byte[]> readBytes(String path) {
        try {
            return Optional.of(request(XsWire.XS_READ, "read " + path, terminated(path)));
        } catch (XenstoreException e) {
            if (e.error() == XsError.ENOENT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Whether the node exists. */
    public final boolean exists(String path) {
        return readBytes(path).isPresent();
    }

    /** Stores a value, creating the node and its parents as needed. */
    public final void write(String path, String value) {
        write(path, value.getBytes(StandardCharsets.UTF_8));
    }

    /** Stores a value, creating the node and its parents as needed. */
    public final void write(String path, byte[] value) {
        byte[] name = terminated(path);
        byte[] payload = new byte[name.length + value.length];
        System.arraycopy(name, 0, payload, 0, name.length);
        System.arraycopy(value, 0, payload, name.length, value.length);
        request(XsWire.XS_WRITE, "write " + path, payload);
    }

    /** Stores a number in decimal. */
    public final void write(String path, long value) {
        write(path, Long.toString(value));
    }

    /** Creates the node and its parents unless they exist. */
    public final void mkdir(String path) {
        request(XsWire.XS_MKDIR, "mkdir " + path, terminated(path));
    }

    /** Removes the node and all below it; no error if only the node itself does not exist. */
    public final void rm(String path) {
        request(XsWire.XS_RM, "rm " + path, terminated(path));
    }

    /** Like {@link #rm}, but no error either if the parent does not exist. */
    public final void rmIfExists(String path) {
        try {
            rm(path);
        } catch (XenstoreException e) {
            if (e.error() != XsError.ENOENT) {
                throw e;
            }
        }
    }

    /** Names of the children in the order of their creation; empty if there is no such node. */
    public final List<String> list(String path) {
        byte[] names;
        try {
            names = request(XsWire.XS_DIRECTORY, "list " + path, terminated(path));
        } catch (XenstoreException e) {
            if (e.error() == XsError.ENOENT) {
                return List.of();
            }
            if (e.error() != XsError.E2BIG) {
                throw e;
            }
            return listInParts(path);
        }
        return split(names);
    }

    /** The permission list of a node, its owner first. */
    public final List<NodePermission> permissions(String path) {
        List<NodePermission> permissions = new ArrayList<>();
        for (String text : split(request(XsWire.XS_GET_PERMS, "get permissions of " + path, terminated(path)))) {
            permissions.add(NodePermission.parse(text));
        }
        return permissions;
    }

    /** Sets the permission list of a node, its owner first; at least one entry. */
    public final void setPermissions(String path, List<NodePermission> permissions) {
        StringBuilder payload = new StringBuilder(path).append('\0');
        for (NodePermission permission : permissions) {
            payload.append(permission.toWire()).append('\0');
        }
        request(XsWire.XS_SET_PERMS, "set permissions of " + path, Message.bytes(payload.toString()));
    }

    static byte[] terminated(String text) {
        return Message.bytes(text + '\0');
    }

    private List<String> listInParts(String path) {
        while (true) {
            List<String> names = new ArrayList<>();
            String generation = null;
            int offset = 0;
            boolean same = true;
            boolean end = false;
            while (same && !end) {
                byte[] part = request(XsWire.XS_DIRECTORY_PART, "list " + path,
                        Message.bytes(path + '\0' + offset + '\0'));
                List<String> strings = split(part);
                same = generation == null || generation.equals(strings.getFirst());
                generation = strings.getFirst();
                for (String name : strings.subList(1, strings.size())) {
                    // An empty name marks the end of the list.
                    if (name.isEmpty()) {
                        end = true;
                    } else {
                        names.add(name);
                        offset += name.length() + 1;
                    }
                }
            }
            if (same) {
                return names;
            }
        }
    }

    private static List<String> split(byte[] payload) {
        List<String> list = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < payload.length; i++) {
            if (payload[i] == 0) {
                list.add(new String(payload, start, i - start, StandardCharsets.ISO_8859_1));
                start = i + 1;
            }
        }
        return list;
    }
}

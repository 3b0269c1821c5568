package org.xenolith.hypervisor.xenstore;

/**
 * One entry of a node's permission list. The first entry of a list names the owner, and its bits say what domains
 * without an entry of their own may do (docs/misc/xenstore.txt, GET_PERMS).
 *
 * @param domid domain, 0..65535
 * @param bits {@link #READ} and {@link #WRITE}; {@link #IGNORE} marks an entry for a domain that did not exist when it
 *     was set, which therefore grants nothing to a later domain with the same number
 */
public record NodePermission(int domid, int bits) {
    public static final int NONE = 0;
    public static final int READ = 1;
    public static final int WRITE = 2;
    static final int OWNER = 4;
    public static final int IGNORE = 8;

    private static final int DOMID_MAX = 65535;

    /** No access for {@code domid}; as a first entry: {@code domid} owns the node and nobody else has access. */
    public static NodePermission none(int domid) {
        return new NodePermission(domid, NONE);
    }

    /** {@code domid} may read. */
    public static NodePermission read(int domid) {
        return new NodePermission(domid, READ);
    }

    /** {@code domid} may write. */
    public static NodePermission write(int domid) {
        return new NodePermission(domid, WRITE);
    }

    /** {@code domid} may read and write. */
    public static NodePermission both(int domid) {
        return new NodePermission(domid, READ | WRITE);
    }

    /** Parses {@code r5}, {@code w5}, {@code b5} or {@code n5}; null if the text is none of them. */
    static NodePermission parse(String text) {
        if (text.length() < 2 || text.length() > 6) {
            return null;
        }
        int bits;
        switch (text.charAt(0)) {
            case 'n' -> bits = NONE;
            case 'r' -> bits = READ;
            case 'w' -> bits = WRITE;
            case 'b' -> bits = READ | WRITE;
            default -> {
                return null;
            }
        }
        int domid = 0;
        for (int i = 1; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return null;
            }
            domid = domid * 10 + (c - '0');
        }
        return domid > DOMID_MAX ? null : new NodePermission(domid, bits);
    }

    /** The form on the wire, such as {@code r5}. */
    public String toWire() {
        char letter = switch (bits & (READ | WRITE)) {
            case READ -> 'r';
            case WRITE -> 'w';
            case READ | WRITE -> 'b';
            default -> 'n';
        };
        return letter + Integer.toString(domid);
    }

    NodePermission ignored() {
        return new NodePermission(domid, bits | IGNORE);
    }

    boolean isIgnored() {
        return (bits & IGNORE) != 0;
    }
}

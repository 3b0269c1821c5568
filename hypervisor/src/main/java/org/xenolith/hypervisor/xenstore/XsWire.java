package org.xenolith.hypervisor.xenstore;

/** Numbers of the xenstore protocol, with the names and values of Xen's {@code public/io/xs_wire.h}. */
public final class XsWire {
    // Message types (enum xsd_sockmsg_type).
    public static final int XS_CONTROL = 0;
    public static final int XS_DIRECTORY = 1;
    public static final int XS_READ = 2;
    public static final int XS_GET_PERMS = 3;
    public static final int XS_WATCH = 4;
    public static final int XS_UNWATCH = 5;
    public static final int XS_TRANSACTION_START = 6;
    public static final int XS_TRANSACTION_END = 7;
    public static final int XS_INTRODUCE = 8;
    public static final int XS_RELEASE = 9;
    public static final int XS_GET_DOMAIN_PATH = 10;
    public static final int XS_WRITE = 11;
    public static final int XS_MKDIR = 12;
    public static final int XS_RM = 13;
    public static final int XS_SET_PERMS = 14;
    public static final int XS_WATCH_EVENT = 15;
    public static final int XS_ERROR = 16;
    public static final int XS_IS_DOMAIN_INTRODUCED = 17;
    public static final int XS_RESUME = 18;
    public static final int XS_SET_TARGET = 19;
    public static final int XS_RESET_WATCHES = 21;
    public static final int XS_DIRECTORY_PART = 22;

    /** Bytes of {@code struct xsd_sockmsg}: type, req_id, tx_id, len. */
    public static final int HEADER_SIZE = 16;

    /** Largest payload of a message in either direction; a longer request ends the connection. */
    public static final int XENSTORE_PAYLOAD_MAX = 4096;

    public static final int XENSTORE_ABS_PATH_MAX = 3072;
    public static final int XENSTORE_REL_PATH_MAX = 2048;

    /** Bytes in each of the two rings. */
    public static final int XENSTORE_RING_SIZE = 1024;

    // Byte offsets in struct xenstore_domain_interface.
    public static final int OFFSET_REQ = 0;
    public static final int OFFSET_RSP = 1024;
    public static final int OFFSET_REQ_CONS = 2048;
    public static final int OFFSET_REQ_PROD = 2052;
    public static final int OFFSET_RSP_CONS = 2056;
    public static final int OFFSET_RSP_PROD = 2060;
    public static final int OFFSET_SERVER_FEATURES = 2064;
    public static final int OFFSET_CONNECTION = 2068;
    public static final int OFFSET_ERROR = 2072;

    public static final int XENSTORE_SERVER_FEATURE_RECONNECTION = 1;
    public static final int XENSTORE_SERVER_FEATURE_ERROR = 2;

    public static final int XENSTORE_CONNECTED = 0;
    public static final int XENSTORE_RECONNECT = 1;

    public static final int XENSTORE_ERROR_NONE = 0;
    public static final int XENSTORE_ERROR_COMM = 1;
    public static final int XENSTORE_ERROR_RINGIDX = 2;
    public static final int XENSTORE_ERROR_PROTO = 3;

    private XsWire() {
    }
}

package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One request: its payload taken apart, and the picture of the tree that it works on. */
final class Request {
    private final Connection connection;
    private final int type;
    private final int requestId;
    private final int transactionId;
    private final byte[] payload;
    private StoreView view;

    Request(Connection connection, int type, int requestId, int transactionId, byte[] payload) {
        this.connection = connection;
        this.type = type;
        this.requestId = requestId;
        this.transactionId = transactionId;
        this.payload = payload;
    }

    Connection connection() {
        return connection;
    }

    int type() {
        return type;
    }

    int requestId() {
        return requestId;
    }

    int transactionId() {
        return transactionId;
    }

    StoreView view() {
        return view;
    }

    void view(StoreView newView) {
        view = newView;
    }

    /** The strings that end in a nul; what follows the last nul is not among them. */
    List<String> strings() {
        List<String> list = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < payload.length; i++) {
            if (payload[i] == 0) {
                list.add(string(start, i));
                start = i + 1;
            }
        }
        return list;
    }

    /** Exactly {@code count} strings, or EINVAL. */
    List<String> strings(int count) throws XsFailure {
        List<String> list = strings();
        if (list.size() != count) {
            throw new XsFailure(XsError.EINVAL);
        }
        return list;
    }

    /** The only string of a payload with one nul, at its end, or EINVAL. */
    String onlyString() throws XsFailure {
        int end = firstNul();
        if (end != payload.length - 1) {
            throw new XsFailure(XsError.EINVAL);
        }
        return string(0, end);
    }

    /** The first string, or EINVAL if no nul ends it. */
    String firstString() throws XsFailure {
        return string(0, firstNul());
    }

    /** What follows the first string, binary. */
    byte[] afterFirstString() throws XsFailure {
        return Arrays.copyOfRange(payload, firstNul() + 1, payload.length);
    }

    private int firstNul() throws XsFailure {
        for (int i = 0; i < payload.length; i++) {
            if (payload[i] == 0) {
                return i;
            }
        }
        throw new XsFailure(XsError.EINVAL);
    }

    private String string(int from, int to) {
        return new String(payload, from, to - from, StandardCharsets.ISO_8859_1);
    }
}

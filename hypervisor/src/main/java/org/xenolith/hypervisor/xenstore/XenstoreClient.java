package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A client of the daemon inside the process, for backends and the toolstack. It sends the same messages as a guest does
 * and is held to the same rules. Requests return when they are done. Watch callbacks run on the same thread, after the
 * request that caused them: never inside of it, and never inside another callback.
 */
public final class XenstoreClient extends XenstoreOperations implements AutoCloseable {
    /** A watch that can be taken away again. */
    public final class Registration implements AutoCloseable {
        private final String path;
        private final String token;

        private Registration(String path, String token) {
            this.path = path;
            this.token = token;
        }

        /** Removes the watch; its callback does not run again. A second call does nothing. */
        @Override
        public void close() {
            if (callbacks.remove(token) != null) {
                request(XsWire.XS_UNWATCH, "unwatch " + path, Message.bytes(path + '\0' + token + '\0'));
            }
        }
    }

    private static final int COMMIT_ATTEMPTS = 16;

    private final Xenstored daemon;
    private final Connection connection;
    private final Map<String, Consumer<String>> callbacks = new HashMap<>();
    private int nextRequest = 1;
    private int nextToken;

    XenstoreClient(Xenstored daemon, int domid) {
        this.daemon = daemon;
        connection = daemon.connect(domid, _ -> deliver());
    }

    /** The domain with whose rights this client acts. */
    public int domid() {
        return connection.domid();
    }

    /**
     * Watches a path and all below it, or {@code @introduceDomain} or {@code @releaseDomain}.
     *
     * @param callback gets the path that changed, relative if {@code path} is; called once at first, with {@code path}
     */
    public Registration watch(String path, Consumer<String> callback) {
        String token = "w" + nextToken++;
        callbacks.put(token, callback);
        try {
            request(XsWire.XS_WATCH, "watch " + path, Message.bytes(path + '\0' + token + '\0'));
        } catch (XenstoreException e) {
            callbacks.remove(token);
            throw e;
        }
        return new Registration(path, token);
    }

    /**
     * Runs {@code body} in a transaction and commits. After a conflict the body runs again: it must do nothing but use
     * the transaction. If it throws, the transaction is given up.
     *
     * @return what the body returned
     */
    public <T> T transaction(Function<XenstoreTransaction, T> body) {
        for (int attempt = 1;; attempt++) {
            int id = start();
            T result;
            boolean done = false;
            try {
                result = body.apply(new XenstoreTransaction(this, id));
                done = true;
            } finally {
                if (!done) {
                    end(id, "F");
                }
            }
            try {
                end(id, "T");
                return result;
            } catch (XenstoreException e) {
                if (e.error() != XsError.EAGAIN || attempt == COMMIT_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    /** Runs {@code body} in a transaction, as {@link #transaction} does. */
    public void inTransaction(Consumer<XenstoreTransaction> body) {
        transaction(t -> {
            body.accept(t);
            return Boolean.TRUE;
        });
    }

    /** Ends the connection with its watches. */
    @Override
    public void close() {
        callbacks.clear();
        daemon.disconnect(connection);
    }

    @Override
    byte[] request(int type, String what, byte[] payload) {
        return request(type, 0, what, payload);
    }

    byte[] request(int type, int transactionId, String what, byte[] payload) {
        if (connection.isIgnored()) {
            throw new IllegalStateException("the xenstore client is closed");
        }
        if (payload.length > XsWire.XENSTORE_PAYLOAD_MAX) {
            throw new XenstoreException(XsError.E2BIG, what);
        }
        int requestId = nextRequest++;
        daemon.process(connection, type, requestId, transactionId, payload);
        Message reply = connection.takeReply(requestId);
        daemon.flush();
        if (reply.type() == XsWire.XS_ERROR) {
            throw new XenstoreException(XsError.valueOf(text(reply)), what);
        }
        return reply.payload();
    }

    private int start() {
        byte[] reply = request(XsWire.XS_TRANSACTION_START, "start transaction", new byte[1]);
        return Integer.parseUnsignedInt(new String(reply, 0, reply.length - 1, StandardCharsets.ISO_8859_1));
    }

    private void end(int id, String how) {
        request(XsWire.XS_TRANSACTION_END, id, "end transaction", terminated(how));
    }

    private static String text(Message reply) {
        byte[] payload = reply.payload();
        return new String(payload, 0, payload.length - 1, StandardCharsets.ISO_8859_1);
    }

    private void deliver() {
        while (connection.peek() != null) {
            Message event = connection.remove();
            Consumer<String> callback = event.isEvent() ? callbacks.get(event.eventToken()) : null;
            if (callback != null) {
                callback.accept(event.eventPath());
            }
        }
    }
}

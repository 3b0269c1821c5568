package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Sends raw messages to the daemon and shows answers as text: nul as {@code |}, an error as {@code !ENAME}. */
final class RawClient {
    private final Xenstored daemon;
    private final Connection connection;
    private int nextRequest = 100;

    RawClient(Xenstored daemon, int domid) {
        this.daemon = daemon;
        connection = daemon.connect(domid, _ -> {});
    }

    /** A payload is written with {@code |} for nul. */
    String call(int type, int transaction, String payload) {
        return call(type, transaction, payload.replace('|', '\0').getBytes(StandardCharsets.ISO_8859_1));
    }

    String call(int type, String payload) {
        return call(type, 0, payload);
    }

    String call(int type, int transaction, byte[] payload) {
        int id = nextRequest++;
        daemon.process(connection, type, id, transaction, payload);
        Message reply = connection.takeReply(id);
        daemon.flush();
        String text = show(reply.payload());
        if (reply.type() == XsWire.XS_ERROR) {
            return "!" + text.substring(0, text.length() - 1);
        }
        return text;
    }

    int begin() {
        String id = call(XsWire.XS_TRANSACTION_START, "|");
        return Integer.parseInt(id.substring(0, id.length() - 1));
    }

    String end(int transaction, boolean commit) {
        return call(XsWire.XS_TRANSACTION_END, transaction, commit ? "T|" : "F|");
    }

    String write(int transaction, String path, String value) {
        return call(XsWire.XS_WRITE, transaction, path + "|" + value);
    }

    String write(String path, String value) {
        return write(0, path, value);
    }

    String read(int transaction, String path) {
        return call(XsWire.XS_READ, transaction, path + "|");
    }

    String read(String path) {
        return read(0, path);
    }

    String rm(String path) {
        return call(XsWire.XS_RM, path + "|");
    }

    String mkdir(String path) {
        return call(XsWire.XS_MKDIR, path + "|");
    }

    String list(String path) {
        return call(XsWire.XS_DIRECTORY, path + "|");
    }

    String watch(String path, String token) {
        return call(XsWire.XS_WATCH, path + "|" + token + "|");
    }

    String perms(String path, String permissions) {
        return call(XsWire.XS_SET_PERMS, path + "|" + permissions);
    }

    /** All events that wait, each as {@code path token}. */
    List<String> events() {
        List<String> events = new ArrayList<>();
        while (connection.peek() != null) {
            Message event = connection.remove();
            events.add(event.eventPath() + " " + event.eventToken());
        }
        return events;
    }

    private static String show(byte[] payload) {
        return new String(payload, StandardCharsets.ISO_8859_1).replace('\0', '|');
    }
}

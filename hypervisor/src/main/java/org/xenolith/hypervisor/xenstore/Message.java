package org.xenolith.hypervisor.xenstore;

import java.nio.charset.StandardCharsets;

/** One reply or watch event on its way to a client. Strings are byte strings, held as ISO 8859-1. */
final class Message {
    private final int type;
    private final int requestId;
    private final int transactionId;
    private final byte[] payload;
    private final String eventPath;
    private final String eventToken;

    private Message(int type, int requestId, int transactionId, byte[] payload, String eventPath, String eventToken) {
        this.type = type;
        this.requestId = requestId;
        this.transactionId = transactionId;
        this.payload = payload;
        this.eventPath = eventPath;
        this.eventToken = eventToken;
    }

    static Message reply(int type, int requestId, int transactionId, byte[] payload) {
        return new Message(type, requestId, transactionId, payload, null, null);
    }

    static Message event(String path, String token) {
        return new Message(XsWire.XS_WATCH_EVENT, 0, 0, bytes(path + '\0' + token + '\0'), path, token);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    int type() {
        return type;
    }

    int requestId() {
        return requestId;
    }

    boolean isEvent() {
        return eventPath != null;
    }

    String eventPath() {
        return eventPath;
    }

    String eventToken() {
        return eventToken;
    }

    byte[] payload() {
        return payload;
    }

    /** Header and payload in bytes. */
    int wireSize() {
        return XsWire.HEADER_SIZE + payload.length;
    }

    byte[] toWire() {
        byte[] wire = new byte[wireSize()];
        put32(wire, 0, type);
        put32(wire, 4, requestId);
        put32(wire, 8, transactionId);
        put32(wire, 12, payload.length);
        System.arraycopy(payload, 0, wire, XsWire.HEADER_SIZE, payload.length);
        return wire;
    }

    private static void put32(byte[] wire, int offset, int value) {
        wire[offset] = (byte) value;
        wire[offset + 1] = (byte) (value >>> 8);
        wire[offset + 2] = (byte) (value >>> 16);
        wire[offset + 3] = (byte) (value >>> 24);
    }
}

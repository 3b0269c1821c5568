package org.xenolith.hypervisor.xenstore;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenolith.hypervisor.ring.RingPage;

/** The guest's end of a xenstore ring, as a front end driver works it. */
final class RingGuest {
    private final RingPage page;
    private final List<byte[]> received = new ArrayList<>();
    private byte[] partial = {};

    RingGuest(RingPage page) {
        this.page = page;
    }

    static byte[] message(int type, int requestId, int transactionId, String payload) {
        byte[] body = payload.replace('|', '\0').getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer buffer = ByteBuffer.allocate(16 + body.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putInt(type).putInt(requestId).putInt(transactionId).putInt(body.length).put(body);
        return buffer.array();
    }

    /** Puts as many bytes into the request ring as fit; returns how many. */
    int put(byte[] bytes, int from, int most) {
        int cons = page.read32(XsWire.OFFSET_REQ_CONS);
        int prod = page.read32(XsWire.OFFSET_REQ_PROD);
        int length = Math.min(Math.min(bytes.length - from, most), XsWire.XENSTORE_RING_SIZE - (prod - cons));
        for (int i = 0; i < length; i++) {
            page.write(XsWire.OFFSET_REQ + (prod + i & 1023), bytes, from + i, 1);
        }
        page.write32(XsWire.OFFSET_REQ_PROD, prod + length);
        return length;
    }

    /** Takes up to {@code most} bytes out of the response ring; returns how many. */
    int take(int most) {
        int cons = page.read32(XsWire.OFFSET_RSP_CONS);
        int prod = page.read32(XsWire.OFFSET_RSP_PROD);
        int length = Math.min(prod - cons, most);
        byte[] joined = Arrays.copyOf(partial, partial.length + length);
        for (int i = 0; i < length; i++) {
            page.read(XsWire.OFFSET_RSP + (cons + i & 1023), joined, partial.length + i, 1);
        }
        page.write32(XsWire.OFFSET_RSP_CONS, cons + length);
        partial = joined;
        split();
        return length;
    }

    /** Complete messages taken so far, as {@code type/requestId/transactionId:payload}; forgets them. */
    List<String> messages() {
        List<String> texts = new ArrayList<>();
        for (byte[] message : received) {
            ByteBuffer buffer = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
            String head = buffer.getInt() + "/" + buffer.getInt() + "/" + buffer.getInt() + ":";
            texts.add(head + new String(message, 16, message.length - 16, StandardCharsets.ISO_8859_1)
                    .replace('\0', '|'));
        }
        received.clear();
        return texts;
    }

    private void split() {
        while (partial.length >= 16) {
            int size = 16 + ByteBuffer.wrap(partial).order(ByteOrder.LITTLE_ENDIAN).getInt(12);
            if (partial.length < size) {
                return;
            }
            received.add(Arrays.copyOf(partial, size));
            partial = Arrays.copyOfRange(partial, size, partial.length);
        }
    }
}

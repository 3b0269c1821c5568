package org.xenolith.hypervisor.xenstore;

/** The tree as a transaction of an in-process client sees it; valid until the transaction's body returns. */
public final class XenstoreTransaction extends XenstoreOperations {
    private final XenstoreClient client;
    private final int id;

    XenstoreTransaction(XenstoreClient client, int id) {
        this.client = client;
        this.id = id;
    }

    @Override
    byte[] request(int type, String what, byte[] payload) {
        return client.request(type, id, what, payload);
    }
}

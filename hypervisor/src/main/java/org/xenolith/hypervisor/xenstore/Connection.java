package org.xenolith.hypervisor.xenstore;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One client of the daemon: its watches, its transactions, and the messages that it has not fetched yet. */
final class Connection {
    /** Takes messages from the connection's queue, as many as its transport has room for. */
    interface Transport {
        void drain(Connection connection);
    }

    // Holds for the control domain too, which has no memory quota but may be a guest that never reads its ring.
    private static final int MAX_QUEUED = 65536;

    private final int domid;
    private final Accounts accounts;
    private final Transport transport;
    private final List<Watch> watches = new ArrayList<>();
    private final Map<Integer, Transaction> transactions = new LinkedHashMap<>();
    private final ArrayDeque<Message> queue = new ArrayDeque<>();
    private final Set<String> queuedEvents = new HashSet<>();
    private int nextTransactionId = 1;
    private int target;
    private boolean ignored;
    private long droppedEvents;

    Connection(int domid, Accounts accounts, Transport transport) {
        this.domid = domid;
        this.accounts = accounts;
        this.transport = transport;
        this.target = domid;
    }

    int domid() {
        return domid;
    }

    boolean isPrivileged() {
        return Accounts.isPrivileged(domid);
    }

    /** Sets the domain whose rights this one has in addition to its own (SET_TARGET). */
    void target(int newTarget) {
        target = newTarget;
    }

    void dropTarget(int gone) {
        if (target == gone) {
            target = domid;
        }
    }

    /** What this client may do with a node of these permissions: READ, WRITE and OWNER bits. */
    int permissionsOn(List<NodePermission> list) {
        NodePermission first = list.getFirst();
        if (isPrivileged() || isMe(first.domid())) {
            return NodePermission.READ | NodePermission.WRITE | NodePermission.OWNER;
        }
        for (int i = 1; i < list.size(); i++) {
            NodePermission entry = list.get(i);
            if (!entry.isIgnored() && isMe(entry.domid())) {
                return entry.bits();
            }
        }
        return first.bits() & (NodePermission.READ | NodePermission.WRITE);
    }

    private boolean isMe(int id) {
        return id == domid || id == target;
    }

    List<Watch> watches() {
        return watches;
    }

    void addWatch(Watch watch) {
        watches.add(watch);
        accounts.of(domid).addWatches(1);
        accounts.of(domid).addMemory(watch.size());
    }

    boolean removeWatch(String path, String token) {
        for (int i = 0; i < watches.size(); i++) {
            Watch watch = watches.get(i);
            if (watch.path().equals(path) && watch.token().equals(token)) {
                watches.remove(i);
                accounts.of(domid).addWatches(-1);
                accounts.of(domid).addMemory(-watch.size());
                return true;
            }
        }
        return false;
    }

    /** A transaction that is open under {@code id}, or null. */
    Transaction transaction(int id) {
        return transactions.get(id);
    }

    Transaction startTransaction(NodeTable table) {
        while (nextTransactionId == 0 || transactions.containsKey(nextTransactionId)) {
            nextTransactionId++;
        }
        Transaction transaction = new Transaction(nextTransactionId++, domid, table, accounts);
        transactions.put(transaction.id(), transaction);
        accounts.of(domid).addTransactions(1);
        return transaction;
    }

    void endTransaction(Transaction transaction) {
        if (transactions.remove(transaction.id()) != null) {
            transaction.release();
            accounts.of(domid).addTransactions(-1);
        }
    }

    /** Forgets watches and transactions, as RESET_WATCHES asks. */
    void reset() {
        for (Watch watch : watches) {
            accounts.of(domid).addWatches(-1);
            accounts.of(domid).addMemory(-watch.size());
        }
        watches.clear();
        for (Transaction transaction : List.copyOf(transactions.values())) {
            endTransaction(transaction);
        }
    }

    /** Forgets everything, queued messages too. */
    void clear() {
        reset();
        while (!queue.isEmpty()) {
            remove();
        }
    }

    /** After this, no request is taken and no event sent until the ring is introduced anew. */
    void ignore() {
        clear();
        ignored = true;
    }

    void revive() {
        clear();
        ignored = false;
    }

    boolean isIgnored() {
        return ignored;
    }

    /** Whether the client must fetch some of its messages before its next request is taken. */
    boolean isBlocked() {
        return accounts.of(domid).outstanding() >= accounts.quotas().outstanding()
                || accounts.exceedsMemory(domid, 0) && !queue.isEmpty();
    }

    void queueReply(Message message) {
        if (!ignored) {
            queue.add(message);
            accounts.of(domid).addOutstanding(1);
            accounts.of(domid).addMemory(message.wireSize());
        }
    }

    /**
     * Queues an event, unless the same is still waiting, it is too long for the protocol, or the client holds too much
     * memory already.
     */
    void queueEvent(String path, String token) {
        if (ignored || path.length() + token.length() + 2 > XsWire.XENSTORE_PAYLOAD_MAX) {
            return;
        }
        boolean special = Paths.isSpecial(path);
        String key = path + '\0' + token;
        if (!special && queuedEvents.contains(key)) {
            return;
        }
        Message message = Message.event(path, token);
        if (queue.size() >= MAX_QUEUED || accounts.exceedsMemory(domid, message.wireSize())) {
            droppedEvents++;
            return;
        }
        if (!special) {
            queuedEvents.add(key);
        }
        queue.add(message);
        accounts.of(domid).addMemory(message.wireSize());
    }

    /** Events lost because the client did not fetch earlier ones. */
    long droppedEvents() {
        return droppedEvents;
    }

    /** The oldest message in the queue, or null. */
    Message peek() {
        return queue.peek();
    }

    /** Takes away the oldest message, once it is delivered in full. */
    Message remove() {
        Message message = queue.remove();
        settle(message);
        return message;
    }

    /** Takes the reply with this number out of the queue, past the events before it; null if there is none. */
    Message takeReply(int requestId) {
        for (Message message : queue) {
            if (!message.isEvent() && message.requestId() == requestId) {
                queue.remove(message);
                settle(message);
                return message;
            }
        }
        return null;
    }

    void drain() {
        transport.drain(this);
    }

    private void settle(Message message) {
        DomainAccount account = accounts.of(domid);
        account.addMemory(-message.wireSize());
        if (message.isEvent()) {
            queuedEvents.remove(message.eventPath() + '\0' + message.eventToken());
        } else {
            account.addOutstanding(-1);
        }
    }
}

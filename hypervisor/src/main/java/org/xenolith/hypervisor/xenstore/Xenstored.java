package org.xenolith.hypervisor.xenstore;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.hypervisor.ring.RingPage;

/**
 * The xenstore daemon, as the C xenstored of Xen 4.17 behaves (docs/misc/xenstore.txt and xs_wire.h): one tree, clients
 * over rings and in process, watches, transactions, permissions and quotas. Everything happens on the calling thread,
 * in the order of the calls; no clock and no hash order has any influence.
 *
 * <p>Two limits of the original that need a clock are left out: the rate of writes, and the time after which an event
 * that its receiver does not fetch stops to hold up the sender. Here a sender is never held up by a receiver; what a
 * receiver does not fetch counts against its own memory quota.
 */
public final class Xenstored {
    /** The privileged domain, which may do everything. */
    public static final int CONTROL_DOMID = 0;

    static final String INTRODUCE_DOMAIN = "@introduceDomain";
    static final String RELEASE_DOMAIN = "@releaseDomain";

    /** Domain ids from here on are no real domains (DOMID_FIRST_RESERVED in xen.h). */
    static final int DOMID_FIRST_RESERVED = 0x7ff0;

    private static final Logger LOG = LoggerFactory.getLogger(Xenstored.class);
    private static final Set<Integer> PRIVILEGED_TYPES = Set.of(XsWire.XS_CONTROL, XsWire.XS_INTRODUCE,
            XsWire.XS_RELEASE, XsWire.XS_IS_DOMAIN_INTRODUCED, XsWire.XS_RESUME, XsWire.XS_SET_TARGET);

    private final Accounts accounts;
    private final DomainAccess access;
    private final NodeTable table;
    private final List<Connection> connections = new ArrayList<>();
    private final Map<Integer, IntroducedDomain> domains = new LinkedHashMap<>();
    private final ArrayDeque<Connection> dirty = new ArrayDeque<>();
    private final TreeRequests tree;
    private final SessionRequests session;
    private final DomainRequests domainRequests;
    private boolean flushing;
    private long unknownRequests;

    /** A daemon with the default quotas. */
    public Xenstored(DomainAccess access) {
        this(access, Quotas.DEFAULT);
    }

    /** A daemon whose tree holds {@code /}, {@code /tool/xenstored} and the two special nodes. */
    public Xenstored(DomainAccess access, Quotas quotas) {
        this.access = access;
        accounts = new Accounts(quotas);
        table = new NodeTable(accounts, this::fire);
        tree = new TreeRequests(this, accounts);
        session = new SessionRequests(this, accounts);
        domainRequests = new DomainRequests(this);
        List<NodePermission> closed = List.of(NodePermission.none(CONTROL_DOMID));
        Node empty = Node.create(closed, Node.NO_VALUE);
        table.write("/", empty.withChild("tool"));
        table.write("/tool", empty.withChild("xenstored"));
        table.write("/tool/xenstored", empty);
        table.write(RELEASE_DOMAIN, empty);
        table.write(INTRODUCE_DOMAIN, empty);
    }

    /** A client inside the process with the rights of the control domain. */
    public XenstoreClient client() {
        return client(CONTROL_DOMID);
    }

    /** A client inside the process with the rights, quotas and home of {@code domid}. */
    public XenstoreClient client(int domid) {
        return new XenstoreClient(this, domid);
    }

    /**
     * Begins to talk to a domain, as INTRODUCE does: the ring is emptied, and {@code @introduceDomain} fires the first
     * time. A domain that is introduced already gets a new connection on the same place.
     *
     * @param domid domain, 0 to 0x7fef
     * @param page the domain's xenstore page
     * @param notify raises the domain's event channel
     * @return the ring, whose {@link XenstoreRing#onNotify()} the event channel from the guest must call
     */
    public XenstoreRing introduce(int domid, RingPage page, Runnable notify) {
        if (domid < 0 || domid >= DOMID_FIRST_RESERVED) {
            throw new IllegalArgumentException("domain id out of range: " + domid);
        }
        IntroducedDomain domain = domains.get(domid);
        boolean isNew = domain == null;
        if (!isNew) {
            disconnect(domain.ring().connection());
            domain.ring().close();
        }
        XenstoreRing ring = new XenstoreRing(this, domid, page, notify);
        domains.put(domid, new IntroducedDomain(ring));
        ring.reset();
        if (isNew && domid != CONTROL_DOMID) {
            fireSpecial(INTRODUCE_DOMAIN);
        }
        flush();
        return ring;
    }

    /** Stops talking to a domain, if it was introduced, and removes what it owns from the tree, as RELEASE does. */
    public void release(int domid) {
        IntroducedDomain domain = domains.remove(domid);
        if (domain != null) {
            disconnect(domain.ring().connection());
            domain.ring().close();
        }
        for (Connection connection : connections) {
            connection.dropTarget(domid);
        }
        tree.removeDomain(table, domid);
        if (domain != null) {
            fireSpecial(RELEASE_DOMAIN);
        }
        accounts.forgetIfEmpty(domid);
        flush();
    }

    /** To be called when a domain has shut down or crashed: {@code @releaseDomain} fires, once. */
    public void domainShutdown(int domid) {
        IntroducedDomain domain = domains.get(domid);
        if (domain != null && !domain.isShutdown()) {
            domain.shutdown(true);
            fireSpecial(RELEASE_DOMAIN);
            flush();
        }
    }

    /** Whether the daemon talks to this domain. */
    public boolean isIntroduced(int domid) {
        return domains.containsKey(domid);
    }

    /** The ring of an introduced domain, or null. */
    public XenstoreRing ring(int domid) {
        IntroducedDomain domain = domains.get(domid);
        return domain == null ? null : domain.ring();
    }

    /** Number of nodes in the tree, the special ones included. */
    public int nodeCount() {
        return table.size();
    }

    /** Requests of a type that this daemon does not have, which were answered with ENOSYS. */
    public long unknownRequests() {
        return unknownRequests;
    }

    DomainAccess access() {
        return access;
    }

    Accounts accounts() {
        return accounts;
    }

    NodeTable table() {
        return table;
    }

    IntroducedDomain domain(int domid) {
        return domains.get(domid);
    }

    /** Whether nodes may be given to this domain. */
    boolean exists(int domid) {
        return domid == CONTROL_DOMID || domains.containsKey(domid) || access.exists(domid);
    }

    Connection connect(int domid, Connection.Transport transport) {
        Connection connection = new Connection(domid, accounts, transport);
        connections.add(connection);
        return connection;
    }

    void disconnect(Connection connection) {
        connection.ignore();
        connections.remove(connection);
        dirty.remove(connection);
    }

    /** Handles one request; the reply is queued, and so are the events that it causes. {@link #flush()} sends them. */
    void process(Connection connection, int type, int requestId, int transactionId, byte[] payload) {
        Request request = new Request(connection, type, requestId, transactionId, payload);
        try {
            if (PRIVILEGED_TYPES.contains(type) && !connection.isPrivileged()) {
                throw new XsFailure(XsError.EACCES);
            }
            request.view(viewFor(request));
            byte[] answer = dispatch(request);
            if (answer != null) {
                reply(request, answer);
            }
        } catch (XsFailure e) {
            replyError(request, e.error());
        }
        markDirty(connection);
    }

    void reply(Request request, byte[] answer) {
        if (answer.length > XsWire.XENSTORE_PAYLOAD_MAX) {
            replyError(request, XsError.E2BIG);
            return;
        }
        request.connection().queueReply(
                Message.reply(request.type(), request.requestId(), request.transactionId(), answer));
    }

    /** Hands queued messages to their transports until none can take more. */
    void flush() {
        if (flushing) {
            return;
        }
        flushing = true;
        try {
            Connection connection;
            while ((connection = dirty.poll()) != null) {
                connection.drain();
            }
        } finally {
            flushing = false;
        }
    }

    void fireSpecial(String name) {
        fire(name, table.read(name), true, null);
    }

    private void replyError(Request request, XsError error) {
        request.connection().queueReply(Message.reply(XsWire.XS_ERROR, request.requestId(), request.transactionId(),
                Message.bytes(error.name() + '\0')));
    }

    private StoreView viewFor(Request request) throws XsFailure {
        int type = request.type();
        if (request.transactionId() == 0 || type == XsWire.XS_WATCH || type == XsWire.XS_UNWATCH) {
            return table;
        }
        Transaction transaction = request.connection().transaction(request.transactionId());
        if (transaction == null) {
            throw new XsFailure(XsError.ENOENT);
        }
        return transaction;
    }

    private byte[] dispatch(Request request) throws XsFailure {
        return switch (request.type()) {
            case XsWire.XS_DIRECTORY -> tree.directory(request);
            case XsWire.XS_DIRECTORY_PART -> tree.directoryPart(request);
            case XsWire.XS_READ -> tree.read(request);
            case XsWire.XS_WRITE -> tree.write(request);
            case XsWire.XS_MKDIR -> tree.mkdir(request);
            case XsWire.XS_RM -> tree.rm(request);
            case XsWire.XS_GET_PERMS -> tree.getPerms(request);
            case XsWire.XS_SET_PERMS -> tree.setPerms(request);
            case XsWire.XS_WATCH -> session.watch(request);
            case XsWire.XS_UNWATCH -> session.unwatch(request);
            case XsWire.XS_RESET_WATCHES -> session.resetWatches(request);
            case XsWire.XS_TRANSACTION_START -> session.transactionStart(request);
            case XsWire.XS_TRANSACTION_END -> session.transactionEnd(request);
            case XsWire.XS_INTRODUCE -> domainRequests.introduce(request);
            case XsWire.XS_RELEASE -> domainRequests.release(request);
            case XsWire.XS_RESUME -> domainRequests.resume(request);
            case XsWire.XS_SET_TARGET -> domainRequests.setTarget(request);
            case XsWire.XS_GET_DOMAIN_PATH -> domainRequests.getDomainPath(request);
            case XsWire.XS_IS_DOMAIN_INTRODUCED -> domainRequests.isDomainIntroduced(request);
            case XsWire.XS_CONTROL -> domainRequests.control(request);
            default -> {
                unknownRequests++;
                LOG.debug("domain {} sent xenstore request of unknown type {}", request.connection().domid(),
                        request.type());
                throw new XsFailure(XsError.ENOSYS);
            }
        };
    }

    private void markDirty(Connection connection) {
        if (connection.peek() != null && !dirty.contains(connection)) {
            dirty.add(connection);
        }
    }

    private void fire(String path, Node node, boolean exact, List<NodePermission> oldPermissions) {
        Node current = node != null ? node : table.read(path);
        for (Connection connection : connections) {
            if (connection.watches().isEmpty() || !mayLearn(connection, path, current, oldPermissions)) {
                continue;
            }
            for (Watch watch : connection.watches()) {
                if (exact ? path.equals(watch.path()) : Paths.isWithin(path, watch.path())) {
                    connection.queueEvent(watch.reported(path), watch.token());
                }
            }
            markDirty(connection);
        }
    }

    /** A client learns of a change if it may read the node, might read it before, or may read the parent. */
    private boolean mayLearn(Connection connection, String path, Node node, List<NodePermission> oldPermissions) {
        if (oldPermissions != null && (connection.permissionsOn(oldPermissions) & NodePermission.READ) != 0) {
            return true;
        }
        if (node == null) {
            return false;
        }
        if ((connection.permissionsOn(node.permissions()) & NodePermission.READ) != 0) {
            return true;
        }
        Node parent = table.read(Paths.parent(path));
        return parent != null && (connection.permissionsOn(parent.permissions()) & NodePermission.READ) != 0;
    }
}

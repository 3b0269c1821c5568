package org.xenolith.hypervisor.xenstore;

import java.util.List;

/** Requests about the client's own state: watches and transactions. */
final class SessionRequests {
    private static final String COMMIT = "T";
    private static final String ABORT = "F";

    private final Xenstored daemon;
    private final Accounts accounts;

    SessionRequests(Xenstored daemon, Accounts accounts) {
        this.daemon = daemon;
        this.accounts = accounts;
    }

    /** WATCH: the acknowledgement, then the event that every new watch gets at once. */
    byte[] watch(Request request) throws XsFailure {
        List<String> strings = request.strings(2);
        Connection connection = request.connection();
        String text = strings.get(0);
        String token = strings.get(1);
        String path = path(connection, text);
        for (Watch watch : connection.watches()) {
            if (watch.path().equals(path) && watch.token().equals(token)) {
                throw new XsFailure(XsError.EEXIST);
            }
        }
        if (!connection.isPrivileged()) {
            if (accounts.of(connection.domid()).watches() >= accounts.quotas().watches()) {
                throw new XsFailure(XsError.E2BIG);
            }
            if (accounts.exceedsMemory(connection.domid(), path.length() + token.length())) {
                throw new XsFailure(XsError.ENOMEM);
            }
        }
        int prefix = Paths.isRelative(text) ? Paths.ofDomain(connection.domid()).length() + 1 : 0;
        Watch watch = new Watch(path, token, prefix);
        connection.addWatch(watch);
        daemon.reply(request, TreeRequests.OK);
        connection.queueEvent(watch.reported(path), token);
        return null;
    }

    byte[] unwatch(Request request) throws XsFailure {
        List<String> strings = request.strings(2);
        if (!request.connection().removeWatch(path(request.connection(), strings.get(0)), strings.get(1))) {
            throw new XsFailure(XsError.ENOENT);
        }
        return TreeRequests.OK;
    }

    byte[] resetWatches(Request request) {
        request.connection().reset();
        return TreeRequests.OK;
    }

    byte[] transactionStart(Request request) throws XsFailure {
        Connection connection = request.connection();
        if (request.transactionId() != 0) {
            throw new XsFailure(XsError.EBUSY);
        }
        if (!connection.isPrivileged()
                && accounts.of(connection.domid()).transactions() >= accounts.quotas().transactions()) {
            throw new XsFailure(XsError.ENOSPC);
        }
        Transaction transaction = connection.startTransaction(daemon.table());
        return Message.bytes(Integer.toUnsignedString(transaction.id()) + '\0');
    }

    byte[] transactionEnd(Request request) throws XsFailure {
        String how = request.onlyString();
        if (!how.equals(COMMIT) && !how.equals(ABORT)) {
            throw new XsFailure(XsError.EINVAL);
        }
        if (!(request.view() instanceof Transaction transaction)) {
            throw new XsFailure(XsError.ENOENT);
        }
        try {
            if (how.equals(COMMIT)) {
                transaction.commit(daemon::exists);
            }
        } finally {
            request.connection().endTransaction(transaction);
        }
        return TreeRequests.OK;
    }

    private String path(Connection connection, String text) throws XsFailure {
        return Paths.canonical(text, connection.domid(), true, accounts.quotas().pathLength());
    }
}

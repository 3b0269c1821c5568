package org.xenolith.hypervisor.xenstore;

import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Requests about domains, and CONTROL. */
final class DomainRequests {
    private static final Logger LOG = LoggerFactory.getLogger(DomainRequests.class);
    private static final int DOMID_MAX = 65535;
    private static final int DOMID_SELF = 0x7ff0;

    private final Xenstored daemon;

    DomainRequests(Xenstored daemon) {
        this.daemon = daemon;
    }

    byte[] introduce(Request request) throws XsFailure {
        List<String> strings = request.strings();
        if (strings.size() < 3) {
            throw new XsFailure(XsError.EINVAL);
        }
        int domid = realDomid(strings.get(0));
        long gfn = number(strings.get(1), Long.MAX_VALUE);
        int port = (int) number(strings.get(2), Integer.MAX_VALUE);
        if (port == 0) {
            throw new XsFailure(XsError.EINVAL);
        }
        DomainAccess.RingEnd end = daemon.access().connect(domid, gfn, port)
                .orElseThrow(() -> new XsFailure(XsError.EINVAL));
        daemon.introduce(domid, end.page(), end.signal());
        return TreeRequests.OK;
    }

    byte[] release(Request request) throws XsFailure {
        daemon.release(introduced(request.onlyString()));
        return TreeRequests.OK;
    }

    byte[] resume(Request request) throws XsFailure {
        daemon.domain(introduced(request.onlyString())).shutdown(false);
        return TreeRequests.OK;
    }

    byte[] setTarget(Request request) throws XsFailure {
        List<String> strings = request.strings();
        if (strings.size() < 2) {
            throw new XsFailure(XsError.EINVAL);
        }
        IntroducedDomain domain = daemon.domain(domid(strings.get(0)));
        int target = domid(strings.get(1));
        if (domain == null || !daemon.isIntroduced(target)) {
            throw new XsFailure(XsError.ENOENT);
        }
        domain.ring().connection().target(target);
        return TreeRequests.OK;
    }

    byte[] getDomainPath(Request request) throws XsFailure {
        return Message.bytes(Paths.ofDomain(domid(request.onlyString())) + '\0');
    }

    byte[] isDomainIntroduced(Request request) throws XsFailure {
        int domid = domid(request.onlyString());
        boolean introduced = domid == DOMID_SELF || daemon.isIntroduced(domid);
        return Message.bytes(introduced ? "T\0" : "F\0");
    }

    byte[] control(Request request) throws XsFailure {
        List<String> strings = request.strings();
        if (strings.isEmpty()) {
            throw new XsFailure(XsError.EINVAL);
        }
        List<String> parameters = strings.subList(1, strings.size());
        switch (strings.getFirst()) {
            case "help" -> {
                expect(parameters, 0);
                return Message.bytes("print\t<string>\nquota\t[<domid>]\nhelp\t\n\0");
            }
            case "print" -> {
                expect(parameters, 1);
                LOG.info("control: {}", parameters.getFirst());
                return TreeRequests.OK;
            }
            case "quota" -> {
                return Message.bytes((parameters.isEmpty() ? limits() : usage(parameters)) + '\0');
            }
            default -> throw new XsFailure(XsError.EINVAL);
        }
    }

    private String limits() {
        Quotas q = daemon.accounts().quotas();
        return line("nodes", q.nodes()) + line("watches", q.watches()) + line("transactions", q.transactions())
                + line("outstanding", q.outstanding()) + line("transaction-nodes", q.transactionNodes())
                + line("node-permissions", q.permissions()) + line("path-max", q.pathLength())
                + line("node-size", q.nodeSize()) + line("memory", q.memory());
    }

    private String usage(List<String> parameters) throws XsFailure {
        expect(parameters, 1);
        int domid = domid(parameters.getFirst());
        if (!daemon.exists(domid)) {
            throw new XsFailure(XsError.ENOENT);
        }
        DomainAccount account = daemon.accounts().of(domid);
        return line("nodes", account.nodes()) + line("watches", account.watches())
                + line("transactions", account.transactions()) + line("outstanding", account.outstanding())
                + line("memory", account.memory());
    }

    private static String line(String name, long value) {
        return name + ": " + value + '\n';
    }

    private static void expect(List<String> parameters, int count) throws XsFailure {
        if (parameters.size() != count) {
            throw new XsFailure(XsError.EINVAL);
        }
    }

    private int introduced(String text) throws XsFailure {
        int domid = realDomid(text);
        if (!daemon.isIntroduced(domid)) {
            throw new XsFailure(XsError.ENOENT);
        }
        return domid;
    }

    private static int realDomid(String text) throws XsFailure {
        int domid = domid(text);
        if (domid == Xenstored.CONTROL_DOMID || domid >= Xenstored.DOMID_FIRST_RESERVED) {
            throw new XsFailure(XsError.EINVAL);
        }
        return domid;
    }

    private static int domid(String text) throws XsFailure {
        return (int) number(text, DOMID_MAX);
    }

    private static long number(String text, long max) throws XsFailure {
        if (text.isEmpty() || text.length() > 18) {
            throw new XsFailure(XsError.EINVAL);
        }
        long number = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                throw new XsFailure(XsError.EINVAL);
            }
            number = number * 10 + (c - '0');
        }
        if (number > max) {
            throw new XsFailure(XsError.EINVAL);
        }
        return number;
    }
}

package org.xenolith.hypervisor.blkback;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.ring.BackRing;
import org.xenolith.hypervisor.ring.GrantedRingPage;
import org.xenolith.hypervisor.ring.JoinedRingPages;
import org.xenolith.hypervisor.ring.RingPage;
import org.xenolith.hypervisor.xenbus.XenbusException;
import org.xenolith.time.Timers;

/** One connected ring: takes requests when the guest sends an event, and answers each when its time has come. */
final class BlkQueue implements AutoCloseable {
    /**
     * Transfers under way, in virtual nanoseconds, at which no more requests are taken until they are done: what a guest
     * can make the host do in one go is bounded, however full its rings are.
     */
    static final long MAX_BACKLOG_NS = 10_000_000;

    private final Host host;
    private final VirtualDisk disk;
    private final List<GrantedRingPage> ringPages;
    private final BackRing ring;
    private final GrantPages grants;
    private final byte[] entry;
    private final byte[] response;
    private final BlkifAbi abi;
    private final BlkRequest request = new BlkRequest();
    private final Timers.Timer answer;
    private final Timers.Timer goOn;
    // the requests under way, a ring in the order of their responses
    private final long[] dueAt;
    private final long[] ids;
    private final int[] operations;
    private final int[] statuses;
    private int first;
    private int count;
    private int localPort;
    private boolean stopped;

    /**
     * Connects a ring.
     *
     * @param refs grants of the ring's pages, a power of two of them
     * @param port the guest's event channel
     * @throws XenbusException when a page or the port cannot be used
     */
    BlkQueue(Host host, int domid, VirtualDisk disk, BlkifAbi abi, List<Integer> refs, int port, boolean persistent)
            throws XenbusException {
        this.host = host;
        this.disk = disk;
        this.abi = abi;
        ControlDomain control = host.control();
        ringPages = map(control, domid, refs);
        ring = new BackRing(new JoinedRingPages(ringPages), abi.entrySize, refs.size() * RingPage.SIZE);
        grants = new GrantPages(control, domid, persistent);
        entry = new byte[abi.entrySize];
        response = new byte[abi.responseSize];
        dueAt = new long[ring.slots()];
        ids = new long[ring.slots()];
        operations = new int[ring.slots()];
        statuses = new int[ring.slots()];
        answer = host.timers().timer(this::answer);
        goOn = host.timers().timer(this::take);
        try {
            localPort = control.bind(domid, port, this::take);
        } catch (ErrnoException e) {
            close();
            throw new XenbusException("event channel " + port + " cannot be bound");
        }
    }

    private static List<GrantedRingPage> map(ControlDomain control, int domid, List<Integer> refs)
            throws XenbusException {
        List<GrantedRingPage> mapped = new ArrayList<>();
        for (int ref : refs) {
            try {
                mapped.add(new GrantedRingPage(control.map(domid, ref, true)));
            } catch (GrantException e) {
                mapped.forEach(GrantedRingPage::close);
                throw new XenbusException("grant " + Integer.toUnsignedString(ref) + " of a ring cannot be mapped");
            }
        }
        return mapped;
    }

    /** Takes requests until there are none, or there is enough to do. */
    private void take() {
        while (!stopped) {
            long now = host.clock().now();
            long backlogEnd = disk.busyUntil(now);
            if (backlogEnd - now > MAX_BACKLOG_NS) {
                goOn.arm(backlogEnd - MAX_BACKLOG_NS / 2);
                return;
            }
            int waiting = ring.waiting();
            if (waiting == 0) {
                ring.askForEvent(1);
                return;
            }
            if (waiting < 0) {
                disk.refuse("ring stopped: its producer index is out of range");
                stopped = true;
                return;
            }
            ring.peek(0, entry, entry.length);
            ring.take(1);
            execute(now);
        }
    }

    private void execute(long now) {
        request.decode(entry, abi);
        int status = disk.execute(request, grants, now);
        int slot = first + count & ring.slots() - 1;
        ids[slot] = request.id;
        // an indirect request is answered as what it asks for: Linux's frontend disables the disk at another answer
        operations[slot] = request.action;
        statuses[slot] = status;
        dueAt[slot] = disk.busyUntil(now) + VirtualDisk.LATENCY_NS;
        if (count++ == 0) {
            answer.arm(dueAt[slot]);
        }
    }

    /** Answers what is due. */
    private void answer() {
        long now = host.clock().now();
        while (count > 0 && dueAt[first] <= now) {
            BlkRequest.encodeResponse(ids[first], operations[first], statuses[first], response);
            ring.respond(response, response.length);
            first = first + 1 & ring.slots() - 1;
            count--;
        }
        if (count > 0) {
            answer.arm(dueAt[first]);
        }
        if (ring.push()) {
            host.control().notify(localPort);
        }
    }

    /** Requests taken and not answered. */
    int underWay() {
        return count;
    }

    /** Pages kept mapped for later requests. */
    int persistentGrants() {
        return grants.count();
    }

    /** Ends the connection; requests under way get no response. */
    @Override
    public void close() {
        stopped = true;
        answer.cancel();
        goOn.cancel();
        if (localPort != 0) {
            host.control().unbind(localPort);
        }
        grants.close();
        ringPages.forEach(GrantedRingPage::close);
    }
}

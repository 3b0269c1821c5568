package org.xenolith.hypervisor.evtchn;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.hypervisor.shared.SharedPage;
import org.xenolith.hypervisor.shared.VcpuInfo;

/**
 * The FIFO layout (public/event_channel.h): an array of 32-bit event words in guest pages, linked into 16 queues for
 * each vCPU by
 * priority, with the queue heads in a control block that each vCPU registers.
 *
 * <p>All words are the guest's to write, so links found in them are only ever read, never followed.
 */
final class FifoAbi implements EventAbi {
    static final int QUEUES = 16;
    static final int LINK_BITS = 17;
    static final int CONTROL_BLOCK_SIZE = 8 + 4 * QUEUES;
    static final int MAX_PAGES = (1 << LINK_BITS) / 1024;

    private static final int PENDING = 1 << 31;
    private static final int MASKED = 1 << 30;
    private static final int LINKED = 1 << 29;
    private static final int BUSY = 1 << 28;
    private static final int LINK_MASK = (1 << LINK_BITS) - 1;
    private static final int HEADS = 8;

    /** One vCPU's queues; tails are the hypervisor's own knowledge. */
    private static final class Control {
        private final SharedPage page;
        private final int offset;
        private final int[] tail = new int[QUEUES];

        private Control(SharedPage page, int offset) {
            this.page = page;
            this.offset = offset;
        }
    }

    private final EventDomain domain;
    private final Control[] controls;
    private final List<SharedPage> words = new ArrayList<>();

    FifoAbi(EventDomain domain) {
        this.domain = domain;
        this.controls = new Control[domain.vcpuCount()];
    }

    boolean hasControl(int vcpu) {
        return controls[vcpu] != null;
    }

    void setControl(int vcpu, SharedPage page, int offset) {
        controls[vcpu] = new Control(page, offset);
    }

    int pages() {
        return words.size();
    }

    void addPage(SharedPage page) {
        words.add(page);
    }

    /** Gives all guest pages back. */
    void close() {
        for (Control c : controls) {
            if (c != null) {
                domain.release(c.page);
            }
        }
        words.forEach(domain::release);
        words.clear();
    }

    @Override
    public int maxPorts() {
        return 1 << LINK_BITS;
    }

    private boolean hasWord(int port) {
        return port >>> 10 < words.size();
    }

    private int word(int port) {
        return words.get(port >>> 10).read32((port & 1023) << 2);
    }

    private void setWord(int port, int value) {
        words.get(port >>> 10).write32((port & 1023) << 2, value);
    }

    @Override
    public void setPending(EventVcpu vcpu, EventChannel channel) {
        int port = channel.port;
        if (!hasWord(port)) {
            channel.pendingWithoutWord = true;
            return;
        }
        int w = word(port);
        boolean wasPending = (w & PENDING) != 0;
        setWord(port, w | PENDING);
        if ((w & (MASKED | LINKED)) == 0) {
            link(vcpu, channel);
        }
        if (!wasPending) {
            Pollers.wake(domain, port);
        }
    }

    private void link(EventVcpu vcpu, EventChannel channel) {
        int port = channel.port;
        Control c = controls[vcpu.id()];
        if (c == null) {
            // the guest has given this vCPU no queues; Xen drops the event, too
            return;
        }
        setWord(port, word(port) | LINKED);
        leaveOldQueue(vcpu, channel);
        int q = channel.priority;
        boolean linked = false;
        int tail = c.tail[q];
        if (tail != 0 && hasWord(tail)) {
            int t = word(tail);
            if ((t & LINKED) != 0) {
                setWord(tail, t & ~(LINK_MASK | BUSY) | port);
                linked = true;
            }
        }
        if (!linked) {
            c.page.write32(c.offset + HEADS + 4 * q, port);
        }
        c.tail[q] = port;
        if (!linked && !c.page.testAndSetBit(c.offset, q)) {
            VcpuInfo info = vcpu.info();
            if (info != null) {
                Pollers.markPending(vcpu, info);
            }
        }
    }

    /**
     * An event that was the tail of the queue it was last on leaves that queue empty, be it the same one or another.
     */
    private void leaveOldQueue(EventVcpu vcpu, EventChannel channel) {
        Control old = controls[channel.lastVcpu];
        if (old != null && old.tail[channel.lastPriority] == channel.port) {
            old.tail[channel.lastPriority] = 0;
        }
        channel.lastVcpu = vcpu.id();
        channel.lastPriority = channel.priority;
    }

    @Override
    public void clearPending(EventChannel channel) {
        channel.pendingWithoutWord = false;
        if (hasWord(channel.port)) {
            // no need to unlink: the guest takes it off the queue and sees that nothing is pending
            setWord(channel.port, word(channel.port) & ~PENDING);
        }
    }

    @Override
    public void unmask(EventVcpu vcpu, EventChannel channel) {
        if (!hasWord(channel.port)) {
            return;
        }
        int w = word(channel.port) & ~MASKED;
        setWord(channel.port, w);
        if ((w & PENDING) != 0) {
            setPending(vcpu, channel);
        }
    }

    @Override
    public boolean isPending(int port) {
        return hasWord(port) && (word(port) & PENDING) != 0;
    }

    @Override
    public boolean isMasked(int port) {
        return !hasWord(port) || (word(port) & MASKED) != 0;
    }

    @Override
    public boolean setPriority(EventChannel channel, int priority) {
        channel.priority = priority;
        return true;
    }
}

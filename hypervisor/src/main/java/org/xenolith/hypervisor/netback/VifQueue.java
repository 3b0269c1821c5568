package org.xenolith.hypervisor.netback;

import org.xenolith.devices.NetFrame;
import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.ring.BackRing;
import org.xenolith.hypervisor.ring.GrantedRingPage;
import org.xenolith.hypervisor.xenbus.FrontendNodes;
import org.xenolith.hypervisor.xenbus.XenbusException;
import org.xenolith.time.Timers;

/** One pair of rings of an interface, with its event channels. */
final class VifQueue implements AutoCloseable {
    /**
     * Virtual nanoseconds from a guest's signal until its TX ring is looked at: what it sends in the meantime needs no signal, as with a
     * back end that runs on another CPU.
     */
    static final long TX_DELAY_NS = 4_000;

    private static final long MAX_PORT = (1L << 17) - 1;

    private final Vif vif;
    private final ControlDomain control;
    private final Timers.Timer work;
    private GrantedRingPage txPage;
    private GrantedRingPage rxPage;
    private TxRing tx;
    private RxRing rx;
    private int txPort;
    private int rxPort;

    /**
     * Maps and binds what the front end offers in one folder.
     *
     * @param folder name relative to the front end's, empty or ending in a slash
     */
    VifQueue(Vif vif, FrontendNodes front, String folder) throws XenbusException {
        this.vif = vif;
        this.control = vif.domain().host().control();
        this.work = vif.domain().host().timers().timer(this::transmit);
        boolean done = false;
        try {
            txPage = map(front, folder + "tx-ring-ref");
            rxPage = map(front, folder + "rx-ring-ref");
            tx = new TxRing(vif, new BackRing(txPage, Netif.TX_SLOT));
            rx = new RxRing(vif, new BackRing(rxPage, Netif.RX_SLOT));
            if (front.text(folder + "event-channel-tx").isPresent()) {
                txPort = bind(front, folder + "event-channel-tx", this::onTransmit);
                rxPort = bind(front, folder + "event-channel-rx", this::receive);
            } else {
                txPort = bind(front, folder + "event-channel", this::onBoth);
                rxPort = txPort;
            }
            done = true;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    private GrantedRingPage map(FrontendNodes front, String node) throws XenbusException {
        int ref = (int) front.number(node, 0, Integer.MAX_VALUE);
        try {
            return new GrantedRingPage(control.map(vif.domain().domid(), ref, true));
        } catch (GrantException e) {
            throw new XenbusException("mapping " + node + " " + ref + ": " + e.getMessage());
        }
    }

    private int bind(FrontendNodes front, String node, Runnable handler) throws XenbusException {
        int port = (int) front.number(node, 1, MAX_PORT);
        try {
            return control.bind(vif.domain().domid(), port, handler);
        } catch (ErrnoException e) {
            throw new XenbusException("binding " + node + " " + port + ": " + e.getMessage());
        }
    }

    private void onTransmit() {
        if (work.deadline() == Timers.NEVER) {
            work.arm(vif.domain().host().clock().now() + TX_DELAY_NS);
        }
    }

    private void onBoth() {
        onTransmit();
        receive();
    }

    private void transmit() {
        if (tx.run()) {
            control.notify(txPort);
        }
    }

    /** Takes a frame for the guest; false when it is lost. */
    boolean offer(NetFrame frame) {
        if (!rx.offer(frame)) {
            return false;
        }
        receive();
        return true;
    }

    private void receive() {
        if (rx.run()) {
            control.notify(rxPort);
        }
    }

    @Override
    public void close() {
        work.cancel();
        if (txPort != 0) {
            control.unbind(txPort);
        }
        if (rxPort != 0 && rxPort != txPort) {
            control.unbind(rxPort);
        }
        if (txPage != null) {
            txPage.close();
        }
        if (rxPage != null) {
            rxPage.close();
        }
    }
}

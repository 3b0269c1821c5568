package org.xenolith.emulator;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.hypervisor.netback.VifCounts;

/** The cable of an emulated network card, with what passes counted as that of a vif is. */
record CountedPort(NetPort port, VifCounts counts) implements NetPort {
    @Override
    public void send(NetFrame frame) {
        counts.sent(frame.length());
        port.send(frame);
    }

    @Override
    public void setReceiver(Receiver receiver) {
        port.setReceiver(frame -> {
            boolean taken = receiver.receive(frame);
            if (taken) {
                counts.received(frame.length());
            } else {
                counts.dropped();
            }
            return taken;
        });
    }

    @Override
    public void close() {
        port.close();
    }
}

package org.xenolith.devices.nic;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;

/** A cable whose far end is the test. */
final class TestCable implements NetPort {
    final List<NetFrame> sent = new ArrayList<>();
    Receiver receiver;

    @Override
    public void send(NetFrame frame) {
        if (sent.size() < 10_000) {
            sent.add(frame);
        }
    }

    @Override
    public void setReceiver(Receiver r) {
        receiver = r;
    }

    @Override
    public void close() {
    }
}

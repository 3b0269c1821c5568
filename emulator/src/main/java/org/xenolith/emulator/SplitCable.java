package org.xenolith.emulator;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;

/**
 * One network port with several plugs: the emulated card and the PV interface of an HVM guest, which are the same station. A frame that comes in
 * goes to all that have a receiver.
 */
final class SplitCable {
    private final NetPort port;
    private final List<Plug> plugs = new ArrayList<>();

    SplitCable(NetPort port) {
        this.port = port;
        port.setReceiver(this::receive);
    }

    private boolean receive(NetFrame frame) {
        boolean any = false;
        for (Plug p : plugs) {
            any |= p.receiver.receive(frame);
        }
        return any;
    }

    /** Adds a plug. */
    NetPort plug() {
        Plug p = new Plug();
        plugs.add(p);
        return p;
    }

    private final class Plug implements NetPort {
        private Receiver receiver = f -> false;

        @Override
        public void send(NetFrame frame) {
            port.send(frame);
        }

        @Override
        public void setReceiver(Receiver to) {
            receiver = to;
        }

        @Override
        public void close() {
            port.close();
        }
    }
}

package org.xenolith.devices;

/**
 * One end of a network cable. What is plugged in calls {@link #send}; what the port's other side has to say comes through the receiver. All calls are made on
 * the emulation thread, in an order that depends on guests and on logged input only.
 */
public interface NetPort extends AutoCloseable {
    /** Gets the frames that leave a port towards what is plugged in. */
    interface Receiver {
        /** @return false when there is no room: the frame is lost, as on a wire */
        boolean receive(NetFrame frame);
    }

    /** A frame from what is plugged in. */
    void send(NetFrame frame);

    /** Who gets the frames; one at a time. */
    void setReceiver(Receiver receiver);

    @Override
    void close();
}

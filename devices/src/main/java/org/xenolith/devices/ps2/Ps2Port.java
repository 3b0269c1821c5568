package org.xenolith.devices.ps2;

/** The device at the end of one of the controller's two cables. */
interface Ps2Port {
    /** A byte from the controller. */
    void receive(int value);

    /** Whether it has bytes to send. */
    boolean hasData();

    /** The next byte that it sends; only when {@link #hasData}. */
    int send();

    /** Called whenever there may be something to send. */
    void setListener(Runnable listener);
}

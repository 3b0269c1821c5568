package org.xenolith.devices;

/**
 * The host's end of a byte stream: what is at the other end of a serial cable. All calls are made on the emulation thread; input reaches it in an order and at
 * virtual times that the machine's input log knows.
 */
public interface CharBackend {
    /** Nothing is connected. */
    CharBackend NONE = new CharBackend() {
        @Override
        public void send(int b) {
        }

        @Override
        public int poll() {
            return -1;
        }

        @Override
        public void setInputListener(Runnable listener) {
        }
    };

    /** Takes a byte, 0 to 255, from the device. */
    void send(int b);

    /** The next byte for the device, 0 to 255, or -1 when there is none now. */
    int poll();

    /** Who is told when {@link #poll} has something again after it had nothing. */
    void setInputListener(Runnable listener);
}

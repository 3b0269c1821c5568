package org.xenolith.devices.input;

/** A keyboard whose keys can be pressed. */
public interface KeySink {
    /** Presses a key; one that is down already stays down. */
    void press(Key key);

    /** Lets a key go; one that is up already stays up. */
    void release(Key key);
}

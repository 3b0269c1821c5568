package org.xenolith.hypervisor.xenbus;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.hypervisor.xenstore.XenstoreClient;

/**
 * A back end's side of the handshake of public/io/xenbus.h: follows the front end's state, and tells the driver when to
 * connect and when to let go. A front end that goes away and comes back (a reboot of its driver, kexec) is served again.
 */
public final class XenbusBackend implements AutoCloseable {
    /** What differs between kinds of devices. */
    public interface Driver {
        /**
         * Maps the rings and binds the event channels that the front end offers. Called at most once before {@link #disconnect}.
         *
         * @throws XenbusException when the offer cannot be used; nothing may be left mapped or bound
         */
        void connect(FrontendNodes front) throws XenbusException;

        /** Lets go of everything that {@link #connect} took; also called when nothing is connected. */
        void disconnect();
    }

    private static final Logger LOG = LoggerFactory.getLogger(XenbusBackend.class);

    private final XenstoreClient client;
    private final XenbusDevice device;
    private final Driver driver;
    private final XenstoreClient.Registration watch;
    private XenbusState state;
    private XenbusState seen = XenbusState.UNKNOWN;
    private boolean closed;

    /**
     * Begins to serve a device whose nodes {@link XenbusDevice#create} has made and whose features have been written:
     * goes to {@link XenbusState#INIT_WAIT} and watches the front end.
     */
    public XenbusBackend(XenstoreClient client, XenbusDevice device, Driver driver) {
        this.client = client;
        this.device = device;
        this.driver = driver;
        enter(XenbusState.INIT_WAIT);
        watch = client.watch(device.frontend() + "/state", path -> follow());
    }

    public XenbusState state() {
        return state;
    }

    private void enter(XenbusState next) {
        if (state != next) {
            state = next;
            client.write(device.backend() + "/state", next.number());
        }
    }

    private void follow() {
        if (closed) {
            return;
        }
        XenbusState front = client.read(device.frontend() + "/state").map(XenbusState::parse)
                .orElse(XenbusState.UNKNOWN);
        LOG.debug("{}: front end is {}, back end {}", device, front, state);
        boolean changed = front != seen;
        seen = front;
        switch (front) {
            case INITIALISING -> {
                if (state == XenbusState.CLOSED || state == XenbusState.CLOSING || state == XenbusState.CONNECTED) {
                    driver.disconnect();
                    enter(XenbusState.INIT_WAIT);
                }
            }
            case INITIALISED -> {
                // one that begins again without closing, after a suspension, has new rings
                if (changed && state == XenbusState.CONNECTED) {
                    driver.disconnect();
                    enter(XenbusState.INITIALISED);
                }
                connect();
            }
            case CONNECTED -> connect();
            case CLOSING -> {
                driver.disconnect();
                enter(XenbusState.CLOSING);
            }
            case CLOSED, UNKNOWN -> {
                if (state != XenbusState.INIT_WAIT) {
                    driver.disconnect();
                    enter(XenbusState.CLOSED);
                }
            }
            default -> {
                // INIT_WAIT and reconfiguring: nothing for this end to do
            }
        }
    }

    private void connect() {
        if (state != XenbusState.INIT_WAIT && state != XenbusState.INITIALISED) {
            return;
        }
        try {
            driver.connect(new FrontendNodes(client, device.frontend()));
            enter(XenbusState.CONNECTED);
        } catch (XenbusException e) {
            fail(e.getMessage());
        }
    }

    /** Stops serving after something that the front end must not do; the reason goes into the {@code error} node. */
    public void fail(String why) {
        LOG.info("{}: {}", device, why);
        driver.disconnect();
        client.write(device.backend() + "/error", why);
        enter(XenbusState.CLOSING);
    }

    /** Stops serving and removes the device's nodes. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            watch.close();
            driver.disconnect();
            device.remove(client);
        }
    }
}

package org.xenolith.hypervisor.netback;

/** What went through an interface. Directions are the guest's: it transmits to the network and receives from it. */
public final class VifCounts {
    private long txFrames;
    private long txBytes;
    private long txErrors;
    private long rxFrames;
    private long rxBytes;
    private long rxDropped;
    private long rxErrors;

    /** The guest sent a frame. */
    public void sent(int bytes) {
        txFrames++;
        txBytes += bytes;
    }

    void sendFailed() {
        txErrors++;
    }

    /** The guest got a frame. */
    public void received(int bytes) {
        rxFrames++;
        rxBytes += bytes;
    }

    /** A frame found no room. */
    public void dropped() {
        rxDropped++;
    }

    void receiveFailed() {
        rxErrors++;
    }

    /** Frames that the guest sent; one that is to be segmented counts once. */
    public long txFrames() {
        return txFrames;
    }

    public long txBytes() {
        return txBytes;
    }

    /** Frames that the guest tried to send and that were refused. */
    public long txErrors() {
        return txErrors;
    }

    /** Frames that the guest got. */
    public long rxFrames() {
        return rxFrames;
    }

    public long rxBytes() {
        return rxBytes;
    }

    /** Frames for the guest for which there was no room, or nobody to take them. */
    public long rxDropped() {
        return rxDropped;
    }

    /** Frames that the guest lost because its buffers could not be written. */
    public long rxErrors() {
        return rxErrors;
    }
}

package org.xenolith.hypervisor.ring;

import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.shared.SharedPage;

/** A ring page that a guest granted to domain 0; the frame stays in place until this is closed. */
public final class GrantedRingPage implements RingPage, AutoCloseable {
    private final PinnedGrant pin;
    private final SharedPage page;

    /** The page of a writable grant, which is closed with this. */
    public GrantedRingPage(PinnedGrant pin) {
        this.pin = pin;
        this.page = pin.page();
    }

    @Override
    public int read32(int offset) {
        return page.read32(offset);
    }

    @Override
    public void write32(int offset, int value) {
        page.write32(offset, value);
    }

    @Override
    public void read(int offset, byte[] dst, int dstOffset, int length) {
        page.read(offset, dst, dstOffset, length);
    }

    @Override
    public void write(int offset, byte[] src, int srcOffset, int length) {
        page.write(offset, src, srcOffset, length);
    }

    @Override
    public void close() {
        pin.close();
    }
}

package org.xenolith.devices.nic;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.Offloads;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/** Receive filters and ring of the 82540EM (82540EM Software Developer's Manual, 3.2). */
final class E1000Receive {
    private static final int DESCRIPTOR = 16;
    private static final int MAX_SHORT = 1514;
    private static final int MAX_LONG = 16384 - RxFrame.FCS;

    private static final int RCTL_EN = 1 << 1;
    private static final int RCTL_UPE = 1 << 3;
    private static final int RCTL_MPE = 1 << 4;
    private static final int RCTL_LPE = 1 << 5;
    private static final int RCTL_BAM = 1 << 15;
    private static final int RCTL_VFE = 1 << 18;
    private static final int RCTL_BSEX = 1 << 25;
    private static final int RCTL_SECRC = 1 << 26;

    private static final int STATUS_DD = 0x01;
    private static final int STATUS_EOP = 0x02;
    private static final int STATUS_IXSM = 0x04;
    private static final int STATUS_VP = 0x08;
    private static final int STATUS_TCPCS = 0x20;
    private static final int STATUS_IPCS = 0x40;
    private static final int STATUS_PIF = 0x80;
    private static final int ERROR_TCPE = 0x20;
    private static final int ERROR_IPE = 0x40;
    private static final int RXCSUM_IPOFL = 1 << 8;
    private static final int RXCSUM_TUOFL = 1 << 9;
    private static final int RAH_AV = 1 << 31;

    private final E1000 card;
    private final Mitigation arrived;
    private final byte[] descriptor = new byte[DESCRIPTOR];
    private final RxFrame frame = new RxFrame();

    E1000Receive(E1000 card, Timers timers) {
        this.card = card;
        arrived = new Mitigation(card.clock(), timers, () -> card.cause(E1000.ICR_RXT0));
    }

    void reset() {
        arrived.cancel();
    }

    /** Flush of the delay timer: RDTR.FPD. */
    void flush() {
        arrived.fire();
    }

    private boolean on() {
        return (card.register(E1000.RCTL) & RCTL_EN) != 0 && card.linkUp();
    }

    /** A frame from the cable; false when there was no room. */
    boolean receive(NetFrame f) {
        if (!on() || f.length() < Headers.ETHERNET) {
            return false;
        }
        if (f.segmentSize() == 0 && f.checksum() != Checksum.PARTIAL) {
            return deliver(f);
        }
        boolean[] all = {true};
        Offloads.complete(f, part -> all[0] &= deliver(part));
        return all[0];
    }

    private boolean deliver(NetFrame f) {
        int kind = accepted(f.data());
        if (kind < 0) {
            return true;
        }
        boolean tagged = Headers.u16(f.data(), 12) == (card.register(E1000.VET) & 0xffff)
                && f.length() >= Headers.ETHERNET + RxFrame.VLAN_TAG;
        int limit = (card.register(E1000.RCTL) & RCTL_LPE) != 0
                ? MAX_LONG
                : MAX_SHORT + (tagged ? RxFrame.VLAN_TAG : 0);
        if (f.length() > limit) {
            card.stats().count(E1000Stats.ROC);
            return false;
        }
        return store(f, kind, tagged);
    }

    /** Status bits that the filter adds to an accepted frame, or -1 for one that is not wanted. */
    private int accepted(byte[] f) {
        int rctl = card.register(E1000.RCTL);
        if ((rctl & RCTL_VFE) != 0 && Headers.u16(f, 12) == (card.register(E1000.VET) & 0xffff)) {
            int id = Headers.u16(f, 14) & 0xfff;
            if ((card.register(E1000.VFTA + (id >>> 5) * 4) >>> (id & 31) & 1) == 0) {
                return -1;
            }
        }
        boolean group = (f[0] & 1) != 0;
        if (!group && (rctl & RCTL_UPE) != 0 || group && (rctl & RCTL_MPE) != 0
                || (rctl & RCTL_BAM) != 0 && E1000Stats.broadcast(f)) {
            return 0;
        }
        int low = f[0] & 0xff | (f[1] & 0xff) << 8 | (f[2] & 0xff) << 16 | (f[3] & 0xff) << 24;
        int high = f[4] & 0xff | (f[5] & 0xff) << 8;
        for (int i = 0; i < E1000.ADDRESSES; i++) {
            int rah = card.register(E1000.RA + 8 * i + 4);
            if ((rah & RAH_AV) != 0 && (rah & 0xffff) == high && card.register(E1000.RA + 8 * i) == low) {
                return 0;
            }
        }
        if (!group) {
            return -1;
        }
        int shift = switch (rctl >>> 12 & 3) {
            case 0 -> 4;
            case 1 -> 3;
            case 2 -> 2;
            default -> 0;
        };
        int hash = high >>> shift & 0xfff;
        return (card.register(E1000.MTA + (hash >>> 5) * 4) >>> (hash & 31) & 1) != 0 ? STATUS_PIF : -1;
    }

    private int bufferBytes() {
        int rctl = card.register(E1000.RCTL);
        int code = rctl >>> 16 & 3;
        // with BSEX, code 0 is reserved
        return (rctl & RCTL_BSEX) != 0 && code != 0 ? 32768 >> code : 2048 >> code;
    }

    private boolean store(NetFrame f, int kind, boolean tagged) {
        GuestMemory memory = card.memory();
        int count = (card.register(E1000.RDLEN) & 0xfff80) / DESCRIPTOR;
        int head = card.register(E1000.RDH) & 0xffff;
        int tail = card.register(E1000.RDT) & 0xffff;
        if (memory == null || head >= count || tail >= count) {
            return noRoom(false);
        }
        int free = tail - head + (tail < head ? count : 0);
        boolean strip = tagged && (card.register(E1000.CTRL) & E1000.CTRL_VME) != 0;
        int length = frame.take(f, strip, (card.register(E1000.RCTL) & RCTL_SECRC) == 0);
        int size = bufferBytes();
        int needed = (length + size - 1) / size;
        if (needed > free) {
            return noRoom(true);
        }
        int extra = 0;
        int special = 0;
        if (strip) {
            extra = STATUS_VP;
            special = Headers.u16(f.data(), 14);
        }
        int checks = checks(f);
        int packetSum = sum(length);
        long base = card.base(E1000.RDBAL);
        for (int done = 0; done < length; done += size) {
            long at = base + (long) head * DESCRIPTOR;
            int n = Math.min(size, length - done);
            boolean last = done + n == length;
            if (!memory.tryRead(at, descriptor, 0, 8)) {
                card.unimplemented("receive ring outside RAM");
                return noRoom(false);
            }
            long address = Integer.toUnsignedLong(dword(0)) | (long) dword(4) << 32;
            // a null pointer is a descriptor to be skipped
            if (address != 0 && !memory.tryWrite(address, frame.data(), done, n)) {
                card.unimplemented("receive buffer outside RAM");
            }
            int status = STATUS_DD | kind | extra | (last ? STATUS_EOP | checks & 0xff : STATUS_IXSM);
            put16(8, n);
            put16(10, packetSum);
            put16(12, status | (last ? checks & 0xff00 : 0));
            put16(14, special);
            memory.tryWrite(at + 8, descriptor, 8, 8);
            head = head + 1 == count ? 0 : head + 1;
        }
        card.setRegister(E1000.RDH, head);
        card.stats().received(f.data(), f.length());
        threshold(count, free - needed);
        arrived.event(card.register(E1000.RDTR) & 0xffff, card.register(E1000.RADV) & 0xffff);
        return true;
    }

    private boolean noRoom(boolean noBuffers) {
        card.stats().count(E1000Stats.MPC);
        if (noBuffers) {
            card.stats().count(E1000Stats.RNBC);
        }
        card.cause(E1000.ICR_RXO);
        return false;
    }

    private void threshold(int count, int free) {
        int shift = card.register(E1000.RCTL) >>> 8 & 3;
        if (shift < 3 && free <= count >> shift + 1) {
            card.cause(E1000.ICR_RXDMT0);
        }
    }

    private int sum(int length) {
        int start = card.register(E1000.RXCSUM) & 0xff;
        return start < length ? InetChecksum.fold(InetChecksum.sum(frame.data(), start, length - start)) : 0;
    }

    /** Status and, from bit 8, errors of checksum offload. */
    private int checks(NetFrame f) {
        int rxcsum = card.register(E1000.RXCSUM);
        if ((rxcsum & (RXCSUM_IPOFL | RXCSUM_TUOFL)) == 0) {
            return STATUS_IXSM;
        }
        byte[] d = f.data();
        Headers h = Headers.of(d, f.length());
        int result = 0;
        if ((rxcsum & RXCSUM_IPOFL) != 0 && h.etherType() == Headers.IPV4 && h.network() + 20 <= f.length()) {
            int bytes = (d[h.network()] & 0xf) * 4;
            boolean right = bytes >= 20 && h.network() + bytes <= f.length()
                    && InetChecksum.fold(InetChecksum.sum(d, h.network(), bytes)) == 0xffff;
            result |= STATUS_IPCS | (right ? 0 : ERROR_IPE << 8);
        }
        boolean none = h.checksumAt() < 0 || h.protocol() == Headers.UDP && Headers.u16(d, h.checksumAt()) == 0;
        if ((rxcsum & RXCSUM_TUOFL) != 0 && !none) {
            boolean right = f.checksum() == Checksum.VALID || h.checksumIsRight(d);
            result |= STATUS_TCPCS | (right ? 0 : ERROR_TCPE << 8);
        }
        return result == 0 ? STATUS_IXSM : result;
    }

    private int dword(int at) {
        return descriptor[at] & 0xff | (descriptor[at + 1] & 0xff) << 8 | (descriptor[at + 2] & 0xff) << 16
                | (descriptor[at + 3] & 0xff) << 24;
    }

    private void put16(int at, int value) {
        descriptor[at] = (byte) value;
        descriptor[at + 1] = (byte) (value >>> 8);
    }
}

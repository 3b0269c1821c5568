package org.xenolith.devices.nic;

import java.util.Arrays;
import java.util.zip.CRC32;
import org.xenolith.devices.NetFrame;

/** A frame as a card writes it into memory: padded, without its VLAN tag and with its FCS where the guest wants that. */
final class RxFrame {
    static final int FCS = 4;
    static final int VLAN_TAG = 4;

    private static final int MIN_BYTES = 60;

    private final CRC32 crc = new CRC32();
    private byte[] data = new byte[2048];

    byte[] data() {
        return data;
    }

    /**
     * Takes a frame.
     *
     * @param strip the frame has a VLAN tag, which is left out
     * @return bytes at the start of {@link #data}
     */
    int take(NetFrame f, boolean strip, boolean fcs) {
        int length = f.length();
        if (data.length < Math.max(length, MIN_BYTES) + FCS) {
            data = new byte[length + FCS];
        }
        if (strip) {
            System.arraycopy(f.data(), 0, data, 0, 12);
            System.arraycopy(f.data(), 16, data, 12, length - 16);
            length -= VLAN_TAG;
        } else {
            System.arraycopy(f.data(), 0, data, 0, length);
        }
        if (length < MIN_BYTES) {
            Arrays.fill(data, length, MIN_BYTES, (byte) 0);
            length = MIN_BYTES;
        }
        if (!fcs) {
            return length;
        }
        crc.reset();
        crc.update(data, 0, length);
        int v = (int) crc.getValue();
        for (int i = 0; i < FCS; i++) {
            data[length + i] = (byte) (v >>> 8 * i);
        }
        return length + FCS;
    }
}

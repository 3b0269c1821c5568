package org.xenolith.devices.nic;

import java.util.Arrays;

/** Statistics registers of the 82540EM at 4000h to 4124h: 32 bits each, cleared by reading; octet counts take two, cleared by reading the upper. */
final class E1000Stats {
    static final int FIRST = 0x4000;
    static final int END = 0x4128;

    static final int MPC = 0x4010;
    static final int RX_BY_SIZE = 0x405c;
    static final int GPRC = 0x4074;
    static final int BPRC = 0x4078;
    static final int MPRC = 0x407c;
    static final int GPTC = 0x4080;
    static final int GORC = 0x4088;
    static final int GOTC = 0x4090;
    static final int RNBC = 0x40a0;
    static final int ROC = 0x40ac;
    static final int TOR = 0x40c0;
    static final int TOT = 0x40c8;
    static final int TPR = 0x40d0;
    static final int TPT = 0x40d4;
    static final int TX_BY_SIZE = 0x40d8;
    static final int MPTC = 0x40f0;
    static final int BPTC = 0x40f4;
    static final int TSCTC = 0x40f8;

    private static final int FCS = 4;

    private final int[] counts = new int[(END - FIRST) / 4];

    void clear() {
        Arrays.fill(counts, 0);
    }

    int read(int register) {
        int i = (register - FIRST) / 4;
        int v = counts[i];
        switch (register) {
            case GORC, GOTC, TOR, TOT -> {
                // kept until the upper half is read
            }
            case GORC + 4, GOTC + 4, TOR + 4, TOT + 4 -> {
                counts[i] = 0;
                counts[i - 1] = 0;
            }
            default -> counts[i] = 0;
        }
        return v;
    }

    /** Counts up; a count that is full stays. */
    void count(int register) {
        int i = (register - FIRST) / 4;
        if (counts[i] != -1) {
            counts[i]++;
        }
    }

    private void octets(int register, int bytes) {
        int i = (register - FIRST) / 4;
        long sum = (counts[i] & 0xffff_ffffL | (long) counts[i + 1] << 32) + bytes;
        counts[i] = (int) sum;
        counts[i + 1] = (int) (sum >>> 32);
    }

    private static int sizeClass(int bytes) {
        return bytes <= 64 ? 0 : bytes < 128 ? 1 : bytes < 256 ? 2 : bytes < 512 ? 3 : bytes < 1024 ? 4 : 5;
    }

    /** A frame of {@code length} bytes without FCS has been received. */
    void received(byte[] frame, int length) {
        int bytes = length + FCS;
        count(RX_BY_SIZE + 4 * sizeClass(bytes));
        count(GPRC);
        count(TPR);
        octets(GORC, bytes);
        octets(TOR, bytes);
        if ((frame[0] & 1) != 0) {
            count(broadcast(frame) ? BPRC : MPRC);
        }
    }

    /** A frame of {@code length} bytes without FCS has been sent. */
    void sent(byte[] frame, int length) {
        int bytes = length + FCS;
        count(TX_BY_SIZE + 4 * sizeClass(bytes));
        count(GPTC);
        count(TPT);
        octets(GOTC, bytes);
        octets(TOT, bytes);
        if ((frame[0] & 1) != 0) {
            count(broadcast(frame) ? BPTC : MPTC);
        }
    }

    static boolean broadcast(byte[] frame) {
        return (frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == -1;
    }
}

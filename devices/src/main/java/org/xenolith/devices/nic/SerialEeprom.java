package org.xenolith.devices.nic;

/**
 * A 93C46: 64 words of 16 bits behind a Microwire interface (chip select, clock, data in, data out). It answers READ; the write commands are taken
 * and change nothing, as when the write enable latch is off.
 */
final class SerialEeprom {
    static final int WORDS = 64;

    private static final int ADDRESS_BITS = 6;
    private static final int READ = 2;

    private final int[] words;
    private boolean selected;
    private boolean clock;
    private boolean out = true;
    /** Bits of the command so far, after the start bit; -1 before it. */
    private int taken = -1;
    private int command;
    /** Word being shifted out, or -1. */
    private int address = -1;
    private int bit;

    SerialEeprom(int[] words) {
        this.words = words.clone();
    }

    int word(int at) {
        return words[at & WORDS - 1];
    }

    /** The pins after a change. */
    void pins(boolean select, boolean clockHigh, boolean dataIn) {
        if (!select) {
            taken = -1;
            address = -1;
            out = true;
        } else if (clockHigh && !clock && selected) {
            rise(dataIn);
        }
        selected = select;
        clock = clockHigh;
    }

    private void rise(boolean dataIn) {
        if (address >= 0) {
            out = (word(address) >>> bit & 1) != 0;
            bit--;
            if (bit < 0) {
                bit = 15;
                address = address + 1 & WORDS - 1;
            }
        } else if (taken < 0) {
            if (dataIn) {
                taken = 0;
                command = 0;
            }
        } else if (taken < 2 + ADDRESS_BITS) {
            command = command << 1 | (dataIn ? 1 : 0);
            taken++;
            if (taken == 2 + ADDRESS_BITS && command >>> ADDRESS_BITS == READ) {
                address = command & WORDS - 1;
                bit = 15;
                // a zero precedes the data
                out = false;
            }
        }
    }

    /** Data out. */
    boolean out() {
        return out;
    }
}

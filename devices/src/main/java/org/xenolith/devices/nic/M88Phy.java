package org.xenolith.devices.nic;

/** Registers of the 82540EM's internal PHY, a Marvell 88E1011 (82540EM Software Developer's Manual, chapter 10), with a cable for 1000 Mb/s. */
final class M88Phy {
    private static final int CONTROL = 0;
    private static final int RESET = 0x8000;
    private static final int RESTART = 0x0200;
    private static final int[] INITIAL = new int[32];
    private static final int[] WRITABLE = new int[32];

    static {
        set(CONTROL, 0x1140, 0xfdc0);
        // all speeds, negotiation complete, link up
        set(1, 0x796d, 0);
        set(2, 0x0141, 0);
        set(3, 0x0c20, 0);
        set(4, 0x0de1, 0xffff);
        set(5, 0x4de1, 0);
        set(6, 0x0001, 0);
        set(7, 0x2001, 0xffff);
        set(9, 0x0e00, 0xffff);
        set(10, 0x3c00, 0);
        set(15, 0x3000, 0);
        set(16, 0x0360, 0xffff);
        // 1000 Mb/s, full duplex, resolved, link
        set(17, 0xac00, 0);
        set(18, 0, 0xffff);
        set(20, 0x0d60, 0xffff);
        set(22, 0, 0xffff);
        set(24, 0x4100, 0xffff);
        set(29, 0, 0xffff);
        set(30, 0, 0xffff);
        set(31, 0, 0xffff);
    }

    private static void set(int register, int value, int writable) {
        INITIAL[register] = value;
        WRITABLE[register] = writable;
    }

    private final int[] registers = INITIAL.clone();

    void reset() {
        System.arraycopy(INITIAL, 0, registers, 0, registers.length);
    }

    int read(int register) {
        return registers[register];
    }

    /** Writes a register; true when the link is negotiated anew, which takes no time. */
    boolean write(int register, int value) {
        if (register == CONTROL && (value & RESET) != 0) {
            reset();
            return true;
        }
        boolean restart = register == CONTROL && (value & RESTART) != 0;
        registers[register] = value & WRITABLE[register] | registers[register] & ~WRITABLE[register];
        if (restart) {
            registers[CONTROL] &= ~RESTART;
        }
        return restart;
    }
}

package org.xenolith.devices.irq;

import java.util.function.Consumer;

/**
 * One 8259A interrupt controller (Intel 8259A data sheet, 231468). MCS-80 mode and buffered mode are not built; the trigger mode is per input,
 * by ELCR (82371SB, 2.5.6), and ICW1's LTIM is ignored as there.
 *
 * <p>An edge is latched until it is acknowledged, even when the line falls before.
 */
final class Pic8259 {
    private static final int ICW1 = 1 << 4;
    private static final int OCW3 = 1 << 3;
    private static final int SPURIOUS = 7;

    /** What the next write to the odd port is. */
    private enum Expect {
        OCW1, ICW2, ICW3, ICW4
    }

    private final boolean master;
    private final int elcrMask;
    private final Consumer<String> unimplemented;

    private int lines;
    private int irr;
    private int isr;
    private int imr;
    private int elcr;
    private int vectorBase;
    /** The input with the highest priority. */
    private int top;
    private Expect expect = Expect.OCW1;
    private boolean wantsIcw4;
    private boolean single;
    private boolean readIsr;
    private boolean poll;
    private boolean specialMask;
    private boolean specialFullyNested;
    private boolean autoEoi;
    private boolean rotateOnAutoEoi;

    /** @param elcrMask inputs that may be level-triggered */
    Pic8259(boolean master, int elcrMask, Consumer<String> unimplemented) {
        this.master = master;
        this.elcrMask = elcrMask;
        this.unimplemented = unimplemented;
        reset();
    }

    void reset() {
        lines = 0;
        elcr = 0;
        imr = 0;
        vectorBase = 0;
        expect = Expect.OCW1;
        icw1(0);
        expect = Expect.OCW1;
    }

    /** Drives an input, 0 to 7. */
    void line(int n, boolean level) {
        int bit = 1 << n;
        boolean was = (lines & bit) != 0;
        lines = level ? lines | bit : lines & ~bit;
        if ((elcr & bit) != 0) {
            irr = level ? irr | bit : irr & ~bit;
        } else if (level && !was) {
            irr |= bit;
        }
    }

    /** The input that INT is asserted for, or -1. */
    int request() {
        int candidates = irr & ~imr;
        int blocking = isr;
        if (specialMask) {
            blocking &= ~imr;
        }
        for (int i = 0; i < 8 && candidates != 0; i++) {
            int n = top + i & 7;
            int bit = 1 << n;
            boolean nested = specialFullyNested && master && n == 2;
            if ((candidates & bit) != 0 && ((blocking & bit) == 0 || nested)) {
                return n;
            }
            if ((blocking & bit) != 0 && !specialMask && !nested) {
                return -1;
            }
        }
        return -1;
    }

    /** INTA: puts the request into service and returns its input; 7, and nothing in service, when it is gone. */
    int acknowledge() {
        int n = request();
        if (n < 0) {
            return SPURIOUS;
        }
        int bit = 1 << n;
        if ((elcr & bit) == 0) {
            irr &= ~bit;
        }
        if (autoEoi) {
            if (rotateOnAutoEoi) {
                top = n + 1 & 7;
            }
        } else {
            isr |= bit;
        }
        return n;
    }

    int vector(int n) {
        return vectorBase | n;
    }

    /** False while the controller has a slave to ask for the vector of input 2. */
    boolean single() {
        return single;
    }

    private void icw1(int v) {
        irr &= elcr;
        isr = 0;
        imr = 0;
        top = 0;
        readIsr = false;
        poll = false;
        specialMask = false;
        specialFullyNested = false;
        autoEoi = false;
        rotateOnAutoEoi = false;
        wantsIcw4 = (v & 1) != 0;
        single = (v & 2) != 0;
        expect = Expect.ICW2;
    }

    void write(boolean odd, int v) {
        if (odd) {
            writeOdd(v);
        } else if ((v & ICW1) != 0) {
            icw1(v);
        } else if ((v & OCW3) != 0) {
            if ((v & 4) != 0) {
                poll = true;
            }
            if ((v & 2) != 0) {
                readIsr = (v & 1) != 0;
            }
            if ((v & 0x40) != 0) {
                specialMask = (v & 0x20) != 0;
            }
        } else {
            ocw2(v >>> 5, v & 7);
        }
    }

    private void writeOdd(int v) {
        switch (expect) {
            case OCW1 -> imr = v;
            case ICW2 -> {
                vectorBase = v & 0xf8;
                expect = !single ? Expect.ICW3 : wantsIcw4 ? Expect.ICW4 : Expect.OCW1;
            }
            // where the slave is, is the board's wiring
            case ICW3 -> expect = wantsIcw4 ? Expect.ICW4 : Expect.OCW1;
            case ICW4 -> {
                if ((v & 1) == 0) {
                    unimplemented.accept("pic:mcs80");
                }
                specialFullyNested = (v & 0x10) != 0;
                autoEoi = (v & 2) != 0;
                expect = Expect.OCW1;
            }
        }
    }

    private void ocw2(int command, int level) {
        switch (command) {
            case 0 -> rotateOnAutoEoi = false;
            case 4 -> rotateOnAutoEoi = true;
            case 1, 5 -> {
                int n = highestInService();
                if (n >= 0) {
                    isr &= ~(1 << n);
                    if (command == 5) {
                        top = n + 1 & 7;
                    }
                }
            }
            case 3 -> isr &= ~(1 << level);
            case 6 -> top = level + 1 & 7;
            case 7 -> {
                isr &= ~(1 << level);
                top = level + 1 & 7;
            }
            default -> {
            }
        }
    }

    /** In special mask mode a non-specific EOI passes over masked levels. */
    private int highestInService() {
        int set = specialMask ? isr & ~imr : isr;
        for (int i = 0; i < 8; i++) {
            if ((set >>> (top + i & 7) & 1) != 0) {
                return top + i & 7;
            }
        }
        return -1;
    }

    int read(boolean odd) {
        if (poll) {
            poll = false;
            if (request() < 0) {
                return 0;
            }
            return 0x80 | acknowledge();
        }
        return odd ? imr : readIsr ? isr : irr;
    }

    int elcr() {
        return elcr;
    }

    void setElcr(int v) {
        elcr = v & elcrMask;
        irr = irr & ~elcr | lines & elcr;
    }
}

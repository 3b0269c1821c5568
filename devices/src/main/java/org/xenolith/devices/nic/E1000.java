package org.xenolith.devices.nic;

import java.util.Arrays;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * Intel 82540EM, PCI 8086:100e: the PRO/1000 MT Desktop (PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, chapter
 * 13). Registers are in BAR 0 and, by IOADDR and IODATA, in BAR 2. The cable is always plugged in at 1000 Mb/s; negotiation takes no time.
 *
 * <p>Not built: the packet buffer memory (10000h), wake-up, flow control (nothing on the other side sends PAUSE), SMBus management.
 */
public final class E1000 extends PciFunction implements MmioHandler {
    static final int CTRL = 0x0000;
    static final int VET = 0x0038;
    static final int RCTL = 0x0100;
    static final int TCTL = 0x0400;
    static final int RDBAL = 0x2800;
    static final int RDLEN = 0x2808;
    static final int RDH = 0x2810;
    static final int RDT = 0x2818;
    static final int RDTR = 0x2820;
    static final int RADV = 0x282c;
    static final int TDBAL = 0x3800;
    static final int TDLEN = 0x3808;
    static final int TDH = 0x3810;
    static final int TDT = 0x3818;
    static final int TIDV = 0x3820;
    static final int TADV = 0x382c;
    static final int RXCSUM = 0x5000;
    static final int MTA = 0x5200;
    static final int RA = 0x5400;
    static final int VFTA = 0x5600;
    /** Receive address registers. */
    static final int ADDRESSES = 16;

    static final int CTRL_VME = 1 << 30;
    static final int TCTL_EN = 1 << 1;
    static final int TCTL_PSP = 1 << 3;
    static final int ICR_TXDW = 1;
    static final int ICR_TXQE = 1 << 1;
    static final int ICR_RXDMT0 = 1 << 4;
    static final int ICR_RXO = 1 << 6;
    static final int ICR_RXT0 = 1 << 7;

    private static final int STATUS = 0x0008;
    private static final int EECD = 0x0010;
    private static final int EERD = 0x0014;
    private static final int MDIC = 0x0020;
    private static final int ICR = 0x00c0;
    private static final int ITR = 0x00c4;
    private static final int ICS = 0x00c8;
    private static final int IMS = 0x00d0;
    private static final int IMC = 0x00d8;
    private static final int PBA = 0x1000;
    private static final int END = 0x5c00;

    private static final int CTRL_SLU = 1 << 6;
    private static final int CTRL_RST = 1 << 26;
    private static final int CTRL_PHY_RST = 1 << 31;
    private static final int STATUS_FD = 1;
    private static final int STATUS_LU = 1 << 1;
    private static final int STATUS_1000 = 1 << 7;
    private static final int EECD_WRITABLE = 0x77;
    private static final int EECD_REQ = 1 << 6;
    private static final int EECD_GNT = 1 << 7;
    private static final int EECD_PRES = 1 << 8;
    private static final int MDIC_READY = 1 << 28;
    private static final int MDIC_INTERRUPT = 1 << 29;
    private static final int MDIC_ERROR = 1 << 30;
    private static final int RCTL_LOOPBACK = 3 << 6;
    private static final int RDTR_FLUSH = 1 << 31;
    private static final int RAH_AV = 1 << 31;
    private static final int ICR_LSC = 1 << 2;
    private static final int ICR_MDAC = 1 << 9;
    private static final int CAUSES = 0x1ffff;
    private static final long ITR_UNIT_NS = 256;
    private static final int MAX_FRAME = 1518;

    /** Ranges of registers that keep what is written, as first and behind the last. */
    private static final int[] PLAIN = {0x0000, 0x0004, 0x0018, 0x001c, 0x0028, 0x003c, 0x00c4, 0x00c8, 0x0100, 0x0104,
        0x0170, 0x0174, 0x0178, 0x017c, 0x0400, 0x0404, 0x0410, 0x0414, 0x0458, 0x045c, 0x0e00, 0x0e04, 0x1000, 0x1004,
        0x2160, 0x2170, 0x2410, 0x2434, 0x2800, 0x2830, 0x2c00, 0x2c04, 0x3000, 0x3004, 0x3410, 0x3434, 0x3800, 0x3834,
        0x5000, 0x5004, 0x5200, 0x5480, 0x5600, 0x5810, 0x5820, 0x5824, 0x5838, 0x583c, 0x5840, 0x5a00};

    private final NetPort port;
    private final MacAddress mac;
    private final SerialEeprom eeprom;
    private final M88Phy phy = new M88Phy();
    private final E1000Stats stats = new E1000Stats();
    private final E1000Transmit transmit;
    private final E1000Receive receive;
    private final IrqLine line = intx();
    private final Timers.Timer throttle;
    private final int[] registers = new int[END / 4];
    private int causes;
    private int mask;
    private boolean asserted;
    private long nextInterrupt;
    private int ioAddress;

    /**
     * Makes the card; the caller adds it to a bus.
     *
     * @param port its cable, whose receiver the card becomes; it stays the caller's
     * @param rom the expansion ROM (iPXE), or empty for none
     * @throws IllegalArgumentException when the ROM is too long
     */
    public E1000(Board board, NetPort port, MacAddress mac, byte[] rom) {
        super(board, new PciIdentity(0x8086, 0x100e, 3, 0x02_0000, 0x1af4, 0x1100));
        this.port = port;
        this.mac = mac;
        eeprom = new SerialEeprom(eepromWords(mac));
        transmit = new E1000Transmit(this, board.timers());
        receive = new E1000Receive(this, board.timers());
        throttle = board.timers().timer(this::updateLine);
        memoryBar(0, 0x2_0000, false, this);
        ioBar(2, 64, new Indirect());
        interruptPin(1);
        if (rom.length > 0) {
            expansionRom(rom);
        }
        resetCard();
        port.setReceiver(receive::receive);
    }

    private static int[] eepromWords(MacAddress mac) {
        int[] w = new int[SerialEeprom.WORDS];
        byte[] octets = new byte[MacAddress.LENGTH];
        mac.put(octets, 0);
        for (int i = 0; i < 3; i++) {
            w[i] = octets[2 * i] & 0xff | (octets[2 * i + 1] & 0xff) << 8;
        }
        // initialization control 1: signature, full duplex, load IDs
        w[0x0a] = 0x4403;
        w[0x0b] = 0x1100;
        w[0x0c] = 0x1af4;
        w[0x0d] = 0x100e;
        w[0x0e] = 0x8086;
        // initialization control 2: both ways of PAUSE
        w[0x0f] = 0x3000;
        int sum = 0xbaba;
        for (int i = 0; i < 0x3f; i++) {
            sum -= w[i];
        }
        w[0x3f] = sum & 0xffff;
        return w;
    }

    @Override
    public void reset() {
        super.reset();
        phy.reset();
        ioAddress = 0;
        resetCard();
    }

    private void resetCard() {
        transmit.reset();
        receive.reset();
        throttle.cancel();
        stats.clear();
        Arrays.fill(registers, 0);
        causes = 0;
        mask = 0;
        nextInterrupt = 0;
        setRegister(CTRL, 0x201);
        setRegister(PBA, 0x0010_0030);
        setRegister(0x0e00, 0x0706_8302);
        setRegister(0x0410, 0x0060_200a);
        byte[] octets = new byte[MacAddress.LENGTH];
        mac.put(octets, 0);
        setRegister(RA, octets[0] & 0xff | (octets[1] & 0xff) << 8 | (octets[2] & 0xff) << 16
                | (octets[3] & 0xff) << 24);
        setRegister(RA + 4, octets[4] & 0xff | (octets[5] & 0xff) << 8 | RAH_AV);
        updateLine();
    }

    @Override
    public void unplug() {
        super.unplug();
        resetCard();
        port.setReceiver(f -> false);
    }

    // ---- accesses ----

    @Override
    public long read(long offset, int size) {
        if (size == 8) {
            long low = readRegister((int) offset & ~3) & 0xffff_ffffL;
            return low | (long) readRegister((int) (offset & ~3) + 4) << 32;
        }
        return (readRegister((int) offset & ~3) & 0xffff_ffffL) >>> 8 * (offset & 3);
    }

    @Override
    public void write(long offset, int size, long value) {
        if ((offset & 3) != 0 || size < 4) {
            unimplemented("write of part of a register");
            return;
        }
        writeRegister((int) offset, (int) value);
        if (size == 8) {
            writeRegister((int) offset + 4, (int) (value >>> 32));
        }
    }

    /** BAR 2: IOADDR and IODATA. */
    private final class Indirect implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return switch ((int) offset & ~3) {
                case 0 -> (ioAddress & 0xffff_ffffL) >>> 8 * (offset & 3);
                case 4 -> inRange() ? E1000.this.read(ioAddress & ~3L | offset & 3, Math.min(size, 4)) : 0;
                default -> 0;
            };
        }

        @Override
        public void write(long offset, int size, long value) {
            if (size != 4) {
                unimplemented("I/O write of part of a register");
            } else if (offset == 0) {
                ioAddress = (int) value;
            } else if (offset == 4 && inRange()) {
                writeRegister(ioAddress & ~3, (int) value);
            }
        }

        private boolean inRange() {
            return ioAddress >= 0 && ioAddress < 0x2_0000;
        }
    }

    private int readRegister(int at) {
        if (at >= E1000Stats.FIRST && at < E1000Stats.END) {
            return stats.read(at);
        }
        return switch (at) {
            case STATUS -> STATUS_FD | STATUS_1000 | (linkUp() ? STATUS_LU : 0);
            case EECD -> register(EECD) | EECD_PRES | ((register(EECD) & EECD_REQ) != 0 ? EECD_GNT : 0)
                    | (eeprom.out() ? 8 : 0);
            case ICR -> acknowledge();
            case ICS, IMS -> mask;
            case IMC -> 0;
            case EERD, MDIC -> register(at);
            default -> {
                if (!plain(at)) {
                    unimplemented("read of register " + Integer.toHexString(at));
                    yield 0;
                }
                yield register(at);
            }
        };
    }

    private static boolean plain(int at) {
        for (int i = 0; i < PLAIN.length; i += 2) {
            if (at >= PLAIN[i] && at < PLAIN[i + 1]) {
                return true;
            }
        }
        return false;
    }

    private void writeRegister(int at, int value) {
        if (at >= E1000Stats.FIRST && at < E1000Stats.END) {
            return;
        }
        switch (at) {
            case STATUS -> {
            }
            case CTRL -> control(value);
            case EECD -> {
                setRegister(EECD, value & EECD_WRITABLE);
                eeprom.pins((value & 2) != 0, (value & 1) != 0, (value & 4) != 0);
            }
            case EERD -> {
                if ((value & 1) != 0) {
                    setRegister(EERD, eeprom.word(value >>> 8 & 0xff) << 16 | value & 0xff00 | 0x10);
                }
            }
            case MDIC -> mdic(value);
            case ICR -> {
                causes &= ~value;
                updateLine();
            }
            case ICS -> cause(value & CAUSES);
            case IMS -> {
                mask |= value & CAUSES;
                updateLine();
            }
            case IMC -> {
                mask &= ~value;
                updateLine();
            }
            case ITR -> {
                setRegister(ITR, value & 0xffff);
                if ((value & 0xffff) == 0) {
                    nextInterrupt = 0;
                    updateLine();
                }
            }
            case TDT, TCTL -> {
                setRegister(at, at == TDT ? value & 0xffff : value);
                transmit.run();
            }
            case RDT, RDH, TDH -> setRegister(at, value & 0xffff);
            case RDTR -> {
                setRegister(RDTR, value & 0xffff);
                if ((value & RDTR_FLUSH) != 0) {
                    receive.flush();
                }
            }
            default -> {
                if (plain(at)) {
                    setRegister(at, value);
                } else {
                    unimplemented("write of register " + Integer.toHexString(at));
                }
            }
        }
    }

    private void control(int value) {
        if ((value & CTRL_RST) != 0) {
            resetCard();
            return;
        }
        boolean was = linkUp();
        setRegister(CTRL, value & ~CTRL_PHY_RST);
        if ((value & CTRL_PHY_RST) != 0) {
            phy.reset();
        }
        if (linkUp() != was) {
            cause(ICR_LSC);
        }
    }

    private void mdic(int value) {
        int register = value >>> 16 & 0x1f;
        int result = value & 0x2fff_ffff | MDIC_READY;
        if ((value >>> 21 & 0x1f) != 1) {
            result |= MDIC_ERROR;
        } else if ((value >>> 26 & 3) == 2) {
            result = result & ~0xffff | phy.read(register);
        } else if ((value >>> 26 & 3) == 1) {
            if (phy.write(register, value & 0xffff)) {
                cause(ICR_LSC);
            }
        } else {
            result |= MDIC_ERROR;
        }
        setRegister(MDIC, result);
        if ((value & MDIC_INTERRUPT) != 0) {
            cause(ICR_MDAC);
        }
    }

    // ---- interrupts ----

    void cause(int bits) {
        causes |= bits;
        updateLine();
    }

    private int acknowledge() {
        int v = causes;
        causes = 0;
        updateLine();
        return v;
    }

    private void updateLine() {
        boolean pending = (causes & mask) != 0;
        if (!pending) {
            throttle.cancel();
            asserted = false;
            line.set(false);
        } else if (!asserted) {
            long now = clock().now();
            if (now < nextInterrupt) {
                throttle.arm(nextInterrupt);
                return;
            }
            asserted = true;
            nextInterrupt = now + (register(ITR) & 0xffff) * ITR_UNIT_NS;
            line.set(true);
        }
    }

    // ---- for the two halves ----

    VirtualClock clock() {
        return board.clock();
    }

    int register(int at) {
        return registers[at >> 2];
    }

    void setRegister(int at, int value) {
        registers[at >> 2] = value;
    }

    /** The 64-bit base of a ring. */
    long base(int low) {
        return register(low) & 0xffff_fff0L | (long) register(low + 4) << 32;
    }

    GuestMemory memory() {
        return dma();
    }

    E1000Stats stats() {
        return stats;
    }

    boolean linkUp() {
        return (register(CTRL) & CTRL_SLU) != 0;
    }

    void unimplemented(String what) {
        board.unimplemented().accept("e1000: " + what);
    }

    /** A frame leaves the card. */
    void transmit(NetFrame f) {
        if (!linkUp()) {
            return;
        }
        if (f.segmentSize() == 0 && f.length() > MAX_FRAME) {
            unimplemented("transmission of a jumbo frame");
            return;
        }
        stats.sent(f.data(), f.length());
        if ((register(RCTL) & RCTL_LOOPBACK) != 0) {
            receive.receive(f);
        } else if (Offloads.wellFormed(f)) {
            port.send(f);
        }
    }
}

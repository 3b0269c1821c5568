package org.xenolith.devices.nic;

import java.util.Arrays;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/**
 * Realtek RTL8139C+, PCI 10ec:8139 revision 20h (RTL8139C(L)+ data sheet): the four buffers and the ring buffer of the 8139, and the descriptor
 * rings of the C+ once CPCR turns them on. 256 registers in BAR 0 (ports) and BAR 1 (memory). The cable is always plugged in, at 100 Mb/s.
 *
 * <p>Not built: the high-priority transmit queue, early receive and transmit, wake-up, boot ROM writing.
 */
public final class Rtl8139 extends PciFunction implements MmioHandler {
    static final int RBSTART = 0x30;
    static final int CAPR = 0x38;
    static final int RCR_APM = 1 << 1;
    static final int RCR_AM = 1 << 2;
    static final int RCR_AB = 1 << 3;
    static final int ISR_ROK = 1;
    static final int ISR_TOK = 1 << 2;
    static final int ISR_RXOVW = 1 << 4;
    static final int ISR_TDU = 1 << 7;
    static final long PAUSE_NS = 10_000;

    private static final int IDR = 0x00;
    private static final int MAR = 0x08;
    private static final int TSD = 0x10;
    private static final int TSAD = 0x20;
    private static final int CR = 0x37;
    private static final int CBR = 0x3a;
    private static final int IMR = 0x3c;
    private static final int ISR = 0x3e;
    private static final int TCR = 0x40;
    private static final int RCR = 0x44;
    private static final int TCTR = 0x48;
    private static final int MPC = 0x4c;
    private static final int EEPROM = 0x50;
    private static final int CONFIG1 = 0x52;
    private static final int TIMER_INT = 0x54;
    private static final int SUMMARY = 0x60;
    private static final int BMCR = 0x62;
    private static final int TPPOLL = 0xd9;
    private static final int CPCR = 0xe0;
    private static final int RDSAR = 0xe4;

    private static final int CR_BUFE = 1;
    private static final int CR_TE = 1 << 2;
    private static final int CR_RE = 1 << 3;
    private static final int CR_RST = 1 << 4;
    private static final int ISR_TIMEOUT = 1 << 14;
    private static final int ISR_SWINT = 1 << 8;
    private static final int RCR_AAP = 1;
    private static final int TCR_LOOPBACK = 3 << 17;
    private static final int CPCR_TX = 1;
    private static final int CPCR_RX = 2;
    private static final int CPCR_CHECKSUM = 1 << 5;
    private static final int CPCR_VLAN = 1 << 6;
    private static final int DUMP = 1 << 3;
    private static final int POLL_NORMAL = 1 << 6;
    private static final int POLL_HIGH = 1 << 7;
    private static final int MAX_FRAME = 1518;
    /** Period of the PCI clock that the timer counts. */
    private static final long TICK_NS = 30;

    private final NetPort port;
    private final SerialEeprom eeprom;
    private final MacAddress mac;
    private final Rtl8139Plus rings;
    private final Rtl8139Buffers buffers;
    private final Tally tally = new Tally();
    private final IrqLine line = intx();
    private final Timers.Timer timer;
    private final byte[] registers = new byte[256];
    private long timerStart;

    /** Counters that the guest has written to memory. */
    private static final class Tally {
        private long sent;
        private long received;
        private long missed;
        private long matched;
        private long broadcast;
        private long multicast;

        byte[] dump() {
            byte[] b = new byte[64];
            put(b, 0, sent, 8);
            put(b, 8, received, 8);
            put(b, 28, Math.min(missed, 0xffff), 2);
            put(b, 40, matched, 8);
            put(b, 48, broadcast, 8);
            put(b, 56, multicast, 4);
            return b;
        }

        private static void put(byte[] b, int at, long v, int size) {
            for (int i = 0; i < size; i++) {
                b[at + i] = (byte) (v >>> 8 * i);
            }
        }
    }

    /**
     * Makes the card; the caller adds it to a bus.
     *
     * @param port its cable, whose receiver the card becomes; it stays the caller's
     * @param rom the expansion ROM (iPXE), or empty for none
     * @throws IllegalArgumentException when the ROM is too long
     */
    public Rtl8139(Board board, NetPort port, MacAddress mac, byte[] rom) {
        super(board, new PciIdentity(0x10ec, 0x8139, 0x20, 0x02_0000, 0x1af4, 0x1100));
        this.port = port;
        this.mac = mac;
        int[] words = new int[SerialEeprom.WORDS];
        byte[] octets = new byte[MacAddress.LENGTH];
        mac.put(octets, 0);
        words[0] = 0x8129;
        words[1] = 0x10ec;
        words[2] = 0x8139;
        words[3] = 0x1af4;
        words[4] = 0x1100;
        for (int i = 0; i < 3; i++) {
            words[7 + i] = octets[2 * i] & 0xff | (octets[2 * i + 1] & 0xff) << 8;
        }
        eeprom = new SerialEeprom(words);
        rings = new Rtl8139Plus(this, board.timers());
        buffers = new Rtl8139Buffers(this);
        timer = board.timers().timer(this::timeout);
        ioBar(0, 256, this);
        memoryBar(1, 256, false, this);
        interruptPin(1);
        if (rom.length > 0) {
            expansionRom(rom);
        }
        powerOn();
        port.setReceiver(this::receive);
    }

    @Override
    public void reset() {
        super.reset();
        powerOn();
    }

    private void powerOn() {
        Arrays.fill(registers, (byte) 0);
        mac.put(registers, IDR);
        set(CONFIG1, 1, 0x0c);
        set(BMCR, 2, 0x3100);
        set(BMCR + 2, 2, 0x782d);
        set(BMCR + 4, 2, 0x05e1);
        set(BMCR + 6, 2, 0x41e1);
        set(BMCR + 8, 2, 1);
        softReset();
    }

    private void softReset() {
        rings.reset();
        buffers.reset();
        timer.cancel();
        timerStart = now();
        set(CR, 1, CR_BUFE);
        set(IMR, 4, 0);
        set(TCR, 4, 0x7480_0600L);
        set(RCR, 4, 0);
        set(CAPR, 2, 0xfff0);
        set(CPCR, 2, 0);
        set(TIMER_INT, 4, 0);
        set(MPC, 4, 0);
        for (int i = 0; i < 4; i++) {
            set(TSD + 4 * i, 4, Rtl8139Buffers.TSD_OWN);
            set(TSAD + 4 * i, 4, 0);
        }
        updateLine();
    }

    @Override
    public void unplug() {
        super.unplug();
        softReset();
        port.setReceiver(f -> false);
    }

    // ---- accesses ----

    @Override
    public long read(long offset, int size) {
        refresh();
        return size == 8
                ? register((int) offset, 4) | register((int) offset + 4, 4) << 32
                : register((int) offset, size);
    }

    /** Brings registers up to date that change by themselves. */
    private void refresh() {
        set(CR, 1, register(CR, 1) & ~CR_BUFE | (buffers.empty() ? CR_BUFE : 0));
        set(CBR, 2, buffers.writeAt());
        set(TCTR, 4, ticks());
        set(EEPROM, 1, register(EEPROM, 1) & ~1 | (eeprom.out() ? 1 : 0));
        int summary = 0;
        for (int i = 0; i < 4; i++) {
            long tsd = register(TSD + 4 * i, 4);
            summary |= (tsd & Rtl8139Buffers.TSD_TOK) != 0 ? 0x1000 << i : 0;
            summary |= (tsd & Rtl8139Buffers.TSD_OWN) != 0 ? 1 << i : 0;
        }
        set(SUMMARY, 2, summary);
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset;
        for (int done = 0; done < size; done += 4) {
            int n = Math.min(size - done, 4);
            long part = value >>> 8 * done & (n == 4 ? 0xffff_ffffL : (1L << 8 * n) - 1);
            int isr = (int) register(ISR, 2);
            for (int i = 0; i < n; i++) {
                int b = (int) (part >>> 8 * i) & 0xff;
                int r = at + done + i;
                int mask = writable(r);
                registers[r] = (byte) (registers[r] & ~mask | b & mask);
                if (r == ISR || r == ISR + 1) {
                    isr &= ~(b << 8 * (r - ISR));
                }
            }
            set(ISR, 2, isr);
            written(at + done, n, part);
        }
    }

    /** Bits of a register that keep what is written. */
    private int writable(int at) {
        boolean unlocked = (register(EEPROM, 1) & 0xc0) == 0xc0;
        return switch (at) {
            case 0, 1, 2, 3, 4, 5, 0x51, 0x52, 0x59, 0x5a, 0xd8 -> unlocked ? 0xff : 0;
            case CR -> CR_RE | CR_TE;
            case 0x3a, 0x3b, 0x3e, 0x3f, 0x36, 0x48, 0x49, 0x4a, 0x4b, 0x58, 0x5e, 0x5f, 0x60, 0x61, 0x64, 0x65, 0x68,
                    0x69, 0x6a, 0x6b, TPPOLL ->
                0;
            case 0x40 + 2 -> 0x07;
            case 0x40 + 3 -> 0x03;
            case 0x4c, 0x4d, 0x4e, 0x4f -> 0;
            case EEPROM -> 0xce;
            default -> 0xff;
        };
    }

    private static boolean covers(int at, int size, int register) {
        return register >= at && register < at + size;
    }

    private void written(int at, int size, long value) {
        if (covers(at, size, CR) && (value >>> 8 * (CR - at) & CR_RST) != 0) {
            softReset();
            return;
        }
        if (covers(at, size, EEPROM)) {
            int v = (int) register(EEPROM, 1);
            eeprom.pins((v & 8) != 0 && (v & 0xc0) == 0x80, (v & 4) != 0, (v & 2) != 0);
        }
        if (at >= TSD && at < TSAD && size == 4 && (at & 3) == 0) {
            transmitStatus(at);
        }
        if (at < TSAD + 8 && at + size > TSAD) {
            rings.restartTransmit();
        }
        if (at < RDSAR + 8 && at + size > RDSAR) {
            rings.restartReceive();
        }
        if (at < TCTR + 4 && at + size > TCTR) {
            timerStart = now();
            armTimer();
        }
        if (at < TIMER_INT + 4 && at + size > TIMER_INT) {
            armTimer();
        }
        if (at < MPC + 4 && at + size > MPC) {
            set(MPC, 4, 0);
        }
        if (covers(at, size, BMCR + 1)) {
            // reset and restart of negotiation take no time
            set(BMCR + 1, 1, register(BMCR + 1, 1) & 0x7d);
        }
        if (covers(at, size, TPPOLL)) {
            poll((int) (value >>> 8 * (TPPOLL - at)));
        }
        updateLine();
    }

    private void poll(int value) {
        if ((value & POLL_NORMAL) != 0) {
            rings.run();
        }
        if ((value & POLL_HIGH) != 0) {
            unimplemented("high-priority transmit queue");
        }
        if ((value & 1) != 0) {
            cause(ISR_SWINT);
        }
    }

    private void transmitStatus(int at) {
        if (plus()) {
            if (at == TSD && (register(TSD, 4) & DUMP) != 0) {
                dump();
            }
            return;
        }
        long status = register(at, 4);
        if ((status & Rtl8139Buffers.TSD_OWN) == 0 && (register(CR, 1) & CR_TE) != 0) {
            int n = at - TSD;
            set(at, 4, buffers.transmit((int) status & ~Rtl8139Buffers.TSD_TOK, register(TSAD + n, 4)));
        }
    }

    private void dump() {
        GuestMemory memory = dma();
        long address = register(TSD, 4) & ~0x3fL | register(TSD + 4, 4) << 32;
        if (memory == null || !memory.tryWrite(address, tally.dump(), 0, 64)) {
            unimplemented("tally counters outside RAM");
        }
        set(TSD, 4, register(TSD, 4) & ~DUMP);
    }

    // ---- timer and interrupts ----

    private long ticks() {
        return (now() - timerStart) / TICK_NS & 0xffff_ffffL;
    }

    private void armTimer() {
        long at = register(TIMER_INT, 4);
        if (at == 0) {
            timer.cancel();
            return;
        }
        long left = at - ticks() & 0xffff_ffffL;
        timer.arm(now() + (left == 0 ? 1L << 32 : left) * TICK_NS);
    }

    private void timeout() {
        cause(ISR_TIMEOUT);
        armTimer();
    }

    void cause(int bits) {
        set(ISR, 2, register(ISR, 2) | bits);
        updateLine();
    }

    private void updateLine() {
        line.set((register(ISR, 2) & register(IMR, 2)) != 0);
    }

    /** A frame was lost for want of room. */
    void missed(int cause) {
        set(MPC, 4, Math.min(register(MPC, 4) + 1, 0xff_ffff));
        tally.missed++;
        cause(cause);
    }

    // ---- the cable ----

    private boolean receive(NetFrame f) {
        boolean on = (register(CR, 1) & CR_RE) != 0 && f.length() >= Headers.ETHERNET;
        if (!on) {
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
        if (f.length() > MAX_FRAME) {
            return false;
        }
        int match = accepted(f.data());
        if (match == 0) {
            return true;
        }
        boolean toRing = (register(CPCR, 2) & CPCR_RX) != 0;
        if (!(toRing ? rings.store(f, match) : buffers.store(f, match))) {
            return false;
        }
        tally.received++;
        switch (match) {
            case RCR_APM -> tally.matched++;
            case RCR_AB -> tally.broadcast++;
            case RCR_AM -> tally.multicast++;
            default -> {
            }
        }
        cause(ISR_ROK);
        return true;
    }

    /** The bit of RCR by which a frame is taken, or 0. */
    private int accepted(byte[] f) {
        int rcr = (int) register(RCR, 4);
        int kind;
        if (E1000Stats.broadcast(f)) {
            kind = RCR_AB;
        } else if ((f[0] & 1) != 0) {
            int hash = hash(f);
            kind = (registers[MAR + (hash >>> 3)] >>> (hash & 7) & 1) != 0 ? RCR_AM : 0;
        } else {
            kind = Arrays.equals(f, 0, MacAddress.LENGTH, registers, IDR, IDR + MacAddress.LENGTH) ? RCR_APM : 0;
        }
        boolean physical = (f[0] & 1) == 0;
        return (rcr & kind) != 0 ? kind : physical ? rcr & RCR_AAP : 0;
    }

    /** The upper six bits of the address's CRC as Ethernet sends it. */
    private static int hash(byte[] f) {
        int crc = -1;
        for (int i = 0; i < MacAddress.LENGTH; i++) {
            for (int bit = 0; bit < 8; bit++) {
                boolean one = (crc < 0) != ((f[i] >>> bit & 1) != 0);
                crc = crc << 1 ^ (one ? 0x04c1_1db7 : 0);
            }
        }
        return crc >>> 26;
    }

    /** A frame leaves the card. */
    void transmit(NetFrame f) {
        if (f.segmentSize() == 0 && f.length() > MAX_FRAME) {
            unimplemented("transmission of a jumbo frame");
            return;
        }
        tally.sent++;
        if ((register(TCR, 4) & TCR_LOOPBACK) == TCR_LOOPBACK) {
            receive(f);
        } else if (Offloads.wellFormed(f)) {
            port.send(f);
        }
    }

    // ---- for rings and buffers ----

    /** A register's value, of 1, 2 or 4 bytes. */
    long register(int at, int size) {
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= (registers[at + i] & 0xffL) << 8 * i;
        }
        return v;
    }

    private void set(int at, int size, long value) {
        for (int i = 0; i < size; i++) {
            registers[at + i] = (byte) (value >>> 8 * i);
        }
    }

    private boolean plus() {
        return (register(CPCR, 2) & (CPCR_TX | CPCR_RX)) != 0;
    }

    boolean transmitting() {
        return (register(CR, 1) & CR_TE) != 0 && (register(CPCR, 2) & CPCR_TX) != 0;
    }

    boolean stripsTags() {
        return (register(CPCR, 2) & CPCR_VLAN) != 0;
    }

    boolean checksSums() {
        return (register(CPCR, 2) & CPCR_CHECKSUM) != 0;
    }

    /** Bytes of the receive buffer: 8 to 64 KiB. */
    int bufferBytes() {
        return 8192 << ((int) register(RCR, 4) >>> 11 & 3);
    }

    /** RCR.WRAP: a frame that begins before the end of the receive buffer is written on behind it. */
    boolean wraps() {
        return (register(RCR, 4) & 1 << 7) != 0 && bufferBytes() < 65536;
    }

    long txRing() {
        return register(TSAD, 4) & ~0xffL | register(TSAD + 4, 4) << 32;
    }

    long rxRing() {
        return register(RDSAR, 4) & ~0xffL | register(RDSAR + 4, 4) << 32;
    }

    long now() {
        return board.clock().now();
    }

    GuestMemory memory() {
        return dma();
    }

    void unimplemented(String what) {
        board.unimplemented().accept("rtl8139: " + what);
    }
}

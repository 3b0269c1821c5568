package org.xenolith.devices.ide;

import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.TestBoard;

/**
 * A small driver of the controller, in the manner of an operating system's: by ports, PCI configuration space and
 * memory only.
 */
final class IdeHost implements AutoCloseable {
    static final int DEVFN = 1 << 3 | 1;
    static final int BM = 0xc000;
    static final int PRD = 0x4000;

    final TestBoard board = new TestBoard();
    final PciBus bus = new PciBus(board.board());
    final IdeController ide = new IdeController(board.board(), board.irq("irq14"), board.irq("irq15"));
    private int base = 0x1f0;
    private int bm = BM;
    private int device;

    IdeHost() {
        bus.add(DEVFN, ide);
        bus.reset();
        board.writeConfig(DEVFN, 0x20, 4, BM);
        board.writeConfig(DEVFN, 4, 2, 5);
    }

    /** The drive that commands go to: 0 primary master to 3 secondary slave. */
    IdeHost select(int position) {
        base = position < 2 ? 0x1f0 : 0x170;
        bm = position < 2 ? BM : BM + 8;
        device = position & 1;
        out(6, 0xa0 | device << 4);
        return this;
    }

    int in(int register) {
        return (int) board.in(base + register, 1);
    }

    void out(int register, int value) {
        board.out(base + register, 1, value);
    }

    int status() {
        return in(7);
    }

    int alternateStatus() {
        return (int) board.in(base + 0x206, 1);
    }

    void control(int value) {
        board.out(base + 0x206, 1, value);
    }

    /** Registers of a 28-bit command, LBA bit set, and the command. */
    void command(int command, int features, int count, long lba) {
        out(1, features);
        out(2, count);
        out(3, (int) lba & 0xff);
        out(4, (int) (lba >>> 8) & 0xff);
        out(5, (int) (lba >>> 16) & 0xff);
        out(6, 0xe0 | device << 4 | (int) (lba >>> 24) & 0xf);
        out(7, command);
    }

    /** Registers of a 48-bit command, and the command. */
    void commandExt(int command, int features, int count, long lba) {
        out(1, features >>> 8);
        out(1, features & 0xff);
        out(2, count >>> 8);
        out(2, count & 0xff);
        for (int i = 0; i < 3; i++) {
            out(3 + i, (int) (lba >>> 24 + 8 * i) & 0xff);
            out(3 + i, (int) (lba >>> 8 * i) & 0xff);
        }
        out(6, 0x40 | device << 4);
        out(7, command);
    }

    /** Lets time pass until the drive is not busy; returns the status without acknowledging the interrupt. */
    int await() {
        for (int i = 0; i < 1000 && (alternateStatus() & 0x80) != 0; i++) {
            if (!board.advanceToNext()) {
                break;
            }
        }
        return alternateStatus();
    }

    byte[] pioIn(int bytes) {
        byte[] b = new byte[bytes];
        for (int i = 0; i < bytes; i += 2) {
            int v = (int) board.in(base, 2);
            b[i] = (byte) v;
            if (i + 1 < bytes) {
                b[i + 1] = (byte) (v >>> 8);
            }
        }
        return b;
    }

    void pioOut(byte[] b) {
        for (int i = 0; i < b.length; i += 2) {
            board.out(base, 2, b[i] & 0xff | (b[i + 1] & 0xff) << 8);
        }
    }

    /** Writes a table of regions: address, length, address, length and so on; the last is marked. */
    void table(long... regions) {
        for (int i = 0; i < regions.length; i += 2) {
            board.memory().write32(PRD + 4 * i, (int) regions[i]);
            board.memory().write32(PRD + 4 * i + 4,
                    (int) regions[i + 1] & 0xffff | (i + 2 == regions.length ? 0x8000_0000 : 0));
        }
    }

    /** Starts the bus master on the table. */
    void start(boolean toMemory) {
        board.out(bm + 4, 4, PRD);
        board.out(bm + 2, 1, 6);
        board.out(bm, 1, toMemory ? 8 : 0);
        board.out(bm, 1, toMemory ? 9 : 1);
    }

    void stop() {
        board.out(bm, 1, 0);
    }

    int bmStatus() {
        return (int) board.in(bm + 2, 1) & 7;
    }

    byte[] memory(long gpa, int bytes) {
        byte[] b = new byte[bytes];
        board.memory().read(gpa, b, 0, bytes);
        return b;
    }

    void setMemory(long gpa, byte[] b) {
        board.memory().write(gpa, b, 0, b.length);
    }

    /** Sends a packet; the drive is then busy. */
    void packet(boolean dma, int limit, int... bytes) {
        out(1, dma ? 1 : 0);
        out(4, limit & 0xff);
        out(5, limit >>> 8);
        out(6, 0xa0 | device << 4);
        out(7, 0xa0);
        await();
        byte[] p = new byte[12];
        for (int i = 0; i < bytes.length; i++) {
            p[i] = (byte) bytes[i];
        }
        pioOut(p);
    }

    static int word(byte[] b, int n) {
        return b[2 * n] & 0xff | (b[2 * n + 1] & 0xff) << 8;
    }

    @Override
    public void close() {
        board.close();
    }
}

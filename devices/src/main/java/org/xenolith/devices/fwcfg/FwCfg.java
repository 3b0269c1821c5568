package org.xenolith.devices.fwcfg;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.memory.GuestMemory;

/**
 * QEMU's firmware configuration device (QEMU: docs/specs/fw_cfg.rst): items by a 16-bit selector at port 510h, read byte by byte at 511h or
 * by DMA through ports 514h to 51Bh; files are items with names.
 *
 * <p>Items are read-only. Everything is little-endian but the file directory and the DMA interface.
 */
public final class FwCfg implements Device, PortHandler {
    /** Item numbers that firmware asks for. */
    public static final int NB_CPUS = 0x05;
    public static final int MAX_CPUS = 0x0f;
    public static final int RAM_SIZE = 0x03;
    public static final int BOOT_MENU = 0x0e;
    public static final int IRQ0_OVERRIDE = 0x8002;
    public static final int NO_GRAPHIC = 0x04;

    private static final int SELECTOR_PORT = 0x510;
    private static final int DATA_PORT = 0x511;
    private static final int DMA_PORT = 0x514;
    private static final int SIGNATURE = 0x00;
    private static final int ID = 0x01;
    private static final int FILE_DIRECTORY = 0x19;
    private static final int FIRST_FILE = 0x20;
    private static final int FILE_ENTRY = 64;
    private static final int NAME_LENGTH = 56;
    /** The traditional interface and DMA. */
    private static final int FEATURES = 3;

    private static final int DMA_ERROR = 1;
    private static final int DMA_READ = 2;
    private static final int DMA_SKIP = 4;
    private static final int DMA_SELECT = 8;
    private static final int DMA_WRITE = 16;
    private static final int CHUNK = 64 << 10;

    private final Board board;
    private final Map<Integer, Supplier<byte[]>> items = new TreeMap<>();
    private final Map<String, Supplier<byte[]>> files = new TreeMap<>();
    private byte[] selected = {};
    private int offset;
    private long dmaHigh;

    public FwCfg(Board board) {
        this.board = board;
        put(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        put(ID, number(FEATURES, 4));
        board.ports().map(SELECTOR_PORT, 2, this);
        board.ports().map(DMA_PORT, 8, this);
        buildDirectory();
    }

    /** An item whose value is a number of 2, 4 or 8 bytes. */
    public void put(int item, long value, int bytes) {
        put(item, number(value, bytes));
    }

    public void put(int item, byte[] data) {
        items.put(item, () -> data);
    }

    /**
     * A file.
     *
     * @param name at most 55 ASCII characters, such as {@code etc/e820}
     */
    public void file(String name, byte[] data) {
        file(name, () -> data);
    }

    /**
     * A file whose content is asked for whenever the guest selects it; its length never changes.
     *
     * @param name at most 55 ASCII characters
     */
    public void file(String name, Supplier<byte[]> data) {
        if (name.length() >= NAME_LENGTH) {
            throw new IllegalArgumentException("the name of a fw_cfg file has at most 55 characters: " + name);
        }
        files.put(name, data);
        buildDirectory();
    }

    /** Little-endian. */
    public static byte[] number(long value, int bytes) {
        byte[] b = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            b[i] = (byte) (value >>> 8 * i);
        }
        return b;
    }

    private void buildDirectory() {
        byte[] d = new byte[4 + FILE_ENTRY * files.size()];
        big(d, 0, files.size(), 4);
        int at = 4;
        int key = FIRST_FILE;
        for (Map.Entry<String, Supplier<byte[]>> f : files.entrySet()) {
            big(d, at, f.getValue().get().length, 4);
            big(d, at + 4, key, 2);
            byte[] name = f.getKey().getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(name, 0, d, at + 8, name.length);
            items.put(key++, f.getValue());
            at += FILE_ENTRY;
        }
        put(FILE_DIRECTORY, d);
    }

    private static void big(byte[] to, int at, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            to[at + i] = (byte) (value >>> 8 * (bytes - 1 - i));
        }
    }

    private void select(int item) {
        Supplier<byte[]> data = items.get(item);
        selected = data == null ? new byte[0] : data.get();
        offset = 0;
    }

    private int next() {
        return offset < selected.length ? selected[offset++] & 0xff : 0;
    }

    @Override
    public long in(int port, int size) {
        if (port >= DMA_PORT) {
            // a signature tells that DMA is there
            byte[] signature = "QEMU CFG".getBytes(StandardCharsets.US_ASCII);
            long v = 0;
            for (int i = 0; i < size; i++) {
                v |= (signature[port - DMA_PORT + i] & 0xffL) << 8 * i;
            }
            return v;
        }
        return port == DATA_PORT && size == 1 ? next() : 0;
    }

    @Override
    public void out(int port, int size, long value) {
        if (port == SELECTOR_PORT && size == 2) {
            select((int) value);
        } else if (port == DMA_PORT && size == 4) {
            dmaHigh = Integer.toUnsignedLong(Integer.reverseBytes((int) value));
        } else if (port == DMA_PORT + 4 && size == 4) {
            long gpa = dmaHigh << 32 | Integer.toUnsignedLong(Integer.reverseBytes((int) value));
            dmaHigh = 0;
            dma(gpa);
        } else if (port >= DMA_PORT) {
            board.unimplemented().accept("fw_cfg:dma-address-size");
        }
    }

    /** The descriptor: control, length, address, all big-endian; control is written last, and is then 0 or the error bit. */
    private void dma(long gpa) {
        GuestMemory memory = board.memory();
        byte[] d = new byte[16];
        if (!memory.tryRead(gpa, d, 0, 16)) {
            return;
        }
        int control = (int) bigAt(d, 0, 4);
        long left = bigAt(d, 4, 4);
        long to = bigAt(d, 8, 8);
        if ((control & DMA_SELECT) != 0) {
            select(control >>> 16);
        }
        boolean ok = true;
        if ((control & DMA_READ) != 0) {
            ok = copy(memory, to, left);
        } else if ((control & DMA_WRITE) != 0) {
            board.unimplemented().accept("fw_cfg:write");
            ok = false;
        } else if ((control & DMA_SKIP) != 0) {
            offset = (int) Math.min(selected.length, offset + left);
        }
        byte[] result = new byte[4];
        big(result, 0, ok ? 0 : DMA_ERROR, 4);
        memory.tryWrite(gpa, result, 0, 4);
    }

    /** Beyond the end of an item there are zeroes. */
    private boolean copy(GuestMemory memory, long gpa, long length) {
        byte[] chunk = new byte[(int) Math.min(CHUNK, length)];
        for (long done = 0; done < length;) {
            int n = (int) Math.min(chunk.length, length - done);
            int have = Math.min(n, selected.length - offset);
            System.arraycopy(selected, offset, chunk, 0, have);
            Arrays.fill(chunk, have, n, (byte) 0);
            if (!memory.tryWrite(gpa + done, chunk, 0, n)) {
                return false;
            }
            offset += have;
            done += n;
        }
        return true;
    }

    private static long bigAt(byte[] from, int at, int bytes) {
        long v = 0;
        for (int i = 0; i < bytes; i++) {
            v = v << 8 | from[at + i] & 0xff;
        }
        return v;
    }

    @Override
    public void reset() {
        select(SIGNATURE);
        dmaHigh = 0;
    }
}

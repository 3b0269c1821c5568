package org.xenolith.devices.chipset;

import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.memory.GuestMemory;

/**
 * 82441FX PCI and memory controller, the host bridge of the 440FX (Intel 290549): shadow RAM by PAM registers, the SMRAM register. There is no
 * SMM, and no RAM behind the VGA's window for it: D_OPEN only reads back, and is reported.
 */
public final class HostBridge extends PciFunction {
    private static final int PAM = 0x59;
    private static final int PAMS = 7;
    private static final int SMRAM = 0x72;
    private static final int D_OPEN = 1 << 6;
    private static final int D_LCK = 1 << 4;
    private static final int READ = 1;
    private static final int WRITE = 2;

    private static final int SHADOW = 0xc_0000;
    private static final int SHADOW_BYTES = 0x4_0000;
    private static final int SEGMENT = 0x4000;
    private static final int SEGMENTS = SHADOW_BYTES / SEGMENT;
    private static final int FIRST_ROM_SEGMENT = 8;

    private final SystemRom rom;
    private final int[] attributes = new int[SEGMENTS];
    /** SMRAM after D_LCK was set, or -1. */
    private int locked = -1;

    /**
     * @param rom firmware; or null for a machine without, where the whole of RAM shows from the start
     */
    public HostBridge(Board board, SystemRom rom) {
        super(board, new PciIdentity(0x8086, 0x1237, 2, 0x06_0000, 0x1af4, 0x1100));
        this.rom = rom;
        init(COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER, 1 << 8);
        init(STATUS, 2, 0x0280, 0);
        for (int i = 0; i < PAMS; i++) {
            int all = i == 0 ? 0x30 : 0x33;
            init(PAM + i, 1, rom == null ? all : 0, all);
        }
        init(SMRAM, 1, 2, 0x78);
        board.mmio().map(SHADOW, SHADOW_BYTES, new WriteShadow());
        for (int s = 0; s < SEGMENTS; s++) {
            apply(s, configured(s));
        }
    }

    /** A segment of 16 KiB from C0000h: the read and write enable bits. */
    private int configured(int segment) {
        if (segment >= SEGMENTS - 4) {
            return config8(PAM) >>> 4 & 3;
        }
        return config8(PAM + 1 + segment / 2) >>> 4 * (segment & 1) & 3;
    }

    private void apply(int segment, int attribute) {
        attributes[segment] = attribute;
        long gpa = SHADOW + (long) segment * SEGMENT;
        if ((attribute & READ) != 0) {
            board.windows().restore(gpa, SEGMENT, (attribute & WRITE) != 0);
        } else if (rom != null && segment >= FIRST_ROM_SEGMENT) {
            rom.showLow(gpa, SEGMENT);
        } else {
            board.windows().hide(gpa, SEGMENT);
        }
    }

    private void update() {
        for (int s = 0; s < SEGMENTS; s++) {
            if (configured(s) != attributes[s]) {
                apply(s, configured(s));
            }
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        if (locked >= 0) {
            setConfig(SMRAM, 1, locked);
        } else if ((config8(SMRAM) & D_LCK) != 0) {
            // D_LCK closes the memory, and the register, until reset
            locked = config8(SMRAM) & ~D_OPEN;
            setConfig(SMRAM, 1, locked);
        } else if (offset <= SMRAM && offset + size > SMRAM && (config8(SMRAM) & D_OPEN) != 0) {
            board.unimplemented().accept("82441fx:smram");
        }
        update();
    }

    @Override
    public void reset() {
        super.reset();
        locked = -1;
        update();
    }

    /** Writes to segments that read from ROM or PCI: those with write enable go to the RAM behind. */
    private final class WriteShadow implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return -1L;
        }

        @Override
        public void write(long offset, int size, long value) {
            int segment = (int) offset / SEGMENT;
            if (attributes[segment] != WRITE) {
                return;
            }
            GuestMemory memory = board.memory();
            byte[] bytes = new byte[size];
            for (int i = 0; i < size; i++) {
                bytes[i] = (byte) (value >>> 8 * i);
            }
            board.windows().restore(SHADOW + (long) segment * SEGMENT, SEGMENT, true);
            memory.tryWrite(SHADOW + offset, bytes, 0, size);
            apply(segment, WRITE);
        }
    }
}

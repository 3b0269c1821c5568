package org.xenolith.devices.ide;

/**
 * An ATAPI CD-ROM drive (ATA/ATAPI-7 volume 1, PACKET feature set): the protocol by which packets and their data go.
 */
final class AtapiCdrom extends IdeDrive {
    private static final int PACKET_BYTES = 12;

    // interrupt reason, in the sector count register
    private static final int REASON_COMMAND = 1;
    private static final int REASON_IN = 2;

    private final CdTray tray;
    private final CdCommands commands;
    private final TransferModes modes = new TransferModes();
    private final byte[] packet = new byte[PACKET_BYTES];
    private boolean identifies;
    private boolean dma;
    private int limit;
    /** Bytes in the buffer that belong to the command's data. */
    private int loaded;

    AtapiCdrom(IdeChannel channel, CdTray tray) {
        super(channel);
        this.tray = tray;
        this.commands = new CdCommands(tray, buffer);
    }

    @Override
    boolean packet() {
        return true;
    }

    @Override
    void signature() {
        task.signature(0x14, 0xeb);
        error = 1;
        status = 0;
        commands.reset();
    }

    @Override
    void powerOn() {
        tray.reset();
        modes.reset();
    }

    @Override
    long bytesLeft() {
        return loaded + commands.blocksLeft() * CdTray.BLOCK;
    }

    @Override
    void execute(int command) {
        identifies = false;
        switch (command) {
            case 0xa0 -> beginPacket();
            case 0xa1 -> {
                identify();
                identifies = true;
                loaded = IdentifyData.BYTES;
                transfer(Mode.PIO_IN, COMMAND_NS);
            }
            case DEVICE_RESET -> {
                stop();
                after(RESET_NS, this::signature);
            }
            case 0xef -> after(COMMAND_NS, this::setFeatures);
            case 0xe5 -> after(COMMAND_NS, () -> {
                task.set(TaskFile.COUNT, 0xff);
                done();
            });
            case 0xe0, 0xe1, 0xe2, 0xe3, 0xe6 -> after(COMMAND_NS, this::done);
            // IDENTIFY DEVICE and READ SECTORS tell what kind of drive this is
            case 0xec, 0x20 -> after(COMMAND_NS, () -> {
                task.signature(0x14, 0xeb);
                fail(ABRT);
            });
            default -> after(COMMAND_NS, () -> fail(ABRT));
        }
    }

    private void setFeatures() {
        boolean ok = switch (task.read(TaskFile.FEATURES)) {
            case 0x03 -> modes.set(task.read(TaskFile.COUNT));
            case 0xcc, 0x66 -> true;
            default -> false;
        };
        if (ok) {
            done();
        } else {
            fail(ABRT);
        }
    }

    private void identify() {
        IdentifyData d = new IdentifyData(buffer);
        // CD-ROM, removable, DRQ within 50 us of PACKET, packets of 12 bytes
        d.word(0, 0x85c0);
        d.names("XL00000000000000CDRM", "Xenolith CD-ROM");
        d.word(53, 6);
        modes.describe(d);
        // NOP, DEVICE RESET, PACKET
        d.word(82, 0x4210);
        d.word(83, 0x4000);
        d.word(84, 0x4000);
        d.word(85, 0x4210);
        d.word(86, 0);
        d.word(87, 0x4000);
        d.seal();
    }

    // ---- packets ----

    private void beginPacket() {
        int features = task.read(TaskFile.FEATURES);
        if ((features & 2) != 0) {
            // overlapped commands
            after(COMMAND_NS, () -> fail(ABRT));
            return;
        }
        dma = (features & 1) != 0;
        limit = task.read(TaskFile.MID) | task.read(TaskFile.HIGH) << 8;
        mode = Mode.PIO_OUT;
        at = 0;
        end = PACKET_BYTES;
        task.set(TaskFile.COUNT, REASON_COMMAND);
        status = DRDY | DRQ;
    }

    @Override
    void received() {
        System.arraycopy(buffer, 0, packet, 0, PACKET_BYTES);
        String unbuilt = CdCommands.unbuilt(packet[0] & 0xff);
        if (unbuilt != null) {
            channel.unimplemented(unbuilt);
        }
        int n = commands.execute(packet);
        loaded = Math.max(0, n);
        if (n < 0) {
            after(COMMAND_NS, this::check);
        } else if (n == 0 && commands.blocksLeft() == 0) {
            after(COMMAND_NS, this::complete);
        } else if (dma) {
            transfer(Mode.DMA_IN, 0);
        } else if ((limit & 0xfffe) == 0) {
            // no room for a byte
            after(COMMAND_NS, () -> fail(ABRT));
        } else {
            transfer(Mode.PIO_IN, COMMAND_NS);
        }
    }

    @Override
    boolean nextBlock() {
        if (end == loaded) {
            at = 0;
            end = 0;
            if (identifies) {
                status = DRDY | DSC;
                return false;
            }
            loaded = commands.readBlocks();
            if (loaded <= 0) {
                int n = loaded;
                loaded = 0;
                if (n == 0) {
                    complete();
                } else {
                    check();
                }
                return false;
            }
        }
        at = end;
        if (mode == Mode.DMA_IN || identifies) {
            end = loaded;
            return true;
        }
        // only the last block may be odd
        int n = loaded - at <= limit ? loaded - at : limit & 0xfffe;
        end = at + n;
        task.set(TaskFile.COUNT, REASON_IN);
        task.set(TaskFile.MID, n);
        task.set(TaskFile.HIGH, n >>> 8);
        return true;
    }

    private void complete() {
        task.set(TaskFile.COUNT, REASON_COMMAND | REASON_IN);
        done();
    }

    private void check() {
        task.set(TaskFile.COUNT, REASON_COMMAND | REASON_IN);
        fail(commands.sense().key() << 4 | ABRT);
    }
}

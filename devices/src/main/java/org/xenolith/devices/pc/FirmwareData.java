package org.xenolith.devices.pc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.xenolith.devices.fwcfg.FwCfg;
import org.xenolith.devices.timer.Rtc;

/** What firmware of a PC reads about its machine, from CMOS memory (as SeaBIOS and older BIOSes have it) and from fw_cfg. */
final class FirmwareData {
    private static final long MIB = 1 << 20;
    private static final long FOUR_GIB = 1L << 32;
    private static final int RAM = 1;

    private FirmwareData() {
    }

    static void describe(PcConfig config, Rtc rtc, FwCfg fwCfg) {
        cmos(config, rtc);
        fwCfg.put(FwCfg.RAM_SIZE, config.lowMemory() + config.highMemory(), 8);
        fwCfg.put(FwCfg.NO_GRAPHIC, 0, 2);
        fwCfg.put(FwCfg.NB_CPUS, config.cpus(), 2);
        fwCfg.put(FwCfg.MAX_CPUS, config.cpus(), 2);
        fwCfg.put(FwCfg.BOOT_MENU, 0, 2);
        fwCfg.put(FwCfg.IRQ0_OVERRIDE, 1, 1);
        fwCfg.file("etc/e820", e820(config));
        // S3 and S4 are not offered, S5 is
        fwCfg.file("etc/system-states", new byte[]{(byte) 0x80, 0, 0, 1, 2, (byte) 0x80});
    }

    private static byte[] e820(PcConfig config) {
        boolean high = config.highMemory() > 0;
        ByteBuffer b = ByteBuffer.allocate(high ? 40 : 20).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0).putLong(config.lowMemory()).putInt(RAM);
        if (high) {
            b.putLong(FOUR_GIB).putLong(config.highMemory()).putInt(RAM);
        }
        return b.array();
    }

    private static void cmos(PcConfig config, Rtc rtc) {
        // a mouse, and a coprocessor
        rtc.setNvram(0x14, 6);
        word(rtc, 0x15, 640);
        long extended = Math.clamp((config.lowMemory() - MIB) / 1024, 0, 63 * 1024);
        word(rtc, 0x17, extended);
        word(rtc, 0x30, extended);
        word(rtc, 0x34, Math.max(0, config.lowMemory() - 16 * MIB) >>> 16);
        long high = config.highMemory() >>> 16;
        word(rtc, 0x5b, high & 0xffff);
        rtc.setNvram(0x5d, (int) (high >>> 16) & 0xff);
        rtc.setNvram(0x5f, config.cpus() - 1);
        int[] boot = new int[3];
        for (int i = 0; i < config.bootOrder().length(); i++) {
            boot[i] = "acdn".indexOf(config.bootOrder().charAt(i)) + 1;
        }
        rtc.setNvram(0x3d, boot[1] << 4 | boot[0]);
        // bit 0: a floppy's signature is not asked for
        rtc.setNvram(0x38, boot[2] << 4 | 1);
    }

    private static void word(Rtc rtc, int at, long value) {
        rtc.setNvram(at, (int) value & 0xff);
        rtc.setNvram(at + 1, (int) (value >>> 8) & 0xff);
    }
}

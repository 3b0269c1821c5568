package org.xenolith.devices.vga;

import java.util.Arrays;
import org.xenolith.bus.PortHandler;
import org.xenolith.time.VirtualClock;

/**
 * The registers of a VGA at ports 3B0h to 3DFh (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem): general, sequencer, CRT
 * controller, graphics controller, attribute controller and digital-to-analog converter. The vertical interrupt is not connected, as on PCI
 * adapters. Index values without a register read as 0.
 */
final class VgaRegisters implements PortHandler.Bytes {
    static final int FIRST_PORT = 0x3b0;
    static final int PORTS = 0x30;

    private static final int SEQUENCER = 8;
    private static final int CRTC = 0x19;
    private static final int GRAPHICS = 9;
    private static final int ATTRIBUTE = 0x15;
    /** Bits that exist, by index. */
    private static final int[] SEQUENCER_BITS = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff};
    private static final int[] GRAPHICS_BITS = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};

    private final VirtualClock clock;
    private final int[] sequencer = new int[SEQUENCER];
    private final int[] crtc = new int[CRTC];
    private final int[] graphics = new int[GRAPHICS];
    private final int[] attribute = new int[ATTRIBUTE];
    private final int[] dac = new int[768];
    private int misc;
    private int feature;
    private int enable;
    private int sequencerIndex;
    private int crtcIndex;
    private int graphicsIndex;
    private int attributeIndex;
    private boolean attributeData;
    private int dacMask;
    private int dacRead;
    private int dacWrite;
    private int dacState;
    private int dacComponent;
    private boolean wideDac;
    private long generation;

    VgaRegisters(VirtualClock clock) {
        this.clock = clock;
        reset();
    }

    /** The state after power-on: color addresses, memory enabled, all else 0. */
    void reset() {
        Arrays.fill(sequencer, 0);
        Arrays.fill(crtc, 0);
        Arrays.fill(graphics, 0);
        Arrays.fill(attribute, 0);
        Arrays.fill(dac, 0);
        misc = 0x03;
        feature = 0;
        enable = 1;
        sequencerIndex = 0;
        crtcIndex = 0;
        graphicsIndex = 0;
        attributeIndex = 0;
        attributeData = false;
        dacMask = 0xff;
        dacRead = 0;
        dacWrite = 0;
        dacState = 0;
        dacComponent = 0;
        wideDac = false;
        generation++;
    }

    // ---- what the rest of the adapter asks ----

    int sequencer(int index) {
        return sequencer[index];
    }

    int crtc(int index) {
        return crtc[index];
    }

    int graphics(int index) {
        return graphics[index];
    }

    int attribute(int index) {
        return attribute[index];
    }

    int misc() {
        return misc;
    }

    /** Counts writes that may change what the screen shows. */
    long generation() {
        return generation;
    }

    /** Whether the adapter answers in A0000h to BFFFFh. */
    boolean memoryEnabled() {
        return (misc & 2) != 0 && (enable & 1) != 0;
    }

    /** Whether the screen is dark: palette under the processor's control, or screen off. */
    boolean blank() {
        return (attributeIndex & 0x20) == 0 || (sequencer[1] & 0x20) != 0;
    }

    /** Components of 8 bits in place of 6 (VBE). */
    void setWideDac(boolean wide) {
        wideDac = wide;
        generation++;
    }

    /** The color {@code FFrrggbb} of a pixel value of 8 bits, through the mask. */
    int color(int pixel) {
        int i = 3 * (pixel & dacMask);
        return 0xff00_0000 | component(dac[i]) << 16 | component(dac[i + 1]) << 8 | component(dac[i + 2]);
    }

    private int component(int v) {
        return wideDac ? v : (v & 0x3f) << 2 | (v & 0x3f) >>> 4;
    }

    /** Dots of a character clock: 8, or 9 in text modes that ask for it. */
    int dotsPerCharacter() {
        return (sequencer[1] & 1) != 0 ? 8 : 9;
    }

    /** Scan lines shown, 1 to 1024. */
    int verticalDisplayEnd() {
        return (crtc[0x12] | (crtc[7] & 2) << 7 | (crtc[7] & 0x40) << 3) + 1;
    }

    /** Characters shown in a line, 1 to 256. */
    int horizontalDisplayEnd() {
        return crtc[1] + 1;
    }

    /** The last scan line above the split, 0 to 1023. */
    int lineCompare() {
        return crtc[0x18] | (crtc[7] & 0x10) << 4 | (crtc[9] & 0x40) << 3;
    }

    /** The linear counter at the start of the screen. */
    int startAddress() {
        return crtc[0x0c] << 8 | crtc[0x0d];
    }

    VgaTiming timing() {
        return VgaTiming.of(this);
    }

    // ---- ports ----

    @Override
    public int in8(int port) {
        if (elsewhere(port) || (enable & 1) == 0 && port != 0x3c3) {
            return 0xff;
        }
        return switch (port) {
            case 0x3c0 -> attributeIndex;
            case 0x3c1 -> (attributeIndex & 0x1f) < ATTRIBUTE ? attribute[attributeIndex & 0x1f] : 0;
            // switch sense: a monitor is there
            case 0x3c2 -> 0x10;
            case 0x3c3 -> enable;
            case 0x3c4 -> sequencerIndex;
            case 0x3c5 -> sequencerIndex < SEQUENCER ? sequencer[sequencerIndex] : 0;
            case 0x3c6 -> dacMask;
            case 0x3c7 -> dacState;
            case 0x3c8 -> dacWrite;
            case 0x3c9 -> readDac();
            case 0x3ca -> feature;
            case 0x3cc -> misc;
            case 0x3ce -> graphicsIndex;
            case 0x3cf -> graphicsIndex < GRAPHICS ? graphics[graphicsIndex] : 0;
            case 0x3b4, 0x3d4 -> crtcIndex;
            case 0x3b5, 0x3d5 -> crtcIndex < CRTC ? crtc[crtcIndex] : 0;
            case 0x3ba, 0x3da -> {
                attributeData = false;
                yield timing().status(clock.now());
            }
            default -> 0xff;
        };
    }

    @Override
    public void out8(int port, int value) {
        if (elsewhere(port) || (enable & 1) == 0 && port != 0x3c3) {
            return;
        }
        switch (port) {
            case 0x3c0 -> writeAttribute(value);
            case 0x3c2 -> {
                misc = value & 0xef;
                generation++;
            }
            case 0x3c3 -> enable = value & 1;
            case 0x3c4 -> sequencerIndex = value;
            case 0x3c5 -> {
                if (sequencerIndex < SEQUENCER) {
                    sequencer[sequencerIndex] = value & SEQUENCER_BITS[sequencerIndex];
                    generation++;
                }
            }
            case 0x3c6 -> {
                dacMask = value;
                generation++;
            }
            case 0x3c7 -> {
                dacRead = value;
                dacState = 3;
                dacComponent = 0;
            }
            case 0x3c8 -> {
                dacWrite = value;
                dacState = 0;
                dacComponent = 0;
            }
            case 0x3c9 -> writeDac(value);
            case 0x3ce -> graphicsIndex = value;
            case 0x3cf -> {
                if (graphicsIndex < GRAPHICS) {
                    graphics[graphicsIndex] = value & GRAPHICS_BITS[graphicsIndex];
                    generation++;
                }
            }
            case 0x3b4, 0x3d4 -> crtcIndex = value;
            case 0x3b5, 0x3d5 -> writeCrtc(value);
            case 0x3ba, 0x3da -> feature = value & 0x0b;
            default -> {
                // read-only, or nothing there
            }
        }
    }

    /** CRT controller and status answer at 3Bxh or 3Dxh, as bit 0 of the miscellaneous output register says. */
    private boolean elsewhere(int port) {
        return (misc & 1) != 0 ? port < 0x3c0 : port >= 0x3d0;
    }

    private void writeAttribute(int value) {
        if (!attributeData) {
            attributeIndex = value & 0x3f;
            generation++;
        } else if ((attributeIndex & 0x1f) < ATTRIBUTE) {
            attribute[attributeIndex & 0x1f] = (attributeIndex & 0x1f) < 16 ? value & 0x3f : value;
            generation++;
        }
        attributeData = !attributeData;
    }

    private void writeCrtc(int value) {
        if (crtcIndex >= CRTC) {
            return;
        }
        if (crtcIndex <= 7 && (crtc[0x11] & 0x80) != 0) {
            // protected; only the line compare bit of the overflow register can be written
            if (crtcIndex == 7) {
                crtc[7] = crtc[7] & ~0x10 | value & 0x10;
                generation++;
            }
            return;
        }
        crtc[crtcIndex] = value;
        generation++;
    }

    private int readDac() {
        int v = dac[3 * dacRead + dacComponent];
        if (++dacComponent == 3) {
            dacComponent = 0;
            dacRead = dacRead + 1 & 0xff;
        }
        return v;
    }

    private void writeDac(int value) {
        dac[3 * dacWrite + dacComponent] = wideDac ? value : value & 0x3f;
        if (++dacComponent == 3) {
            dacComponent = 0;
            dacWrite = dacWrite + 1 & 0xff;
        }
        generation++;
    }
}

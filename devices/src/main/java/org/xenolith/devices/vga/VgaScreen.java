package org.xenolith.devices.vga;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenolith.time.VirtualClock;

/** The picture that a {@link StdVga} puts out. */
final class VgaScreen implements Screen {
    /** The dark screen's size. */
    private static final int BLANK_WIDTH = 640;
    private static final int BLANK_HEIGHT = 400;
    private static final int BLACK = 0xff00_0000;

    private final VgaRegisters registers;
    private final Dispi dispi;
    private final VideoMemory memory;
    private final VirtualClock clock;
    private final Scanout scanout;
    private final TextMode text;
    private final GraphicsMode graphics;
    private final LinearMode linear;

    VgaScreen(VgaRegisters registers, Dispi dispi, VideoMemory memory, VirtualClock clock) {
        this.registers = registers;
        this.dispi = dispi;
        this.memory = memory;
        this.clock = clock;
        scanout = new Scanout(registers);
        text = new TextMode(registers, memory, scanout);
        graphics = new GraphicsMode(registers, memory, scanout);
        linear = new LinearMode(registers, dispi, memory);
    }

    private enum Kind {
        BLANK, TEXT, GRAPHICS, LINEAR
    }

    private Kind kind() {
        if (registers.blank()) {
            return Kind.BLANK;
        }
        if (dispi.enabled()) {
            return Kind.LINEAR;
        }
        return (registers.graphics(6) & 1) != 0 ? Kind.GRAPHICS : Kind.TEXT;
    }

    @Override
    public int width() {
        return switch (kind()) {
            case BLANK -> BLANK_WIDTH;
            case TEXT -> registers.horizontalDisplayEnd() * registers.dotsPerCharacter();
            case GRAPHICS -> graphics.width();
            case LINEAR -> dispi.width();
        };
    }

    @Override
    public int height() {
        return switch (kind()) {
            case BLANK -> BLANK_HEIGHT;
            case LINEAR -> dispi.height();
            default -> scanout.height();
        };
    }

    @Override
    public String mode() {
        return switch (kind()) {
            case BLANK -> "blank";
            case TEXT -> "text " + columns() + "x" + text.rows();
            case GRAPHICS -> "graphics " + width() + "x" + height() + ", " + graphics.colors() + " colors";
            case LINEAR -> "graphics " + width() + "x" + height() + ", " + dispi.depth() + " bits";
        };
    }

    @Override
    public void render(int[] argb, int first, int rows) {
        int last = Math.min(height(), first + rows);
        int width = width();
        for (int y = first; y < last; y++) {
            int at = (y - first) * width;
            switch (kind()) {
                case BLANK -> Arrays.fill(argb, at, at + width, BLACK);
                case TEXT -> text.line(y, argb, at, width, frame());
                case GRAPHICS -> graphics.line(y, argb, at, width);
                case LINEAR -> linear.line(y, argb, at);
            }
        }
    }

    /** Frames since power-on; cursor and blinking count in them. */
    private long frame() {
        return clock.now() / registers.timing().frameNs();
    }

    @Override
    public List<String> text() {
        int[] cells = cells();
        int columns = columns();
        List<String> lines = new ArrayList<>();
        for (int at = 0; at < cells.length; at += columns) {
            StringBuilder line = new StringBuilder(columns);
            for (int x = 0; x < columns; x++) {
                line.append(Cp437.character(cells[at + x]));
            }
            lines.add(line.toString());
        }
        return lines;
    }

    @Override
    public int[] cells() {
        return kind() == Kind.TEXT ? text.cells() : new int[0];
    }

    @Override
    public int columns() {
        return kind() == Kind.TEXT ? registers.horizontalDisplayEnd() : 0;
    }

    @Override
    public int cursor() {
        return kind() == Kind.TEXT ? text.cursorCell() : -1;
    }

    @Override
    public long version() {
        Kind k = kind();
        long v = (registers.generation() * 31 + dispi.generation()) * 31 + k.ordinal();
        return switch (k) {
            case BLANK -> v;
            case TEXT -> (v * 31 + memory.generation()) * 31 + TextMode.phase(frame());
            case GRAPHICS -> v * 31 + memory.generation();
            case LINEAR -> v * 31 + linear.hash();
        };
    }
}

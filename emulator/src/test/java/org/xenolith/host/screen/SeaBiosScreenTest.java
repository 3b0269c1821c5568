package org.xenolith.host.screen;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.BlockBackend;
import org.xenolith.devices.Board;
import org.xenolith.devices.CharBackend;
import org.xenolith.devices.ide.IdeController;
import org.xenolith.devices.input.TypedKeys;
import org.xenolith.devices.pc.BareMemory;
import org.xenolith.devices.pc.Pc;
import org.xenolith.devices.pc.PcConfig;
import org.xenolith.devices.pc.PcEvents;
import org.xenolith.devices.vga.Screen;
import org.xenolith.devices.vga.StdVga;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/**
 * SeaBIOS (Debian's package seabios) starts a boot sector that writes on the screen what is typed: keys arrive in the guest, and what it writes is
 * seen in text memory and in a screenshot.
 */
@Timeout(300)
final class SeaBiosScreenTest {
    private static final Path FOLDER = Path.of("/usr/share/seabios");
    private static final int RAM = 32 << 20;
    private static final long S = 1_000_000_000;
    /** INT 16h function 0 waits for a key; INT 10h function 0Eh writes it in grey; a carriage return gets a line feed, too. */
    private static final int[] ECHO = {0x31, 0xc0, 0xcd, 0x16, 0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, 0x3c, 0x0d,
        0x75,
        0xf1, 0xb8, 0x0a, 0x0e, 0xcd, 0x10, 0xeb, 0xea};
    /** The letter A in the 8 by 16 font of the VGA. */
    private static final int[] LETTER_A = {0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0,
        0};

    @TempDir
    Path folder;

    private final PhysicalMemory machine = new PhysicalMemory(RAM + (24L << 20));
    private final BareMemory memory = new BareMemory(machine, RAM);
    private final Timers timers = new Timers();
    private long idle;
    private Interpreter interpreter;
    private byte[] vgaBios;
    private Pc pc;
    private Screen screen;

    /** A disk of one track whose first sector is the program. */
    private static final class BootDisk implements BlockBackend {
        private final byte[] content = new byte[63 * SECTOR * 16];

        BootDisk() {
            for (int i = 0; i < ECHO.length; i++) {
                content[i] = (byte) ECHO[i];
            }
            content[510] = 0x55;
            content[511] = (byte) 0xaa;
        }

        @Override
        public long size() {
            return content.length;
        }

        @Override
        public boolean readOnly() {
            return true;
        }

        @Override
        public void read(long offset, byte[] to, int at, int length) {
            System.arraycopy(content, (int) offset, to, at, length);
        }

        @Override
        public void write(long offset, byte[] from, int at, int length) throws IOException {
            throw new IOException("read-only");
        }

        @Override
        public void flush() {
            // nothing was written
        }

        @Override
        public void discard(long offset, long length) throws IOException {
            throw new IOException("read-only");
        }

        @Override
        public void writeZeroes(long offset, long length) throws IOException {
            throw new IOException("read-only");
        }

        @Override
        public void close() {
            // it is in memory
        }
    }

    private final class Events implements PcEvents {
        @Override
        public void reset() {
            throw new AssertionError("the guest resets the PC");
        }

        @Override
        public void powerOff() {
            throw new AssertionError("the guest turns the power off");
        }

        @Override
        public void exit(int code) {
            throw new AssertionError("the guest exits with " + code);
        }

        @Override
        public void a20(boolean open) {
            memory.setA20(open);
        }
    }

    private long now() {
        return idle + (interpreter == null ? 0 : interpreter.retiredNow());
    }

    @BeforeEach
    void start() throws IOException {
        Path bios = FOLDER.resolve("bios-256k.bin");
        Path vga = FOLDER.resolve("vgabios-stdvga.bin");
        assumeTrue(Files.isReadable(bios) && Files.isReadable(vga), () -> FOLDER + " is not there: install seabios");
        vgaBios = Files.readAllBytes(vga);
        Board board = new Board(new PortBus(s -> {}), new MmioBus(s -> {}), memory, memory, timers, this::now, s -> {});
        pc = new Pc(board, new ApicBus(), new PcConfig(1, memory.lowRam(), 0, 0, "c", CharBackend.NONE, null,
                CharBackend.NONE, false), new Events(), Files.readAllBytes(bios));
        screen = pc.add(Pc.VGA, new StdVga(board, vgaBios)).screen();
        pc.add(Pc.IDE, new IdeController(board, pc.line(14), pc.line(15))).attachDisk(0, new BootDisk(), "ECHO");
        CpuEnvironment environment = new CpuEnvironment() {
            @Override
            public long in(Cpu cpu, int port, int size) {
                return board.ports().in(port, size);
            }

            @Override
            public void out(Cpu cpu, int port, int size, long value) {
                board.ports().out(port, size, value);
            }

            @Override
            public long mmioRead(Cpu cpu, long gpa, int size) {
                return board.mmio().read(gpa, size);
            }

            @Override
            public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
                board.mmio().write(gpa, size, value);
            }

            @Override
            public boolean hasExternalInterrupt(Cpu cpu) {
                return pc.pending(cpu.apic());
            }

            @Override
            public int externalInterrupt(Cpu cpu) {
                return pc.acknowledge();
            }
        };
        Cpu cpu = new Cpu(0, 0, CpuModels.parse(CpuModels.DEFAULT), machine, memory, environment, this::now, timers);
        interpreter = new Interpreter(cpu, new CodeCache(machine), InstructionSet.create());
        memory.setListener(() -> cpu.mmu().flushAll());
        timers.setOnChange(cpu::requestAttention);
        pc.reset();
    }

    @AfterEach
    void close() {
        if (interpreter != null) {
            interpreter.cpu().close();
        }
        machine.close();
    }

    private void step(long end) {
        timers.expire(now());
        if (interpreter.runnable()) {
            interpreter.cpu().requestAttention();
            interpreter.run(Math.max(1, Math.min(1_000_000, timers.next() - now())));
        } else {
            idle += Math.max(1, Math.min(timers.next(), end) - now());
        }
    }

    /** Runs until a line of the screen is this text, at most to a virtual time. */
    private void runUntil(String line, long end) {
        for (int rounds = 1; now() < end; rounds++) {
            step(end);
            if (rounds % 64 == 0 && has(line)) {
                return;
            }
        }
        assertTrue(has(line), () -> line + " is not on the screen: " + screen.mode() + " " + screen.text());
    }

    private boolean has(String line) {
        return screen.text().stream().anyMatch(l -> l.stripTrailing().equals(line));
    }

    @Test
    void typed_keys_arrive_and_their_echo_is_in_text_memory_and_in_a_screenshot() throws IOException {
        TypedKeys.of("<wait:3s>Hello, \"World\" {42}~\\n<wait:1s>x<bs>y<shift-z>\\n").start(timers,
                pc.keyboard().keyboard());
        runUntil("yZ", 20 * S);
        assertTrue(has("Hello, \"World\" {42}~"), () -> "" + screen.text());
        Path png = folder.resolve("s.png");
        ScreenFiles.writePng(screen, png);
        List<String> read = lines(ImageIO.read(png.toFile()));
        assertTrue(read.contains("Hello, \"World\" {42}~"), () -> "" + read);
        assertTrue(read.stream().anyMatch(l -> l.startsWith("SeaBIOS (version ")), () -> "" + read);
        Path text = folder.resolve("s.txt");
        assertTrue(ScreenFiles.writeText(screen, text));
        assertEquals(25, Files.readAllLines(text).size());
        assertTrue(Files.readAllLines(text).contains("yZ"));
    }

    private List<String> lines(BufferedImage image) {
        return lines(image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()),
                image.getWidth());
    }

    /** Reads characters of 9 by 16 pixels by comparing them with the font in the VGA BIOS; what is no character is a question mark. */
    private List<String> lines(int[] pixels, int width) {
        int font = font();
        List<String> lines = new ArrayList<>();
        for (int y = 0; y + 16 <= pixels.length / width; y += 16) {
            StringBuilder s = new StringBuilder();
            for (int x = 0; x + 9 <= width; x += 9) {
                s.append(character(pixels, y * width + x, width, font));
            }
            lines.add(s.toString().stripTrailing());
        }
        return lines;
    }

    private char character(int[] pixels, int at, int width, int font) {
        for (int c = 0x20; c < 0x7f; c++) {
            boolean same = true;
            for (int y = 0; y < 16 && same; y++) {
                int bits = 0;
                for (int x = 0; x < 8; x++) {
                    bits = bits << 1 | ((pixels[at + y * width + x] & 0xff_ffff) != 0 ? 1 : 0);
                }
                same = bits == (vgaBios[font + 16 * c + y] & 0xff);
            }
            if (same) {
                return (char) c;
            }
        }
        return '?';
    }

    /** Where the font is in the VGA BIOS. */
    private int font() {
        for (int at = 16 * 'A'; at + 16 <= vgaBios.length; at++) {
            boolean here = true;
            for (int i = 0; i < 16 && here; i++) {
                here = (vgaBios[at + i] & 0xff) == LETTER_A[i];
            }
            if (here) {
                return at - 16 * 'A';
            }
        }
        throw new AssertionError("there is no font in the VGA BIOS");
    }
}

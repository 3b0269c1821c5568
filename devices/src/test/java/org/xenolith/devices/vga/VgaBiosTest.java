package org.xenolith.devices.vga;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.Board;
import org.xenolith.devices.pc.BareMemory;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** SeaBIOS's VGA BIOS of Debian's package seabios sets modes and writes on our adapter, called by programs in real mode. */
final class VgaBiosTest {
    private static final Path BIOS = Path.of("/usr/share/seabios/vgabios-stdvga.bin");
    private static final int DEVFN = 2 << 3;
    private static final long FRAMEBUFFER = 0xe000_0000L;
    private static final int CODE = 0x7c00;
    private static final int BUFFER = 0x9000;

    private final PhysicalMemory machine = new PhysicalMemory(24L << 20);
    private final BareMemory memory = new BareMemory(machine, 4 << 20);
    private final Map<String, Integer> unclaimed = new TreeMap<>();
    private final Timers timers = new Timers();
    private Interpreter interpreter;
    private final Board board = new Board(new PortBus(this::count), new MmioBus(this::count), memory, memory, timers,
            () -> interpreter == null ? 0 : interpreter.retiredNow(), this::count);
    private StdVga vga;

    private void count(String what) {
        unclaimed.merge(what, 1, Integer::sum);
    }

    @BeforeEach
    void start() throws IOException {
        assumeTrue(Files.isReadable(BIOS), () -> BIOS + " is not there: install seabios");
        byte[] rom = Files.readAllBytes(BIOS);
        PciBus bus = new PciBus(board);
        vga = new StdVga(board, rom);
        bus.add(DEVFN, vga);
        vga.reset();
        config(0x10, FRAMEBUFFER);
        config(0x18, 0xf000_0000L);
        config(4, 7);
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
        };
        Cpu cpu = new Cpu(0, 0, CpuModels.parse(CpuModels.DEFAULT), machine, memory, environment, board.clock(),
                timers);
        interpreter = new Interpreter(cpu, new CodeCache(machine), InstructionSet.create());
        memory.setListener(() -> cpu.mmu().flushAll());
        // as a system BIOS: the ROM copied to C0000h, all vectors to an IRET
        memory.write(0xc0000, rom, 0, rom.length);
        memory.write8(0x600, 0xcf);
        for (int vector = 0; vector < 256; vector++) {
            memory.write32(4 * vector, 0x600);
        }
        run(0xb8, DEVFN, 0, 0x9a, 3, 0, 0, 0xc0);
    }

    @AfterEach
    void close() {
        interpreter.cpu().close();
        machine.close();
    }

    private void config(int register, long value) {
        board.ports().out(0xcf8, 4, 0x8000_0000L | DEVFN << 8 | register);
        board.ports().out(0xcfc, 4, value);
    }

    /** Runs code until HLT, which is added, in real mode with data segments of 4 GiB: so SeaBIOS calls its VGA BIOS. */
    private void run(int... code) {
        for (int i = 0; i < code.length; i++) {
            memory.write8(CODE + i, code[i]);
        }
        memory.write8(CODE + code.length, 0xf4);
        Cpu cpu = interpreter.cpu();
        for (int s = 0; s < 6; s++) {
            cpu.setSegment(s, 0, 0, s == CpuState.CS ? 0xffff : 0xffff_ffffL, s == CpuState.CS ? 0x9b : 0x93);
        }
        cpu.setReg(CpuState.RSP, 0x7000);
        cpu.setRip(CODE);
        cpu.setActivity(Cpu.Activity.RUNNING);
        cpu.updateMode();
        long end = interpreter.retiredNow() + 100_000_000;
        // a device access ends a turn
        while (interpreter.runnable() && interpreter.retiredNow() < end) {
            interpreter.run(1_000_000);
        }
        assertTrue(!interpreter.runnable(), () -> "still running at " + Long.toHexString(cpu.rip()));
    }

    /** INT 10h with AX, BX, CX and DX. */
    private int int10(int ax, int bx, int cx, int dx) {
        run(0xb8, ax & 255, ax >> 8, 0xbb, bx & 255, bx >> 8, 0xb9, cx & 255, cx >> 8, 0xba, dx & 255, dx >> 8, 0xbf,
                BUFFER & 255, BUFFER >> 8, 0xcd, 0x10);
        return interpreter.cpu().reg32(CpuState.RAX) & 0xffff;
    }

    private void type(String text) {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        for (byte b : text.getBytes(StandardCharsets.US_ASCII)) {
            code.writeBytes(new byte[]{(byte) 0xb8, b, 0x0e, (byte) 0xbb, 7, 0, (byte) 0xcd, 0x10});
        }
        byte[] bytes = code.toByteArray();
        int[] ints = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            ints[i] = bytes[i] & 0xff;
        }
        run(ints);
    }

    private int pixel(int x, int y) {
        Screen s = vga.screen();
        int[] row = new int[s.width()];
        s.render(row, y, 1);
        return row[x];
    }

    @Test
    void text_is_written_scrolled_and_drawn_with_the_bios_font() {
        int10(3, 0, 0, 0);
        assertEquals("text 80x25", vga.screen().mode());
        type("Hello, world\r\nsecond");
        List<String> text = vga.screen().text();
        assertEquals("Hello, world", text.get(0).stripTrailing());
        assertEquals("second", text.get(1).stripTrailing());
        assertEquals(86, vga.screen().cursor());
        // the capital H of the 8x16 font has two legs and a bar, grey on black
        assertEquals(0xffaaaaaa, pixel(1, 5));
        assertEquals(0xff000000, pixel(4, 5));
        assertEquals(0xffaaaaaa, pixel(4, 6));
        type("\r\n".repeat(24) + "last");
        text = vga.screen().text();
        assertEquals("second", text.get(0).stripTrailing());
        assertEquals("last", text.get(24).stripTrailing());
    }

    @Test
    void the_8_by_8_font_gives_50_lines() {
        int10(3, 0, 0, 0);
        int10(0x1112, 0, 0, 0);
        assertEquals("text 80x50", vga.screen().mode());
        type("\n".repeat(49) + "\rbottom");
        assertEquals("bottom", vga.screen().text().get(49).stripTrailing());
    }

    @Test
    void pixels_are_set_in_cga_ega_and_vga_modes() {
        int[][] modes = {{0x04, 320, 200, 2}, {0x06, 640, 200, 1}, {0x0d, 320, 200, 12}, {0x0e, 640, 200, 9},
            {0x10, 640, 350, 14}, {0x11, 640, 480, 1}, {0x12, 640, 480, 13}, {0x13, 320, 200, 40}};
        for (int[] m : modes) {
            int10(m[0], 0, 0, 0);
            String mode = Integer.toHexString(m[0]) + " " + vga.screen().mode();
            assertEquals(m[1], vga.screen().width(), mode);
            assertEquals(m[2], vga.screen().height(), mode);
            int x = m[1] - 3;
            int y = m[2] - 2;
            int black = pixel(x, y);
            assertEquals(0xff000000, black, mode);
            int10(0x0c00 | m[3], 0, x, y);
            assertTrue(pixel(x, y) != black, mode);
            assertEquals(black, pixel(x + 1, y), mode);
            assertEquals(black, pixel(x, y - 1), mode);
            assertEquals(0x0d00 | m[3], int10(0x0d00, 0, x, y) & 0xff | 0x0d00, mode);
            type("A");
            int inked = 0;
            for (int row = 0; row < 16; row++) {
                for (int column = 0; column < 8; column++) {
                    inked += pixel(column, row) != black ? 1 : 0;
                }
            }
            int ink = inked;
            assertTrue(ink > 10 && ink < 64, () -> mode + ": " + ink + " dots of an A");
        }
    }

    @Test
    void vbe_finds_its_modes_and_sets_a_linear_one() {
        memory.write32(BUFFER, 0x32454256);
        assertEquals(0x004f, int10(0x4f00, 0, 0, 0));
        assertEquals("VESA", name(BUFFER));
        assertEquals(256, memory.read16(BUFFER + 18));
        assertEquals(0x004f, int10(0x4f01, 0, 0x118, 0));
        assertEquals(List.of(1024, 768), List.of(memory.read16(BUFFER + 18), memory.read16(BUFFER + 20)));
        assertEquals((int) FRAMEBUFFER, memory.read32(BUFFER + 40));
        int pitch = memory.read16(BUFFER + 16);
        int bytes = memory.read8(BUFFER + 25) / 8;
        assertEquals(0x004f, int10(0x4f02, 0x4118, 0, 0));
        assertEquals(List.of(1024, 768), List.of(vga.screen().width(), vga.screen().height()));
        assertEquals(0xff000000, pixel(5, 700));
        memory.write16(FRAMEBUFFER + 700L * pitch + 5 * bytes, 0x1234);
        assertEquals(0xff001234, pixel(5, 700));
        assertEquals(0x004f, int10(0x4f02, 0x0101, 0, 0));
        assertEquals("graphics 640x480, 8 bits", vga.screen().mode());
        memory.write8(FRAMEBUFFER + 400 * 640 + 600, 9);
        assertEquals(0xff5555ff, pixel(600, 400));
        int10(3, 0, 0, 0);
        assertEquals("text 80x25", vga.screen().mode());
    }

    private String name(long at) {
        byte[] b = new byte[4];
        memory.read(at, b, 0, 4);
        return new String(b, StandardCharsets.US_ASCII);
    }

    @Test
    void nothing_that_the_bios_asks_for_is_missing() {
        int10(3, 0, 0, 0);
        int10(0x4f02, 0x4115, 0, 0);
        // 402h is the debug console of QEMU
        assertEquals(Set.of("out:402"), unclaimed.keySet());
    }
}

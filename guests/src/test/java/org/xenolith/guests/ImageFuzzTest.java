package org.xenolith.guests;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;
import org.xenolith.guests.pvh.PvhBuilder;
import org.xenolith.guests.pvh.PvhSize;

/**
 * Damaged images of every kind, up to a PVH guest in memory: only {@link ImageException} may come out, and no image may
 * take more than a bounded amount of memory. The seed is fixed; {@code -Dxenolith.fuzz.seed} and
 * {@code -Dxenolith.fuzz.rounds} (default 1, about a second each) search further.
 */
class ImageFuzzTest {
    private static final long MEMORY = 64L << 20;

    /** Two decoders' dictionaries and the output; a claim in a header cannot make it more. */
    private static final long MOST_MEMORY = 400L << 20;

    private static final int[] EDGES = {0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, -1};

    @Test
    void damaged_images_are_refused_and_nothing_worse() throws Exception {
        long seed = Long.getLong("xenolith.fuzz.seed", 20251125);
        int rounds = Integer.getInteger("xenolith.fuzz.rounds", 1);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Random random = new Random(seed);
        int refused = 0;
        int accepted = 0;
        for (Seed image : corpus()) {
            for (int i = 0; i < image.rounds() * rounds; i++) {
                byte[] damaged = damage(image.bytes(), random);
                long before = threads.getCurrentThreadAllocatedBytes();
                try {
                    KernelImage kernel = KernelImage.parse("fuzzed", damaged, MEMORY);
                    PvhBuilder.layOut(kernel, Optional.empty(), "", PvhSize.of(MEMORY, 1)).load(new SparseMemory());
                    accepted++;
                } catch (ImageException e) {
                    refused++;
                } catch (Throwable t) {
                    fail("seed " + seed + ", " + image.name() + ": " + hex(damaged), t);
                }
                long taken = threads.getCurrentThreadAllocatedBytes() - before;
                assertTrue(taken < MOST_MEMORY, image.name() + " took " + taken + " bytes: " + hex(damaged));
            }
        }
        assertTrue(refused > 1000 && accepted > 100, refused + " refused, " + accepted + " accepted");
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(Arrays.copyOf(bytes, Math.min(bytes.length, 4096)));
    }

    private record Seed(String name, byte[] bytes, int rounds) {}

    private static List<Seed> corpus() throws Exception {
        byte[] text = "GUEST_OS=x,VIRT_BASE=0xC0000000,PAE=yes\0".getBytes("US-ASCII");
        byte[] elf64 = TestElf.pvhKernel().note(17, TestElf.number(0x8801, 4)).note(6, TestElf.text("linux")).build();
        byte[] elf32 = TestElf.elf32().load(0x10_0000, new byte[300], 4096).note(18, TestElf.number(0x10_0000, 4))
                .section("__xen_guest", 1, text, 0, 0).build();
        List<Seed> seeds = new ArrayList<>();
        seeds.add(new Seed("elf64", elf64, 4000));
        seeds.add(new Seed("elf32", elf32, 4000));
        seeds.add(new Seed("legacy", TestElf.elf32().section("__xen_guest", 1, text, 0, 0).build(), 1000));
        seeds.add(new Seed("lz4", TestBzImage.wrap(TestBzImage.lz4(elf64), elf64.length), 4000));
        seeds.add(new Seed("gzip", TestBzImage.wrap(packed(elf64, GZIPOutputStream::new)), 2000));
        FilterOptions[] filters = {new X86Options(), new LZMA2Options(0)};
        byte[] xz = packed(elf64, out -> new XZOutputStream(out, filters, XZ.CHECK_CRC32));
        seeds.add(new Seed("xz", TestBzImage.wrap(xz, elf64.length), 100));
        String[] fixtures = {"gz", "xz", "lz4", "19.zst", "1.zst", "bz2", "lzma", "lzo"};
        for (String suffix : fixtures) {
            try (InputStream in = ImageFuzzTest.class.getResourceAsStream("/compressed/sample." + suffix)) {
                int count = suffix.equals("bz2") || suffix.contains("z") && !suffix.contains("zst") ? 40 : 300;
                seeds.add(new Seed(suffix, TestBzImage.wrap(in.readAllBytes(), 360_000), count));
            }
        }
        return seeds;
    }

    private interface Packer {
        OutputStream open(OutputStream out) throws Exception;
    }

    private static byte[] packed(byte[] content, Packer packer) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packing = packer.open(out)) {
            packing.write(content);
        }
        return out.toByteArray();
    }

    /** A few bit flips, edge values or random bytes, mostly near the start, where headers are; or a truncation. */
    private static byte[] damage(byte[] image, Random random) {
        byte[] out = image.clone();
        if (random.nextInt(8) == 0) {
            return Arrays.copyOf(out, random.nextInt(out.length));
        }
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            int near = random.nextInt(3) == 0 ? out.length : Math.min(out.length, 1 << 5 + random.nextInt(8));
            int at = random.nextBoolean()
                    ? random.nextInt(near)
                    : Math.min(out.length - 1, 1024 + random.nextInt(near));
            switch (random.nextInt(3)) {
                case 0 -> out[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> out[at] = (byte) random.nextInt(256);
                default -> LittleEndian.put32(out, Math.min(at, out.length - 4), EDGES[random.nextInt(EDGES.length)]);
            }
        }
        return out;
    }
}

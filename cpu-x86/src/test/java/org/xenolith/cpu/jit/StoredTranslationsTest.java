package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.decode.Block;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.oracle.RandomPrograms;
import org.xenolith.cpu.oracle.TierFactory;
import org.xenolith.memory.RawMemory;

/** Translations kept between runs: what is found again, and what is not used. */
final class StoredTranslationsTest {
    private static final String MODEL = "test";
    private static final long VERSION = 0x1234;
    private static final int LIMIT = 1 << 20;
    /** Where entries begin in a file: behind the header and the smallest table. */
    private static final int DATA = 64 + 4 * 4096;
    /** What belongs to a translation's place in one machine rather than to its code. */
    private static final Set<String> OWN = Set.of("number", "block", "owner", "code", "next", "incoming",
            "incomingCount");

    @TempDir
    private Path folder;
    private Path directory;

    @BeforeEach
    void place() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        directory = folder.resolve("xenolith");
    }

    /** What a run of {@link #program} came to. */
    private record Run(long made, long loaded, long stored, long rax, long retired) {
    }

    private StoredTranslations open() {
        return new StoredTranslations(new StoreFile(directory, VERSION), MODEL, LIMIT);
    }

    private Path file() {
        return new StoreFile(directory, VERSION).path();
    }

    /** Forty blocks in a loop of nine rounds. */
    private static void program(TestMachine m, int first) {
        StringBuilder code = new StringBuilder("31c0 b909000000");
        for (int k = 0; k < 40; k++) {
            code.append(String.format(" 83c0%02x eb00", first + k));
        }
        // dec ecx; jnz
        code.append(" ffc9 0f85").append(String.format("%08x", Integer.reverseBytes(-(40 * 5 + 8)))).append(" 0f0b");
        m.code(TestMachine.CODE, code.toString());
        for (int vector = 0; vector < 32; vector++) {
            m.write8(TestMachine.handler(vector), 0xf4);
        }
    }

    private static Run run(StoredTranslations store, int first) {
        try (TestMachine m = new TestMachine(); Translations translations = new Translations(4 << 20)) {
            m.long64(0);
            program(m, first);
            if (store != null) {
                translations.keepIn(store, m.memory);
            }
            m.cpu.setActivity(Cpu.Activity.RUNNING);
            try (NativeTier tier = new NativeTier(m.cpu, new CodeCache(m.memory), InstructionSet.create(),
                    translations)) {
                while (m.cpu.activity() == Cpu.Activity.RUNNING) {
                    tier.run(1000);
                }
            }
            long loaded = 0;
            long stored = 0;
            if (store != null) {
                store.save();
                loaded = store.loaded();
                stored = store.stored();
            }
            return new Run(translations.made(), loaded, stored, m.cpu.reg(CpuState.RAX), m.cpu.retired());
        }
    }

    private Run run(int first) {
        try (StoredTranslations store = open()) {
            return run(store, first);
        }
    }

    @Test
    void second_run_translates_nothing_and_comes_to_the_same() {
        Run without = run(null, 1);
        Run first = run(1);
        Run second = run(1);
        assertEquals(without.rax, first.rax);
        assertEquals(without.rax, second.rax);
        assertEquals(without.retired, second.retired);
        assertEquals(without.made, first.made);
        assertEquals(first.made, first.stored);
        assertTrue(first.made > 40);
        assertEquals(0, second.made);
        assertEquals(first.made, second.loaded);
        assertEquals(0, second.stored, "nothing new is not written");
    }

    @Test
    void other_bytes_at_the_same_place_are_translated() {
        run(1);
        Run other = run(2);
        assertEquals(run(null, 2).rax, other.rax);
        assertTrue(other.made >= 40);
        assertTrue(other.loaded < 5);
    }

    @Test
    void other_model_is_translated() {
        run(1);
        try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION), "other", LIMIT)) {
            assertEquals(0, run(store, 1).loaded);
        }
    }

    @Test
    void folder_and_file_are_the_users_alone() throws IOException {
        run(1);
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(file()), files.toList());
        }
    }

    @Test
    void damaged_file_is_not_used_wherever_the_damage_is() throws IOException {
        Run good = run(1);
        byte[] bytes = Files.readAllBytes(file());
        for (int at = 0; at < bytes.length; at += at < 300 ? 5 : 131) {
            byte[] bad = bytes.clone();
            bad[at] ^= (byte) (1 << at / 5 % 8);
            Files.write(file(), bad);
            Run r = run(1);
            assertEquals(0, r.loaded, "byte " + at);
            assertEquals(good.rax, r.rax);
        }
    }

    @Test
    void truncated_file_is_not_used_and_is_replaced() throws IOException {
        Run good = run(1);
        byte[] bytes = Files.readAllBytes(file());
        for (int length = 0; length < bytes.length; length += length < 100 ? 9 : 997) {
            Files.write(file(), java.util.Arrays.copyOf(bytes, length));
            Run r = run(1);
            assertEquals(0, r.loaded, length + " bytes");
            assertEquals(good.stored, r.stored);
        }
        assertEquals(good.made, run(1).loaded);
    }

    @Test
    void entry_that_does_not_fit_together_is_not_used_even_with_a_right_checksum() throws IOException {
        Run good = run(1);
        byte[] bytes = Files.readAllBytes(file());
        // size, guest bytes, code bytes, links, instructions, instructions covered
        for (int at : new int[]{0, 1, 3, 44, 45, 46, 47, 52, 53, 54, 55}) {
            byte[] bad = bytes.clone();
            bad[DATA + at] ^= 0x7f;
            checksum(bad);
            Files.write(file(), bad);
            Run r = run(1);
            assertEquals(1, r.made, "byte " + at + " of the first entry: " + r);
            assertEquals(good.made - 1, r.loaded);
            assertEquals(good.rax, r.rax);
        }
        checksum(bytes);
        Files.write(file(), bytes);
        assertEquals(good.made, run(1).loaded, "the checksum of this test is right");
    }

    @Test
    void table_that_leads_nowhere_is_survived() throws IOException {
        Run good = run(1);
        byte[] bytes = Files.readAllBytes(file());
        for (int value : new int[]{1, -1, 0x1fff_ffff, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            byte[] bad = bytes.clone();
            java.nio.ByteBuffer b = java.nio.ByteBuffer.wrap(bad).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            for (int at = 64; at < DATA; at += 4) {
                b.putInt(at, value);
            }
            checksum(bad);
            Files.write(file(), bad);
            Run r = run(1);
            assertTrue(r.loaded <= 1, r::toString);
            assertEquals(good.rax, r.rax);
        }
    }

    private static void checksum(byte[] file) {
        java.nio.ByteBuffer b = java.nio.ByteBuffer.wrap(file).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        b.putInt(28, 0);
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(file);
        b.putInt(28, (int) crc.getValue());
    }

    @Test
    void file_of_another_version_is_not_used() throws IOException {
        run(1);
        Files.copy(file(), new StoreFile(directory, VERSION + 1).path());
        try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION + 1), MODEL, LIMIT)) {
            assertEquals(0, run(store, 1).loaded);
        }
    }

    @Test
    void versions_older_than_three_are_deleted() throws IOException {
        for (int version = 1; version <= 5; version++) {
            StoreFile f = new StoreFile(directory, version);
            try (StoredTranslations store = new StoredTranslations(f, MODEL, LIMIT)) {
                run(store, 1);
            }
            Files.setLastModifiedTime(f.path(), java.nio.file.attribute.FileTime.fromMillis(1_000_000L * version));
        }
        run(1);
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(3, files.count());
        }
        assertTrue(Files.exists(file()));
        assertTrue(Files.exists(new StoreFile(directory, 5).path()));
    }

    @Test
    void file_that_others_can_write_is_not_used() throws IOException {
        run(1);
        Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-rw----"));
        assertEquals(0, run(1).loaded);
        Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-----w-"));
        assertEquals("can be written by other users", refusal());
    }

    @Test
    void folder_that_others_can_write_is_neither_read_nor_written() throws IOException {
        run(1);
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwx---"));
        assertEquals("its folder can be written by other users", refusal());
        Run r = run(2);
        assertEquals(0, r.loaded);
        assertEquals(0, r.stored);
    }

    @Test
    void symbolic_link_is_not_followed() throws IOException {
        run(1);
        Path elsewhere = folder.resolve("elsewhere");
        Files.move(file(), elsewhere);
        Files.createSymbolicLink(file(), elsewhere);
        assertEquals("is a symbolic link", refusal());
        assertEquals(0, run(1).loaded);
        assertFalse(Files.isSymbolicLink(file()), "replaced by a file");
    }

    @Test
    void file_of_another_user_is_not_used() throws IOException {
        run(1);
        try {
            Files.setAttribute(file(), "unix:uid", 65_534);
        } catch (IOException e) {
            assumeTrue(false, "only root can give files away");
        }
        assertEquals("belongs to another user", refusal());
        assertEquals(0, run(1).loaded);
    }

    private String refusal() {
        return assertThrows(StoreFile.UnusableException.class, () -> new StoreFile(directory, VERSION).read(LIMIT))
                .getMessage();
    }

    @Test
    void writers_at_the_same_time_leave_one_whole_file() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<Run>> runs = new ArrayList<>();
            for (int k = 0; k < 24; k++) {
                int first = k % 4 + 1;
                runs.add(threads.submit(() -> run(first)));
            }
            for (Future<Run> r : runs) {
                assertTrue(r.get().rax > 0);
            }
        }
        assertTrue(new StoreFile(directory, VERSION).path().toFile().length() > 0);
        long loaded = 0;
        for (int first = 1; first <= 4; first++) {
            try (StoredTranslations store = open()) {
                loaded = Math.max(loaded, run(store, first).loaded);
            }
        }
        assertTrue(loaded > 40);
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(file()), files.toList(), "no part is left behind");
        }
    }

    @Test
    void what_was_used_longest_ago_makes_room() throws IOException {
        run(1);
        int limit = (int) (Files.size(file()) - DATA) * 5 / 2;
        for (int first = 2; first <= 6; first++) {
            try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION), MODEL, limit)) {
                run(store, first);
            }
            assertTrue(Files.size(file()) <= limit + DATA);
            try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION), MODEL, limit)) {
                assertTrue(run(store, first).loaded > 40, "the latest is kept");
            }
            if (first == 2) {
                assertTrue(run(1).loaded > 40, "there is room for two");
            }
        }
        assertTrue(run(1).loaded < 5, "the oldest is gone");
    }

    @Test
    void place_that_cannot_be_written_is_no_error() throws IOException {
        Files.writeString(directory, "not a folder");
        Run r = run(1);
        assertEquals(run(null, 1).rax, r.rax);
        assertEquals(0, r.stored);
    }

    @Test
    void random_programs_have_the_same_host_code_from_the_store() {
        long programs = Long.getLong("xenolith.random.programs", 1_000);
        try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION), MODEL, 64 << 20)) {
            try (Translations first = new Translations(64 << 20)) {
                random(first, store, programs);
                assertTrue(first.made() > programs / 4);
            }
            store.save();
        }
        try (StoredTranslations store = new StoredTranslations(new StoreFile(directory, VERSION), MODEL, 64 << 20);
                Translations again = new Translations(64 << 20);
                Translations reference = new Translations(64 << 20)) {
            random(again, store, programs);
            assertEquals(0, again.made());
            random(reference, null, programs);
            assertEquals(again.bytesMade(), reference.bytesMade());
            assertEquals(-1,
                    RawMemory.mismatch(again.address(0), reference.address(0), 4096 + again.bytesMade() * 5 / 4));
        }
    }

    private static void random(Translations translations, StoredTranslations store, long programs) {
        TierFactory tier = (cpu, cache, table) -> {
            if (store != null) {
                translations.keepIn(store, cpu.memory());
            }
            return new NativeTier(cpu, cache, table, translations);
        };
        List<String> log = new ArrayList<>();
        try (RandomPrograms random = new RandomPrograms(InstructionSet.create(), tier)) {
            assertEquals(0, random.run(7, 0, programs, log::add, done -> {}).mismatches(), log::toString);
        }
    }

    @Test
    void everything_a_translation_says_of_its_code_is_kept() throws ReflectiveOperationException {
        try (TestMachine m = new TestMachine();
                Translations translations = new Translations(4 << 20);
                StoredTranslations store = open()) {
            m.long64(0);
            translations.keepIn(store, m.memory);
            // mul ecx; fld1; bswap ax; mov [rbx], rax; jnz on this page
            m.code(TestMachine.CODE, "f7e1 d9e8 660fc8 488903 7502");
            Blocks blocks = new Blocks(m);
            Block b = blocks.at(TestMachine.CODE);
            int mode = Mode.of(m.cpu);
            Translation made = translations.make(b, TestMachine.CODE, mode);
            Translation kept = translations.make(b, TestMachine.CODE, mode);
            assertEquals(1, translations.made());
            assertEquals(1, store.reused());
            assertTrue(made.undefined != null && made.interpreted != 0 && made.takenSite >= 0 && made.nextSite >= 0);
            for (Field f : Translation.class.getDeclaredFields()) {
                if (OWN.contains(f.getName())) {
                    continue;
                }
                f.setAccessible(true);
                Object expected = f.get(made);
                Object actual = f.get(kept);
                if (f.getName().endsWith("Site") || f.getName().endsWith("Stub")) {
                    expected = (int) expected - made.code;
                    actual = (int) actual - kept.code;
                }
                if (expected != null && expected.getClass().isArray()) {
                    assertArrayEquals(list(expected), list(actual), f.getName());
                } else {
                    assertEquals(expected, actual, f.getName());
                }
            }
        }
    }

    private static Object[] list(Object array) {
        Object[] all = new Object[Array.getLength(array)];
        for (int k = 0; k < all.length; k++) {
            all[k] = Array.get(array, k);
        }
        return all;
    }

    /** Decodes blocks. */
    private static final class Blocks extends org.xenolith.cpu.interp.Interpreter {
        Blocks(TestMachine m) {
            super(m.cpu, new CodeCache(m.memory), InstructionSet.create());
        }

        Block at(long rip) {
            return blockAt(rip);
        }
    }
}

package org.xenolith.cpu.disasm.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;

/**
 * The decoder against binutils' objdump. {@code -Pdecoder} tries every ModRM byte and reads whole programs; the
 * properties {@code xenolith.decoder.seed} and {@code xenolith.decoder.files} (paths, separated by colons) choose
 * others.
 */
class DecoderCheckTest {
    private static final Logger LOG = LoggerFactory.getLogger(DecoderCheckTest.class);
    private static final long SEED = Long.getLong("xenolith.decoder.seed", 1);
    private static final int MODRMS = Integer.getInteger("xenolith.decoder.modrms", 2);
    private static final long MOST = Long.getLong("xenolith.decoder.most", 30_000);
    /**
     * Programs of Debian 12 with all that compilers and assembler writers use, up to AVX2, AES and SHA, and i386 code.
     */
    private static final List<String> PROGRAMS = List.of("/bin/bash", "/usr/bin/perl", "/usr/bin/openssl",
            "/usr/bin/gdb",
            "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/lib/x86_64-linux-gnu/libm.so.6", "/usr/lib/x86_64-linux-gnu/libmvec.so.1",
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
            "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1", "/usr/lib/x86_64-linux-gnu/libgmp.so.10",
            "/usr/lib32/libc.so.6", "/lib32/libc.so.6", "/lib32/libm.so.6", "/usr/lib32/libstdc++.so.6");
    private static final int MOST_SHOWN = 20;

    private final List<String> log = new ArrayList<>();

    @BeforeEach
    void objdump_is_needed() {
        if (!DecoderCheck.possible()) {
            LOG.warn("SKIPPED: the decoder is not checked, there is no objdump (Debian's package binutils)");
        }
        assumeTrue(DecoderCheck.possible(), "needs objdump, of Debian's package binutils");
    }

    private DecoderCheck check(InstructionTable table) {
        return new DecoderCheck(table, line -> {
            if (log.size() < MOST_SHOWN) {
                log.add(line);
            }
        });
    }

    private void assertAgreement(CheckResult result) {
        System.out.println(result.toJson());
        assertEquals(0, result.differences(), () -> String.join("\n", log));
    }

    @Test
    void generated_encodings_agree_with_objdump() throws IOException {
        CheckResult result = check(InstructionSet.create()).encodings(SEED, MODRMS);
        assertTrue(result.instructions() >= 100_000L * MODRMS, result::toJson);
        assertAgreement(result);
    }

    @Test
    void programs_agree_with_objdump() throws IOException {
        DecoderCheck check = check(InstructionSet.create());
        String files = System.getProperty("xenolith.decoder.files");
        CheckResult sum = CheckResult.none(0);
        for (String name : files == null ? PROGRAMS : List.of(files.split(":", -1))) {
            Path file = Path.of(name);
            if (Files.isReadable(file)) {
                CheckResult result = check.elf(file, MOST);
                LOG.info("{}: {} instructions, {} differences", file, result.instructions(), result.differences());
                sum = sum.plus(result);
            } else {
                LOG.info("{} is not there", file);
            }
        }
        assertTrue(sum.instructions() > 0, "no program was found");
        assertAgreement(sum);
    }

    @Test
    void firmware_agrees_with_objdump_as_code_of_16_and_of_32_bits() throws IOException {
        Path bios = Path.of("/usr/share/seabios/bios.bin");
        if (!Files.isReadable(bios)) {
            LOG.warn("SKIPPED: {} of Debian's package seabios is not there", bios);
        }
        assumeTrue(Files.isReadable(bios), "needs Debian's package seabios");
        DecoderCheck check = check(InstructionSet.create());
        assertAgreement(check.raw(bios, 16, 0xe_0000).plus(check.raw(bios, 32, 0xe_0000)));
    }

    @Test
    void wrong_operand_order_is_found() throws IOException {
        InstructionTable table = new InstructionTable();
        table.add("MOV", "89 /r", "Gv:w,Ev", "", (c, i) -> {});
        assertTrue(check(table).elf(Path.of("/bin/bash"), 1000).differences() > 0);
        assertTrue(log.stream().anyMatch(line -> line.contains("mov") && line.contains("here")), log::toString);
    }

    @Test
    void no_row_of_the_table_is_on_the_list_of_unsupported_extensions() {
        List<String> both = new ArrayList<>();
        for (InsnDef row : InstructionSet.create().rows()) {
            String extension = Unsupported.extension(row.mnemonic().toLowerCase(Locale.ROOT));
            if (!extension.isEmpty()) {
                both.add(row + ": " + extension);
            }
        }
        assertEquals(List.of(), both);
    }

    @Test
    void same_seed_gives_the_same_encodings() {
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        new Encodings(64, 5, 1).forEach(bytes -> first.add(java.util.HexFormat.of().formatHex(bytes)));
        new Encodings(64, 5, 1).forEach(bytes -> second.add(java.util.HexFormat.of().formatHex(bytes)));
        assertEquals(first, second);
    }
}

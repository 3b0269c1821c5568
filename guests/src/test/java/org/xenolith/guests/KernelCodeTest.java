package org.xenolith.guests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.cpu.disasm.check.CheckResult;
import org.xenolith.cpu.disasm.check.DecoderCheck;
import org.xenolith.cpu.insn.InstructionSet;

/** The code of Debian's kernels, decoder against objdump; {@code -Pdecoder} reads all of it. */
class KernelCodeTest {
    private static final long MOST = Long.getLong("xenolith.decoder.most", 100_000);
    private static final int MOST_SHOWN = 20;

    @Test
    void cloud_kernel_decodes_as_objdump_says(@TempDir Path dir) throws Exception {
        compare(DebianKernels.cloud(), dir);
    }

    @Test
    void generic_kernel_decodes_as_objdump_says(@TempDir Path dir) throws Exception {
        compare(DebianKernels.generic(), dir);
    }

    private static void compare(ImageFile image, Path dir) throws Exception {
        assumeTrue(DecoderCheck.possible(), "needs objdump, of Debian's package binutils");
        Path elf = dir.resolve("vmlinux");
        Files.write(elf, KernelImage.read(image, KernelImage.MAX_SIZE).elf().bytes());
        List<String> log = new ArrayList<>();
        CheckResult result = new DecoderCheck(InstructionSet.create(), line -> {
            if (log.size() < MOST_SHOWN) {
                log.add(line);
            }
        }).elf(elf, MOST);
        System.out.println(result.toJson());
        assertTrue(result.instructions() > 0);
        assertEquals(0, result.differences(), () -> String.join("\n", log));
    }
}

package org.xenolith.cpu.disasm.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * The decoder checked against objdump: generated encodings of every class, and whole programs instruction by
 * instruction.
 *
 * <p>Each difference goes to a log as the bytes, objdump's text and ours.
 */
public final class DecoderCheck {
    /** Sequences for one run of objdump. */
    private static final int BATCH = 100_000;
    private static final int MAX_LENGTH = 15;

    private final Comparison comparison;
    private final Consumer<String> log;
    private long instructions;
    private long differences;
    private SortedMap<String, Long> unsupported = new TreeMap<>();
    private SortedMap<String, Long> listed = new TreeMap<>();

    /** @param log takes a line for each difference */
    public DecoderCheck(InstructionTable table, Consumer<String> log) {
        comparison = new Comparison(table);
        this.log = log;
    }

    /** Whether objdump is installed. */
    public static boolean possible() {
        return Objdump.isThere();
    }

    /**
     * Compares generated encodings of 16-, 32- and 64-bit code.
     *
     * @param modrmsPerClass ModRM bytes tried with each opcode and set of prefixes, 1 to 256
     */
    public CheckResult encodings(long seed, int modrmsPerClass) throws IOException {
        start();
        for (int codeBits : new int[]{16, 32, 64}) {
            Batch batch = new Batch(codeBits);
            new Encodings(codeBits, seed, modrmsPerClass).forEach(batch::add);
            batch.compare();
        }
        return result(seed);
    }

    /**
     * Compares all executable sections of an ELF file for i386 or x86-64.
     *
     * @param most instructions to compare at most
     */
    public CheckResult elf(Path file, long most) throws IOException {
        start();
        byte[] head = new byte[5];
        try (var in = Files.newInputStream(file)) {
            in.readNBytes(head, 0, head.length);
        }
        Stream stream = new Stream(head[4] == 2 ? 64 : 32, most);
        Objdump.elf(file, stream::add);
        stream.end();
        return result(0);
    }

    /** Compares a file of bare code, such as a firmware image. */
    public CheckResult raw(Path file, int codeBits, long address) throws IOException {
        start();
        Stream stream = new Stream(codeBits, Long.MAX_VALUE);
        Objdump.raw(file, codeBits, address, stream::add);
        stream.end();
        return result(0);
    }

    private void start() {
        instructions = 0;
        differences = 0;
        unsupported = new TreeMap<>();
        listed = new TreeMap<>();
    }

    private CheckResult result(long seed) {
        return new CheckResult(instructions, differences, seed, unsupported, listed);
    }

    private void compare(byte[] code, int at, int limit, int codeBits, long address, int length, String text) {
        instructions++;
        Verdict v = comparison.compare(code, at, limit, codeBits, address, length, text);
        switch (v.kind()) {
            case SAME -> {
            }
            case UNSUPPORTED -> unsupported.merge(v.detail(), 1L, Long::sum);
            case LISTED -> listed.merge(v.detail(), 1L, Long::sum);
            case DIFFERENT -> {
                differences++;
                StringBuilder b = new StringBuilder();
                for (int k = at; k < Math.min(limit, at + Math.max(length, 12)); k++) {
                    b.append(String.format("%02x", code[k])).append(k == at + length - 1 ? '|' : ' ');
                }
                log.accept(codeBits + "-bit " + Long.toHexString(address) + ": " + b + " objdump: " + text + "; "
                        + v.detail());
            }
        }
    }

    /**
     * Sequences in one file, each followed by so many NOPs that the next one starts an instruction whatever it decodes
     * to.
     */
    private final class Batch {
        private final int codeBits;
        private final byte[] code = new byte[BATCH * 32];
        private final int[] starts = new int[BATCH];
        private int count;
        private int length;
        private int reached;

        Batch(int codeBits) {
            this.codeBits = codeBits;
        }

        void add(byte[] sequence) {
            starts[count++] = length;
            System.arraycopy(sequence, 0, code, length, sequence.length);
            length += sequence.length;
            Arrays.fill(code, length, length + MAX_LENGTH, (byte) 0x90);
            length += MAX_LENGTH;
            if (count == BATCH) {
                try {
                    compare();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        }

        void compare() throws IOException {
            Path file = Files.createTempFile("encodings", ".bin");
            try {
                Files.write(file, Arrays.copyOf(code, length));
                reached = 0;
                Objdump.raw(file, codeBits, 0, (address, bytes, n, text) -> {
                    if (reached < count && address == starts[reached]) {
                        reached++;
                        DecoderCheck.this.compare(code, (int) address, length, codeBits, address, n, text);
                    }
                    return true;
                });
                if (reached != count) {
                    throw new IOException("objdump passed over sequence " + reached + " of " + count);
                }
            } finally {
                Files.delete(file);
            }
            count = 0;
            length = 0;
        }
    }

    /** Lines as they come; an instruction is compared once the 15 bytes from its start on are known. */
    private final class Stream {
        private static final int ROOM = 1 << 16;

        private final int codeBits;
        private final byte[] code = new byte[ROOM];
        private final int[] offsets = new int[ROOM];
        private final int[] lengths = new int[ROOM];
        private final String[] texts = new String[ROOM];
        private long base;
        private int lines;
        private int end;
        private long left;

        Stream(int codeBits, long most) {
            this.codeBits = codeBits;
            left = most;
        }

        boolean add(long address, byte[] bytes, int n, String text) {
            if (address != base + end) {
                end();
                base = address;
            } else if (end + n > ROOM) {
                compareUpTo(end - MAX_LENGTH);
            }
            System.arraycopy(bytes, 0, code, end, n);
            offsets[lines] = end;
            lengths[lines] = n;
            texts[lines++] = text;
            end += n;
            return --left > 0;
        }

        /** Compares the rest; where the limit cut the code off, not those that could reach past the cut. */
        void end() {
            compareUpTo(left > 0 ? end : end - MAX_LENGTH);
        }

        private void compareUpTo(int limit) {
            int done = 0;
            while (done < lines && (offsets[done] < limit || limit == end)) {
                compare(code, offsets[done], end, codeBits, base + offsets[done], lengths[done], texts[done]);
                done++;
            }
            int from = done < lines ? offsets[done] : end;
            System.arraycopy(code, from, code, 0, end - from);
            for (int k = done; k < lines; k++) {
                offsets[k - done] = offsets[k] - from;
                lengths[k - done] = lengths[k];
                texts[k - done] = texts[k];
            }
            lines -= done;
            base += from;
            end -= from;
        }
    }
}

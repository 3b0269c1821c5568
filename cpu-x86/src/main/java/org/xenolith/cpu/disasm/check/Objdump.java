package org.xenolith.cpu.disasm.check;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs binutils' objdump and hands over its lines. */
final class Objdump {
    private static final Path PROGRAM = Path.of("/usr/bin/objdump");
    /**
     * Intel64 is the ISA that the default CPU models have where AMD's differs: near branches ignore the operand-size
     * prefix.
     */
    private static final String OPTIONS = "intel,intel64";

    /** Takes one disassembled instruction. */
    @FunctionalInterface
    interface Sink {
        /**
         * @param address where it is
         * @param bytes its bytes, the first {@code length} are valid; reused for the next line
         * @param text mnemonic and operands
         * @return whether to go on
         */
        boolean instruction(long address, byte[] bytes, int length, String text);
    }

    private Objdump() {
    }

    static boolean isThere() {
        return Files.isExecutable(PROGRAM);
    }

    /** Disassembles a file of bare code. */
    static void raw(Path file, int codeBits, long address, Sink sink) throws IOException {
        String machine = switch (codeBits) {
            case 64 -> "i386:x86-64";
            case 32 -> "i386";
            default -> "i8086";
        };
        run(List.of("-D", "-w", "-z", "-b", "binary", "-m", machine, "--adjust-vma=" + address, file.toString()), sink);
    }

    /** Disassembles all executable sections of an ELF file. */
    static void elf(Path file, Sink sink) throws IOException {
        run(List.of("-d", "-w", "-z", file.toString()), sink);
    }

    private static void run(List<String> arguments, Sink sink) throws IOException {
        List<String> command = new ArrayList<>(List.of(PROGRAM.toString(), "-M", OPTIONS));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(false)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("LC_ALL", "C");
        Process process = builder.start();
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1), 1 << 20)) {
            byte[] bytes = new byte[64];
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!parse(line, bytes, sink)) {
                    return;
                }
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new IOException(command + " ended with status " + status);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command + " was interrupted", e);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            process.destroy();
        }
    }

    /** A line such as {@code "  1b2:\t8d 40 00 \tlea    eax,[rax+0x0]"}; headings and symbols are passed over. */
    private static boolean parse(String line, byte[] bytes, Sink sink) {
        int colon = line.indexOf(":\t");
        int tab = colon < 0 ? -1 : line.indexOf('\t', colon + 2);
        if (tab < 0) {
            return true;
        }
        int from = 0;
        while (line.charAt(from) == ' ') {
            from++;
        }
        long address = Long.parseUnsignedLong(line, from, colon, 16);
        int n = 0;
        for (int k = colon + 2; k + 1 < tab && line.charAt(k) != ' '; k += 3) {
            bytes[n++] = (byte) (Character.digit(line.charAt(k), 16) << 4 | Character.digit(line.charAt(k + 1), 16));
        }
        return sink.instruction(address, bytes, n, line.substring(tab + 1));
    }
}

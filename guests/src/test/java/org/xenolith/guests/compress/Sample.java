package org.xenolith.guests.compress;

import java.util.Arrays;
import java.util.Random;

/**
 * What the fixtures in {@code compressed/} were made from, by {@code gzip -9}, {@code bzip2 -9}, {@code lzma -9},
 * {@code lzop -9}, {@code lz4 -l -9}, {@code zstd -19} and {@code zstd -1} (the second with a checksum), and
 * {@code xz --check=crc32 --x86 --lzma2=dict=1MiB}: words, near calls, noise, zeros, and a short period.
 */
final class Sample {
    private static final int SIZE = 360_000;

    private Sample() {}

    static byte[] bytes() {
        Random random = new Random(2025);
        byte[] out = new byte[SIZE];
        int at = 0;
        String[] words = {"frame", "guest", "event", "channel", "grant", "page", "table", "ring", "domain", "vcpu"};
        while (at < 24_000) {
            for (char c : words[random.nextInt(words.length)].toCharArray()) {
                out[at++] = (byte) c;
            }
            out[at++] = (byte) (random.nextInt(9) == 0 ? '\n' : ' ');
        }
        while (at < 30_000) {
            out[at] = (byte) 0xe8;
            int target = 0x1000 + random.nextInt(16) * 64 - at;
            for (int i = 0; i < 4; i++) {
                out[at + 1 + i] = (byte) (target >> 8 * i);
            }
            at += 5 + random.nextInt(7);
        }
        while (at < 32_000) {
            out[at++] = (byte) random.nextInt(256);
        }
        at = 300_000;
        while (at < SIZE) {
            out[at] = (byte) (at % 13 * 19);
            at++;
        }
        return Arrays.copyOf(out, SIZE);
    }
}

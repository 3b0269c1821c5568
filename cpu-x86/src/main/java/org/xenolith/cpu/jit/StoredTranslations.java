package org.xenolith.cpu.jit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.decode.Block;
import org.xenolith.memory.RawMemory;

/**
 * Translations kept from run to run, and from one use of the same code to the next: an entry is found by guest bytes, RIP, mode and CPU model.
 * What a guest sees does not depend on it. Not thread-safe.
 *
 * <p>The file is read in the background from {@link #open} on. It is never needed: one that is missing, damaged, of another version or writable by
 * others is not used, and what cannot be written is not kept.
 */
public final class StoredTranslations implements AutoCloseable {
    /** Most bytes of a file, and of what one run adds. */
    static final int LIMIT = 64 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(StoredTranslations.class);
    private static final int CHUNK_BITS = 20;
    private static final int CHUNK = 1 << CHUNK_BITS;
    private static final int MIN_SLOTS = 1 << 12;
    /** So many new ones are worth a new file, or this part of all. */
    private static final int FEW = 32;
    private static final int PART = 100;

    private final StoreFile file;
    private final long model;
    private long key;
    private final int limit;
    private final Thread reader;
    private boolean ready;
    private final byte[] guest = new byte[4096];

    /** Slots by hash, each the position of an entry divided by 8, plus 1; 0 is an empty slot. */
    private int[] table = new int[MIN_SLOTS];
    private int count;
    /** The entries of the file, at positions from 0; then come those of this run, which lie in chunks. */
    private byte[] old = {};
    private int oldCount;
    private final List<byte[]> chunks = new ArrayList<>();
    private int chunkUsed = CHUNK;
    private int added;
    private int run;

    private long loaded;
    private long reused;
    private long stored;

    StoredTranslations(StoreFile file, String cpuModel, int limit) {
        this.file = file;
        this.limit = limit;
        model = new Mixer().add(cpuModel).value();
        key = model;
        reader = Thread.ofPlatform().daemon().name("translations").start(this::read);
    }

    /**
     * Begins to read what earlier runs have left.
     *
     * @param directory where the file is; made when there is something to keep
     * @param cpuModel CPU model of the guest with its features, which blocks are decoded by
     * @return empty when this emulator's version cannot be found out
     */
    public static Optional<StoredTranslations> open(Path directory, String cpuModel) {
        OptionalLong version = EmulatorVersion.find();
        if (version.isEmpty()) {
            LOG.info("translations are not kept: the emulator's classes are neither in a jar nor in a folder");
            return Optional.empty();
        }
        return Optional.of(new StoredTranslations(new StoreFile(directory, version.getAsLong()), cpuModel, LIMIT));
    }

    private void read() {
        try {
            file.read(limit).ifPresent(content -> {
                table = content.table();
                old = content.data();
                oldCount = content.entries();
                count = oldCount;
                run = content.run();
            });
        } catch (StoreFile.UnusableException e) {
            LOG.warn("{} is not used: {}", file.path(), e.getMessage());
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} could not be read: {}", file.path(), e.toString());
        }
    }

    /** Waits until the file has been read. */
    private void await() {
        boolean interrupted = false;
        while (!ready) {
            try {
                reader.join();
                ready = true;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void enter(int[] table, int hash, int position) {
        int mask = table.length - 1;
        int slot = hash & mask;
        while (table[slot] != 0) {
            slot = slot + 1 & mask;
        }
        table[slot] = (position >>> 3) + 1;
    }

    /** The array that the entry at a position is in. */
    byte[] array(int position) {
        return position < old.length ? old : chunks.get(position - old.length >>> CHUNK_BITS);
    }

    /** Where in its array the entry at a position is. */
    int index(int position) {
        return position < old.length ? position : position - old.length & CHUNK - 1;
    }

    /** Tells apart hosts of the same version. */
    void onHost(int kind) {
        key = Mixer.mix(model ^ kind);
    }

    /** The block's bytes, in an array that is used again. */
    byte[] guestBytes(Block b, long memory) {
        int first = b.secondMfn() < 0
                ? b.bytes()
                : Math.min(b.bytes(), 4096 - (int) (b.machineAddress() & 4095));
        RawMemory.copyOut(memory + b.machineAddress(), guest, 0, first);
        if (first < b.bytes()) {
            RawMemory.copyOut(memory + (b.secondMfn() << 12), guest, first, b.bytes() - first);
        }
        return guest;
    }

    int hash(Block b, long rip, int mode, byte[] bytes) {
        int n = b.bytes();
        long head = 0;
        for (int k = Math.max(0, n - 8); k < n; k++) {
            head = head << 8 ^ bytes[k];
        }
        return (int) Mixer.mix(rip * 31 ^ Mixer.mix(head ^ (long) n << 48 ^ (long) mode << 32) ^ key);
    }

    /**
     * The entry of a translation.
     *
     * @param bytes its block's
     * @return the entry's position, or -1
     */
    int find(Translation t, byte[] bytes, int hash) {
        if (!ready) {
            await();
        }
        int mask = table.length - 1;
        for (int n = 0; n <= mask; n++) {
            int slot = table[hash + n & mask];
            if (slot == 0) {
                break;
            }
            int position = slot - 1 << 3;
            if (position < 0 || position >= old.length + (chunks.size() << CHUNK_BITS)) {
                break;
            }
            byte[] a = array(position);
            int entry = index(position);
            if (StoredCode.plausible(a, entry) && StoredCode.hash(a, entry) == hash
                    && StoredCode.matches(a, entry, t, key, bytes)) {
                StoredCode.setUsed(a, entry, run + 1);
                if (position < old.length) {
                    loaded++;
                } else {
                    reused++;
                }
                return position;
            }
        }
        return -1;
    }

    /** Keeps a translation that {@link #find} did not find, as the translator has made it; when there is no room any more, does nothing. */
    void add(Translation t, byte[] code, int codeBytes, byte[] bytes, int hash) {
        int size = StoredCode.size(t, codeBytes);
        if (size < 0 || added + size > limit) {
            return;
        }
        if (chunkUsed + size > CHUNK) {
            chunks.add(new byte[CHUNK]);
            chunkUsed = 0;
        }
        byte[] a = chunks.getLast();
        StoredCode.write(a, chunkUsed, t, code, codeBytes, bytes, key, hash);
        StoredCode.setUsed(a, chunkUsed, run + 1);
        count++;
        if (2 * count > table.length) {
            table = index(positions(), 4 * count);
        }
        enter(table, hash, old.length + (chunks.size() - 1 << CHUNK_BITS) + chunkUsed);
        chunkUsed += size;
        added += size;
    }

    /** A table with more than so many slots. */
    private int[] index(int[] positions, int slots) {
        int[] all = new int[Math.max(MIN_SLOTS, Integer.highestOneBit(slots) << 1)];
        for (int position : positions) {
            enter(all, StoredCode.hash(array(position), index(position)), position);
        }
        return all;
    }

    /** Positions of all entries. */
    private int[] positions() {
        int[] all = new int[count];
        int n = 0;
        for (int at = 0; at < old.length && n < oldCount && StoredCode.plausible(old, at);) {
            all[n++] = at;
            at += StoredCode.size(old, at);
        }
        for (int c = 0; c < chunks.size(); c++) {
            int used = c == chunks.size() - 1 ? chunkUsed : CHUNK;
            for (int at = 0; at < used && n < count && StoredCode.plausible(chunks.get(c), at);) {
                all[n++] = old.length + (c << CHUNK_BITS) + at;
                at += StoredCode.size(chunks.get(c), at);
            }
        }
        return Arrays.copyOf(all, n);
    }

    /** Writes the file when there is enough that is new; what was used longest ago is left out when it would be too large. */
    public void save() {
        await();
        int fresh = count - oldCount;
        if (fresh < Math.max(FEW, oldCount / PART)) {
            touch();
            return;
        }
        int[] chosen = choose(positions());
        int[] newTable = new int[Math.max(MIN_SLOTS, Integer.highestOneBit(2 * chosen.length) << 1)];
        int bytes = 0;
        for (int position : chosen) {
            enter(newTable, StoredCode.hash(array(position), index(position)), bytes);
            bytes += size(position);
        }
        try (StoreFile.Writer out = file.new Writer(run + 1, chosen.length, newTable, bytes)) {
            for (int position : chosen) {
                out.add(array(position), index(position), size(position));
            }
            out.finish();
            stored = fresh;
        } catch (IOException | RuntimeException e) {
            LOG.warn("translations are not kept in {}: {}", file.path().getParent(), e.toString());
        }
    }

    private int size(int position) {
        return StoredCode.size(array(position), index(position));
    }

    private int used(int position) {
        return StoredCode.used(array(position), index(position));
    }

    private void touch() {
        if (loaded > 0) {
            try {
                file.touch();
            } catch (IOException e) {
                LOG.debug("{} could not be marked as used", file.path(), e);
            }
        }
    }

    /** The entries to keep: all, or those of the latest runs that fit. */
    private int[] choose(int[] positions) {
        TreeMap<Integer, Integer> bytesByRun = new TreeMap<>();
        for (int position : positions) {
            bytesByRun.merge(used(position), size(position), Integer::sum);
        }
        int room = limit;
        int oldest = 0;
        for (Map.Entry<Integer, Integer> e : bytesByRun.descendingMap().entrySet()) {
            oldest = e.getKey();
            if (e.getValue() > room) {
                break;
            }
            room -= e.getValue();
            oldest--;
        }
        int[] chosen = new int[positions.length];
        int n = 0;
        for (int position : positions) {
            boolean some = used(position) == oldest && size(position) <= room;
            if (used(position) > oldest || some) {
                chosen[n++] = position;
                room -= some ? size(position) : 0;
            }
        }
        return Arrays.copyOf(chosen, n);
    }

    /** Translations taken over from earlier runs. */
    public long loaded() {
        return loaded;
    }

    /** Translations taken over from this run. */
    public long reused() {
        return reused;
    }

    /** New translations written for later runs. */
    public long stored() {
        return stored;
    }

    /** Waits until nothing is read any more. */
    @Override
    public void close() {
        await();
    }
}

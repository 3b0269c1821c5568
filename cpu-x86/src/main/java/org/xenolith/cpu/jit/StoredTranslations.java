package org.xenolith.cpu.jit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.decode.Block;
import org.xenolith.memory.HostMapping;
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
    private static final int SCRATCH = 4096;
    /** So many new ones are worth a new file, or this part of all. */
    private static final int FEW = 32;
    private static final int PART = 100;

    private final StoreFile file;
    private final long model;
    private long key;
    private final int limit;
    private final HostMapping area;
    /** Bytes of a block that lies on two pages. */
    private final long scratch;
    private final Thread reader;
    private boolean ready;

    private int[] table = new int[1 << 12];
    private int count;
    private int loadedCount;
    private int loadedBytes;
    private int bytes;
    private int run;

    private long loaded;
    private long reused;
    private long stored;

    StoredTranslations(StoreFile file, String cpuModel, int limit) {
        this.file = file;
        this.limit = limit;
        model = new Mixer().add(cpuModel).value();
        key = model;
        area = new HostMapping(2L * limit + SCRATCH);
        scratch = area.address() + 2L * limit;
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
            StoreFile.Content content = file.read(area.address(), limit);
            if (index(content)) {
                loadedBytes = (int) content.bytes();
                loadedCount = content.entries();
                run = content.run();
                bytes = loadedBytes;
                return;
            }
            LOG.warn("{} is damaged and not used: its entries do not fit together", file.path());
        } catch (StoreFile.UnusableException e) {
            LOG.warn("{} is not used: {}", file.path(), e.getMessage());
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} could not be read: {}", file.path(), e.toString());
        }
        table = new int[1 << 12];
        count = 0;
    }

    private boolean index(StoreFile.Content content) {
        if (content.entries() < 0 || content.entries() > content.bytes() / Long.BYTES) {
            return false;
        }
        int size = table.length;
        while (size < 3 * content.entries()) {
            size *= 2;
        }
        table = new int[size];
        long at = area.address();
        long end = at + content.bytes();
        while (at < end) {
            if (!StoredCode.plausible(at, end - at)) {
                return false;
            }
            enter(StoredCode.hash(at), (int) (at - area.address()));
            count++;
            at += StoredCode.size(at);
        }
        return count == content.entries();
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

    /** Offsets are multiples of 8; 0 in the table is an empty slot. */
    private void enter(int hash, int offset) {
        int mask = table.length - 1;
        int slot = hash & mask;
        while (table[slot] != 0) {
            slot = slot + 1 & mask;
        }
        table[slot] = (offset >>> 3) + 1;
    }

    /** Tells apart hosts of the same version. */
    void onHost(int kind) {
        key = Mixer.mix(model ^ kind);
    }

    /** Where the block's bytes are in one piece. */
    long guestBytes(Block b, long memory) {
        long at = memory + b.machineAddress();
        if (b.secondMfn() < 0) {
            return at;
        }
        int first = Math.min(b.bytes(), 4096 - (int) (b.machineAddress() & 4095));
        RawMemory.copy(at, scratch, first);
        RawMemory.copy(memory + (b.secondMfn() << 12), scratch + first, b.bytes() - first);
        return scratch;
    }

    int hash(Block b, long rip, int mode, long guest) {
        int n = b.bytes();
        long head = n >= 8
                ? RawMemory.get64(guest) ^ RawMemory.get64(guest + n - 8)
                : RawMemory.get8(guest) | RawMemory.get8(guest + n - 1) << 8;
        return (int) Mixer.mix(rip * 31 ^ Mixer.mix(head ^ (long) n << 48 ^ (long) mode << 32) ^ key);
    }

    /**
     * The entry of a translation.
     *
     * @param guest its block's bytes
     * @return the entry's address, or 0
     */
    long find(Translation t, long guest, int hash) {
        if (!ready) {
            await();
        }
        int mask = table.length - 1;
        for (int slot = hash & mask; table[slot] != 0; slot = slot + 1 & mask) {
            int offset = table[slot] - 1 << 3;
            long entry = area.address() + offset;
            if (StoredCode.hash(entry) == hash && StoredCode.matches(entry, t, key, guest)
                    && StoredCode.linksFit(entry)) {
                StoredCode.setUsed(entry, run + 1);
                if (offset < loadedBytes) {
                    loaded++;
                } else {
                    reused++;
                }
                return entry;
            }
        }
        return 0;
    }

    /** Keeps a translation that {@link #find} did not find, as the translator has made it; when there is no room any more, does nothing. */
    void add(Translation t, byte[] code, int codeBytes, long guest, int hash) {
        int size = StoredCode.size(t, codeBytes);
        if (size < 0 || size > loadedBytes + limit - bytes) {
            return;
        }
        long entry = area.address() + bytes;
        StoredCode.write(entry, t, code, codeBytes, guest, key, hash);
        StoredCode.setUsed(entry, run + 1);
        if (2 * ++count > table.length) {
            grow();
        }
        enter(hash, bytes);
        bytes += size;
    }

    private void grow() {
        int[] old = table;
        table = new int[2 * old.length];
        for (int slot : old) {
            if (slot != 0) {
                enter(StoredCode.hash(area.address() + (slot - 1L << 3)), slot - 1 << 3);
            }
        }
    }

    /** Writes the file when there is enough that is new; what was used longest ago is left out when it would be too large. */
    public void save() {
        await();
        int fresh = count - loadedCount;
        if (fresh < Math.max(FEW, loadedCount / PART)) {
            touch();
            return;
        }
        int[] chosen = choose();
        long total = 0;
        for (int offset : chosen) {
            total += StoredCode.size(area.address() + offset);
        }
        try (StoreFile.Writer out = file.new Writer(new StoreFile.Content(run + 1, chosen.length, total))) {
            for (int offset : chosen) {
                out.add(area.address() + offset, StoredCode.size(area.address() + offset));
            }
            out.finish();
            stored = fresh;
        } catch (IOException | RuntimeException e) {
            LOG.warn("translations are not kept in {}: {}", file.path().getParent(), e.toString());
        }
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

    /** Offsets of the entries to keep: all, or those of the latest runs that fit. */
    private int[] choose() {
        TreeMap<Integer, Integer> bytesByRun = new TreeMap<>();
        for (int at = 0; at < bytes; at += StoredCode.size(area.address() + at)) {
            bytesByRun.merge(StoredCode.used(area.address() + at), StoredCode.size(area.address() + at), Integer::sum);
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
        int[] chosen = new int[count];
        int n = 0;
        for (int at = 0; at < bytes; at += StoredCode.size(area.address() + at)) {
            long entry = area.address() + at;
            int size = StoredCode.size(entry);
            boolean some = StoredCode.used(entry) == oldest && size <= room;
            if (StoredCode.used(entry) > oldest || some) {
                chosen[n++] = at;
                room -= some ? size : 0;
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

    @Override
    public void close() {
        await();
        area.close();
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.copy;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.put32;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.decode.Block;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.jit.host.CodeCache;
import org.xenolith.cpu.jit.host.HostEntry;
import org.xenolith.cpu.jit.host.HostException;
import org.xenolith.cpu.jit.host.HostFeatures;
import org.xenolith.memory.PhysicalMemory;

/**
 * The host code of one machine, shared by its CPUs: finds, makes, chains and drops translations.
 *
 * <p>The cache is filled region by region; when it is full the oldest region is emptied. While the one before is filled, nothing leads to its code
 * without coming by {@link #find}, and what does is moved to the region that is being filled: so code that is in use stays. Not thread-safe.
 */
public final class Translations implements AutoCloseable {
    /** Number of the translation in an exit's number. */
    private static final int MAX_TRANSLATIONS = 1 << 20;
    private static final int REGIONS = 16;
    /** Regions ahead of the one being filled in which code must show that it is in use. */
    private static final int COOLED = 3;
    /** From an exit's number, in MOV ECX, to the displacement of the jump to the code that leaves. */
    private static final int NUMBER_TO_LINK = 5;

    private final CodeCache cache;
    private final long writable;
    private final HostEntry entry;
    private final int start;
    private final int regionBytes;
    private final Translator translator;
    /** What else of the host the code depends on. */
    private final int hostKind;
    private final List<JumpCaches> jumpCaches = new ArrayList<>();
    private final List<List<Translation>> regions = new ArrayList<>();
    private Translation[] byNumber = new Translation[4096];
    private int[] freeNumbers = new int[64];
    private int freeCount;
    private int numbers;
    private int region;
    private int top;
    private long made;
    private Consumer<Translation> trace;
    private StoredTranslations store;
    private long guestMemory;
    private byte[] takenOver = new byte[1024];
    private long bytesMade;
    private long guestInstructions;
    private long dropped;
    private long regionsEmptied;
    private long chained;
    private long jumps;
    private long kept;
    private long bytesInUse;

    /** @param bytes of the code cache, 4 MiB or more; touched only as code is made */
    public Translations(long bytes) {
        this(bytes, null);
    }

    /** @param x87 what the host's x87 is taken to be like; null to find out */
    Translations(long bytes, @Nullable HostX87 x87) {
        this(CodeCache.map(bytes), x87);
    }

    /**
     * @param cache where the code goes, empty
     * @param x87 what the host's x87 is taken to be like; null to find out
     */
    Translations(CodeCache cache, @Nullable HostX87 x87) {
        this.cache = cache;
        writable = cache.writableAddress();
        EntryStub stub = new EntryStub();
        cache.write(0, stub.bytes());
        entry = new HostEntry(cache.base());
        HostX87 host = x87 != null
                ? x87
                : HostX87.of(new HostEntry(cache.base() + stub.probeX87Offset()).call(0, 0));
        translator = new Translator(stub, host);
        hostKind = host.kind();
        start = 4096;
        regionBytes = (int) ((cache.size() - start) / REGIONS);
        for (int r = 0; r < REGIONS; r++) {
            regions.add(new ArrayList<>());
        }
        top = start;
    }

    /** Why this host cannot run emitted code, in words for the user; empty when it can. */
    public static Optional<String> obstacle() {
        if (!HostFeatures.isX64Linux()) {
            return Optional.of("host code needs Linux on x86-64");
        }
        try {
            return HostFeatures.detect().level3()
                    ? Optional.empty()
                    : Optional.of("the host's CPU has no AVX2 and BMI2");
        } catch (HostException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** Has every block that is translated from now on written down: its guest code beside its host code. */
    public void trace(InstructionTable table, Consumer<String> to) {
        CodeText text = new CodeText(table, this);
        trace = t -> to.accept(text.of(t));
    }

    /**
     * Takes over translations that a store has, and has it keep those that are made.
     *
     * @param memory what blocks are decoded from
     */
    public void keepIn(StoredTranslations kept, PhysicalMemory memory) {
        store = kept;
        kept.onHost(hostKind);
        guestMemory = memory.base();
    }

    void addJumpCaches(JumpCaches caches) {
        jumpCaches.add(caches);
    }

    void removeJumpCaches(JumpCaches caches) {
        jumpCaches.remove(caches);
    }

    /** Runs host code from an offset in the cache until it leaves; returns the exit's number. */
    int enter(long state, int offset) {
        return entry.call(state, cache.base() + offset);
    }

    /** Host address of code at an offset. */
    long address(int offset) {
        return cache.base() + offset;
    }

    Translation get(int number) {
        return byNumber[number];
    }

    Translation find(Block block, long rip, int mode) {
        for (Translation t = (Translation) block.compiled(); t != null; t = t.next) {
            if (t.rip == rip && t.mode == mode && !t.secondary) {
                return t.cooled ? keep(t) : t;
            }
        }
        return null;
    }

    Translation make(Block block, long rip, int mode) {
        return make(block, rip, mode, false);
    }

    /** The translation of the same code with a check for every access; it is entered only in the place of {@code t}. */
    Translation plain(Translation t) {
        Translation plain = t.plainForm;
        if (plain != null && plain.cooled && !plain.dead) {
            plain = keep(plain);
        }
        if (plain == null || plain.dead) {
            plain = make(t.block, t.rip, t.mode, false, true);
        }
        t.plainForm = plain;
        return plain;
    }

    /** Puts the plain translation in the place of {@code t} for good. */
    void preferPlain(Translation t) {
        Translation plain = plain(t);
        discard(t);
        plain.secondary = false;
    }

    /**
     * The translation for many iterations of a block that jumps back to itself; it is entered at its head only, from {@code t}'s jump.
     *
     * @return null where there is nothing to be gained
     */
    @Nullable
    Translation loop(Translation t) {
        Translation loop = t.loopForm;
        if (loop != null && !loop.dead && !loop.cooled) {
            return loop;
        }
        if (t.noLoop || t.block.codeBits() != 64 || t.interpreted != 0 || t.spoiledAt >= 0) {
            return null;
        }
        loop = new Translation(takeNumber(), t.block, t.rip, t.mode, this);
        byte[] code = translator.translateLoop(loop);
        if (code == null) {
            t.noLoop = true;
            giveBack(loop.number);
            return null;
        }
        loop.secondary = true;
        loop.loop = true;
        t.loopForm = loop;
        place(loop, code, translator.size());
        enter(loop);
        return loop;
    }

    /** The translation that goes on where a loop's was left. */
    Translation base(Translation loop) {
        Translation t = find(loop.block, loop.rip, loop.mode);
        return t != null ? t : make(loop.block, loop.rip, loop.mode);
    }

    /** The groups of accesses of a translation; valid until the next call or translation. */
    AccessGroups groups(Translation t) {
        return translator.groups(t);
    }

    /** @param spoil make the code of one instruction go wrong on purpose */
    Translation make(Block block, long rip, int mode, boolean spoil) {
        return make(block, rip, mode, spoil, false);
    }

    private Translation make(Block block, long rip, int mode, boolean spoil, boolean plain) {
        Translation t = new Translation(takeNumber(), block, rip, mode, this);
        t.plain = plain;
        t.secondary = plain;
        emit(t, spoil);
        enter(t);
        return t;
    }

    private void enter(Translation t) {
        enterRegion(t);
        byNumber[t.number] = t;
        t.next = (Translation) t.block.compiled();
        t.block.setCompiled(t);
        bytesMade += t.codeBytes;
        bytesInUse += t.codeBytes;
        jumps += (t.takenSite >= 0 ? 1 : 0) + (t.nextSite >= 0 ? 1 : 0);
        guestInstructions += t.insnCount;
        if (trace != null) {
            trace.accept(t);
        }
    }

    /** Puts a translation's code at the top of the cache: from the store, or made now and then kept there. */
    private void emit(Translation t, boolean spoil) {
        boolean keep = store != null && !spoil && t.block.valid();
        byte[] guest = keep ? store.guestBytes(t.block, guestMemory) : null;
        int hash = keep ? store.hash(t.block, t.rip, t.mode, guest) : 0;
        int position = keep ? store.find(t, guest, hash) : -1;
        if (position >= 0) {
            byte[] a = store.array(position);
            int entry = store.index(position);
            StoredCode.read(a, entry, t);
            int size = StoredCode.codeBytes(a, entry);
            if (size > takenOver.length) {
                takenOver = new byte[size];
            }
            System.arraycopy(a, StoredCode.code(a, entry), takenOver, 0, size);
            place(t, takenOver, size);
        } else {
            byte[] code = translator.translate(t, spoil);
            made++;
            if (keep) {
                store.add(t, code, translator.size(), guest, hash);
            }
            place(t, code, translator.size());
        }
    }

    private void makeRoom(int size) {
        if (top + size > regionEnd()) {
            nextRegion();
        }
    }

    private void nextRegion() {
        region = (region + 1) % REGIONS;
        top = start + region * regionBytes;
        emptyRegion();
        for (Translation t : regions.get((region + COOLED) % REGIONS)) {
            if (!t.dead) {
                t.cooled = true;
                isolate(t);
            }
        }
    }

    /**
     * Moves a translation out of the region that is emptied next, since it is in use.
     *
     * @return null when there was no room for it without emptying that region
     */
    private Translation keep(Translation t) {
        makeRoom(t.codeBytes);
        if (t.dead) {
            return null;
        }
        unchain(t.takenSite, t.takenStub);
        unchain(t.nextSite, t.nextStub);
        int by = top - t.code;
        copy(writable + t.code, writable + top, t.codeBytes);
        for (char link : t.links) {
            put32(writable + top + link, get32(writable + top + link) - by);
        }
        t.code = top;
        t.takenSite += t.takenSite < 0 ? 0 : by;
        t.takenStub += by;
        t.nextSite += t.nextSite < 0 ? 0 : by;
        t.nextStub += by;
        t.cooled = false;
        enterRegion(t);
        kept++;
        return t;
    }

    private void unchain(int site, int stub) {
        if (site >= 0) {
            patch(site, stub);
        }
    }

    private void giveBack(int number) {
        if (freeCount == freeNumbers.length) {
            freeNumbers = java.util.Arrays.copyOf(freeNumbers, 2 * freeCount);
        }
        byNumber[number] = null;
        freeNumbers[freeCount++] = number;
    }

    private void enterRegion(Translation t) {
        t.region = region;
        regions.get(region).add(t);
        top += t.codeBytes + 15 & -16;
    }

    /** Puts code at the top: its exits get the translation's number, and its links lead from there. */
    private void place(Translation t, byte[] code, int size) {
        makeRoom(size);
        for (char link : t.links) {
            StoredCode.put32(code, link, StoredCode.get32(code, link) - top);
            if (StoredCode.get8(code, link - 1) == BlockEmitter.JMP) {
                int number = link - NUMBER_TO_LINK;
                StoredCode.put32(code, number, ExitKind.of(t.number, StoredCode.get32(code, number)));
            }
        }
        cache.write(top, code, size);
        t.code = top;
        t.codeBytes = size;
        if (t.takenSite >= 0) {
            t.takenStub = target(code, t.takenSite);
            t.takenSite += top;
        }
        if (t.nextSite >= 0) {
            t.nextStub = target(code, t.nextSite);
            t.nextSite += top;
        }
    }

    private int target(byte[] code, int site) {
        return top + site + 4 + StoredCode.get32(code, site);
    }

    /** Takes a translation out of use, so that its block is translated again. */
    void discard(Translation t) {
        if (!t.dead) {
            unlink(t);
            kill(t);
        }
    }

    private int regionEnd() {
        return start + (region + 1) * regionBytes;
    }

    private int takeNumber() {
        while (freeCount == 0 && numbers == MAX_TRANSLATIONS) {
            nextRegion();
        }
        if (freeCount > 0) {
            return freeNumbers[--freeCount];
        }
        if (numbers == byNumber.length) {
            byNumber = java.util.Arrays.copyOf(byNumber, 2 * numbers);
        }
        return numbers++;
    }

    private void emptyRegion() {
        List<Translation> victims = regions.get(region);
        if (!victims.isEmpty()) {
            regionsEmptied++;
        }
        for (Translation t : victims) {
            if (t.region != region) {
                continue;
            }
            discard(t);
            giveBack(t.number);
        }
        victims.clear();
    }

    private static void unlink(Translation t) {
        Translation first = (Translation) t.block.compiled();
        if (first == t) {
            t.block.setCompiled(t.next);
            return;
        }
        for (Translation p = first; p != null; p = p.next) {
            if (p.next == t) {
                p.next = t.next;
                return;
            }
        }
    }

    /** Patches the jump of {@code from} (to its taken target, or to what follows) to go straight to {@code to}. */
    void chain(Translation from, boolean taken, Translation to) {
        int site = taken ? from.takenSite : from.nextSite;
        if (site < 0 || from.dead || to.dead) {
            return;
        }
        patch(site, to.head());
        to.addIncoming(from.number << 1 | (taken ? 1 : 0), site);
        chained++;
    }

    private void patch(int site, int target) {
        put32(writable + site, target - (site + 4));
    }

    /** Takes a translation out of use: nothing jumps to it any more. */
    void kill(Translation t) {
        t.dead = true;
        dropped++;
        bytesInUse -= t.codeBytes;
        isolate(t);
    }

    /** Unpatches every jump to a translation, and has the jump caches forget it. */
    private void isolate(Translation t) {
        for (int k = 0; k < t.incomingCount(); k++) {
            Translation from = byNumber[t.incoming(k) >> 1];
            boolean taken = (t.incoming(k) & 1) != 0;
            int site = t.incomingSite(k);
            // the number may have been given to another translation since
            if (from != null && (taken ? from.takenSite : from.nextSite) == site) {
                patch(site, taken ? from.takenStub : from.nextStub);
            }
        }
        t.clearIncoming();
        for (JumpCaches caches : jumpCaches) {
            caches.remove(t);
        }
    }

    /** Translations made, not counting those that a store had. */
    public long made() {
        return made;
    }

    /** Bytes of host code made or taken over. */
    public long bytesMade() {
        return bytesMade;
    }

    /** Guest instructions in all translations made or taken over. */
    public long guestInstructions() {
        return guestInstructions;
    }

    /** Translations dropped because their code was written to or the cache was full. */
    public long dropped() {
        return dropped;
    }

    /** Times that a part of the cache was emptied to make room. */
    public long regionsEmptied() {
        return regionsEmptied;
    }

    /** Translations moved because they were still in use when their part of the cache was to be emptied. */
    public long kept() {
        return kept;
    }

    /** Bytes of host code that may still run. */
    public long bytesInUse() {
        return bytesInUse;
    }

    /** Direct jumps on one page, each of which can be patched once to go from block to block. */
    public long jumps() {
        return jumps;
    }

    /** Direct jumps patched to go from block to block. */
    public long chained() {
        return chained;
    }

    @Override
    public void close() {
        cache.close();
    }
}

package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.copy;
import static org.xenolith.memory.RawMemory.copyIn;
import static org.xenolith.memory.RawMemory.copyOut;
import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.mismatch;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;
import static org.xenolith.memory.RawMemory.put8;

import org.xenolith.cpu.decode.Block;

/**
 * The form of one translation in {@link StoredTranslations}: its key (guest bytes, RIP, mode, CPU model), what
 * {@link Translation} says of its code, and the code, whose links {@link Translations} moves. Whatever a translation is made from must be in
 * the key, and whatever it carries in the rest. Entries are multiples of 8 bytes; all numbers are little-endian.
 */
final class StoredCode {
    private static final int SIZE = 0;
    private static final int USED = 4;
    private static final int RIP = 8;
    private static final int KEY = 16;
    private static final int MODE = 24;
    private static final int NEXT_MODE = 28;
    private static final int INTERPRETED = 32;
    private static final int HASH = 40;
    private static final int GUEST_BYTES = 44;
    private static final int CODE_BYTES = 46;
    private static final int TAKEN_SITE = 48;
    private static final int NEXT_SITE = 50;
    private static final int LINKS = 52;
    private static final int INSNS = 54;
    private static final int COVERED = 55;
    private static final int KIND = 56;
    private static final int X87_FIRST = 57;
    private static final int X87_LAST = 58;
    /** Then: offsets of the instructions, flags undefined before each, links, pending x87 pointers, guest bytes, code. */
    private static final int ARRAYS = 64;

    private static final int CROSSING = 1;
    private static final int HAS_UNDEFINED = 2;
    private static final int HAS_X87 = 4;
    private static final int GROUPED = 8;
    private static final int PLAIN = 128;
    private static final int FORM = HAS_UNDEFINED | HAS_X87 | GROUPED;
    private static final int NO_SITE = 0xffff;

    private StoredCode() {
    }

    /** Bytes that an entry takes, or -1 when it cannot be stored. */
    static int size(Translation t, int codeBytes) {
        if (codeBytes >= NO_SITE || t.block.bytes() >= NO_SITE) {
            return -1;
        }
        int words = t.at.length + (t.undefined == null ? 0 : t.undefined.length) + t.links.length;
        int x87 = t.x87Pending == null ? 0 : t.x87Pending.length;
        return ARRAYS + 2 * words + x87 + t.block.bytes() + codeBytes + 7 & -8;
    }

    static void write(long entry, Translation t, byte[] code, int codeBytes, long guest, long key, int hash) {
        Block b = t.block;
        put32(entry + SIZE, size(t, codeBytes));
        put64(entry + RIP, t.rip);
        put64(entry + KEY, key);
        put32(entry + MODE, t.mode);
        put32(entry + NEXT_MODE, t.nextMode);
        put64(entry + INTERPRETED, t.interpreted);
        put32(entry + HASH, hash);
        put16(entry + GUEST_BYTES, b.bytes());
        put16(entry + CODE_BYTES, codeBytes);
        put16(entry + TAKEN_SITE, t.takenSite);
        put16(entry + NEXT_SITE, t.nextSite);
        put16(entry + LINKS, t.links.length);
        put8(entry + INSNS, b.insns().length);
        put8(entry + COVERED, t.insnCount);
        put8(entry + KIND,
                kind(t) | (t.undefined == null ? 0 : HAS_UNDEFINED) | (t.x87Pending == null ? 0 : HAS_X87)
                        | (t.grouped ? GROUPED : 0));
        put8(entry + X87_FIRST, t.x87First);
        put8(entry + X87_LAST, t.x87Last);
        long p = entry + ARRAYS;
        for (char c : t.at) {
            put16(p, c);
            p += 2;
        }
        if (t.undefined != null) {
            for (short s : t.undefined) {
                put16(p, s);
                p += 2;
            }
        }
        for (char c : t.links) {
            put16(p, c);
            p += 2;
        }
        if (t.x87Pending != null) {
            copyIn(t.x87Pending, 0, p, t.x87Pending.length);
            p += t.x87Pending.length;
        }
        copy(guest, p, b.bytes());
        copyIn(code, 0, p + b.bytes(), codeBytes);
    }

    private static int kind(Translation t) {
        return (t.block.secondMfn() >= 0 ? CROSSING : 0) | (t.plain ? PLAIN : 0) | t.block.codeBits();
    }

    /** The entry is of a translation, whose block's bytes are at {@code guest}. */
    static boolean matches(long entry, Translation t, long key, long guest) {
        Block b = t.block;
        return get64(entry + RIP) == t.rip && get32(entry + MODE) == t.mode && get64(entry + KEY) == key
                && get16(entry + GUEST_BYTES) == b.bytes() && get8(entry + INSNS) == b.insns().length
                && (get8(entry + KIND) & ~FORM) == kind(t)
                && mismatch(entry + guestOffset(entry), guest, b.bytes()) < 0;
    }

    /** Gives a translation what the entry says of its code. */
    static void read(long entry, Translation t) {
        int n = get8(entry + COVERED);
        t.insnCount = n;
        t.nextMode = get32(entry + NEXT_MODE);
        t.interpreted = get64(entry + INTERPRETED);
        t.grouped = (get8(entry + KIND) & GROUPED) != 0;
        t.takenSite = site(get16(entry + TAKEN_SITE));
        t.nextSite = site(get16(entry + NEXT_SITE));
        long p = entry + ARRAYS;
        t.at = chars(p, n + 1);
        p += 2 * (n + 1);
        if ((get8(entry + KIND) & HAS_UNDEFINED) != 0) {
            t.undefined = new short[n + 1];
            for (int k = 0; k <= n; k++) {
                t.undefined[k] = (short) get16(p);
                p += 2;
            }
        }
        t.links = chars(p, get16(entry + LINKS));
        if ((get8(entry + KIND) & HAS_X87) != 0) {
            t.x87First = (byte) get8(entry + X87_FIRST);
            t.x87Last = (byte) get8(entry + X87_LAST);
            t.x87Pending = new byte[2 * (n + 1)];
            copyOut(p + 2 * t.links.length, t.x87Pending, 0, t.x87Pending.length);
        }
    }

    private static char[] chars(long from, int n) {
        char[] c = new char[n];
        for (int k = 0; k < n; k++) {
            c[k] = (char) get16(from + 2 * k);
        }
        return c;
    }

    private static int site(int stored) {
        return stored == NO_SITE ? -1 : stored;
    }

    private static int guestOffset(long entry) {
        int n = get8(entry + COVERED) + 1;
        int kind = get8(entry + KIND);
        int perInsn = 1 + ((kind & HAS_UNDEFINED) != 0 ? 1 : 0) + ((kind & HAS_X87) != 0 ? 1 : 0);
        return ARRAYS + 2 * (n * perInsn + get16(entry + LINKS));
    }

    /** Address of the code, which belongs to translation 0 at offset 0 of a cache whose leaving code is at offset 0. */
    static long code(long entry) {
        return entry + guestOffset(entry) + get16(entry + GUEST_BYTES);
    }

    static int codeBytes(long entry) {
        return get16(entry + CODE_BYTES);
    }

    static int size(long entry) {
        return get32(entry + SIZE);
    }

    static int hash(long entry) {
        return get32(entry + HASH);
    }

    /** Number of the last run that used it. */
    static int used(long entry) {
        return get32(entry + USED);
    }

    static void setUsed(long entry, int run) {
        put32(entry + USED, run);
    }

    /** The lengths in an entry, of which {@code room} bytes exist, agree with each other. */
    static boolean plausible(long entry, long room) {
        if (room < ARRAYS) {
            return false;
        }
        int size = size(entry);
        if (size < ARRAYS || size > room || (size & 7) != 0) {
            return false;
        }
        int code = codeBytes(entry);
        int guest = guestOffset(entry);
        int n = get8(entry + COVERED);
        return n > 0 && n <= get8(entry + INSNS) && (guest + get16(entry + GUEST_BYTES) + code + 7 & -8) == size
                && fits(get16(entry + TAKEN_SITE), code) && fits(get16(entry + NEXT_SITE), code)
                && get16(entry + ARRAYS + 2 * n) <= code;
    }

    private static boolean fits(int site, int code) {
        return site == NO_SITE || site + 4 <= code;
    }

    /** All links are in the code. */
    static boolean linksFit(long entry) {
        int code = codeBytes(entry);
        long links = entry + ARRAYS
                + 2 * (get8(entry + COVERED) + 1) * ((get8(entry + KIND) & HAS_UNDEFINED) != 0 ? 2 : 1);
        for (int k = 0; k < get16(entry + LINKS); k++) {
            int link = get16(links + 2 * k);
            if (link < Translation.HEAD - 4 || link + 4 > code) {
                return false;
            }
        }
        return true;
    }
}

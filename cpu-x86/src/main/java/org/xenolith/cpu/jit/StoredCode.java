package org.xenolith.cpu.jit;

import java.util.Arrays;
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

    static void write(byte[] a, int entry, Translation t, byte[] code, int codeBytes, byte[] guest, long key,
            int hash) {
        Block b = t.block;
        put32(a, entry + SIZE, size(t, codeBytes));
        put64(a, entry + RIP, t.rip);
        put64(a, entry + KEY, key);
        put32(a, entry + MODE, t.mode);
        put32(a, entry + NEXT_MODE, t.nextMode);
        put64(a, entry + INTERPRETED, t.interpreted);
        put32(a, entry + HASH, hash);
        put16(a, entry + GUEST_BYTES, b.bytes());
        put16(a, entry + CODE_BYTES, codeBytes);
        put16(a, entry + TAKEN_SITE, t.takenSite);
        put16(a, entry + NEXT_SITE, t.nextSite);
        put16(a, entry + LINKS, t.links.length);
        a[entry + INSNS] = (byte) b.insns().length;
        a[entry + COVERED] = (byte) t.insnCount;
        a[entry + KIND] = (byte) (kind(t) | (t.undefined == null ? 0 : HAS_UNDEFINED)
                | (t.x87Pending == null ? 0 : HAS_X87) | (t.grouped ? GROUPED : 0));
        a[entry + X87_FIRST] = (byte) t.x87First;
        a[entry + X87_LAST] = (byte) t.x87Last;
        int p = put(a, entry + ARRAYS, t.at);
        if (t.undefined != null) {
            for (short s : t.undefined) {
                put16(a, p, s);
                p += 2;
            }
        }
        p = put(a, p, t.links);
        if (t.x87Pending != null) {
            System.arraycopy(t.x87Pending, 0, a, p, t.x87Pending.length);
            p += t.x87Pending.length;
        }
        System.arraycopy(guest, 0, a, p, b.bytes());
        System.arraycopy(code, 0, a, p + b.bytes(), codeBytes);
    }

    private static int put(byte[] a, int at, char[] values) {
        int p = at;
        for (char c : values) {
            put16(a, p, c);
            p += 2;
        }
        return p;
    }

    private static int kind(Translation t) {
        return (t.block.secondMfn() >= 0 ? CROSSING : 0) | (t.plain ? PLAIN : 0) | t.block.codeBits();
    }

    /** The entry is of a translation whose block has these bytes. */
    static boolean matches(byte[] a, int entry, Translation t, long key, byte[] guest) {
        Block b = t.block;
        int guestAt = entry + guestOffset(a, entry);
        return get64(a, entry + RIP) == t.rip && get32(a, entry + MODE) == t.mode && get64(a, entry + KEY) == key
                && get16(a, entry + GUEST_BYTES) == b.bytes() && get8(a, entry + INSNS) == b.insns().length
                && (get8(a, entry + KIND) & ~FORM) == kind(t)
                && Arrays.equals(a, guestAt, guestAt + b.bytes(), guest, 0, b.bytes());
    }

    /** Gives a translation what the entry says of its code. */
    static void read(byte[] a, int entry, Translation t) {
        int n = get8(a, entry + COVERED);
        t.insnCount = n;
        t.nextMode = get32(a, entry + NEXT_MODE);
        t.interpreted = get64(a, entry + INTERPRETED);
        t.grouped = (get8(a, entry + KIND) & GROUPED) != 0;
        t.takenSite = site(get16(a, entry + TAKEN_SITE));
        t.nextSite = site(get16(a, entry + NEXT_SITE));
        int p = entry + ARRAYS;
        t.at = chars(a, p, n + 1);
        p += 2 * (n + 1);
        if ((get8(a, entry + KIND) & HAS_UNDEFINED) != 0) {
            t.undefined = new short[n + 1];
            for (int k = 0; k <= n; k++) {
                t.undefined[k] = (short) get16(a, p);
                p += 2;
            }
        }
        t.links = chars(a, p, get16(a, entry + LINKS));
        p += 2 * t.links.length;
        if ((get8(a, entry + KIND) & HAS_X87) != 0) {
            t.x87First = a[entry + X87_FIRST];
            t.x87Last = a[entry + X87_LAST];
            t.x87Pending = Arrays.copyOfRange(a, p, p + 2 * (n + 1));
        }
    }

    private static char[] chars(byte[] a, int from, int n) {
        char[] c = new char[n];
        for (int k = 0; k < n; k++) {
            c[k] = (char) get16(a, from + 2 * k);
        }
        return c;
    }

    private static int site(int stored) {
        return stored == NO_SITE ? -1 : stored;
    }

    private static int guestOffset(byte[] a, int entry) {
        int n = get8(a, entry + COVERED) + 1;
        int kind = get8(a, entry + KIND);
        int perInsn = 1 + ((kind & HAS_UNDEFINED) != 0 ? 1 : 0) + ((kind & HAS_X87) != 0 ? 1 : 0);
        return ARRAYS + 2 * (n * perInsn + get16(a, entry + LINKS));
    }

    /** Offset in the array of the code, which belongs to translation 0 at offset 0 of a cache. */
    static int code(byte[] a, int entry) {
        return entry + guestOffset(a, entry) + get16(a, entry + GUEST_BYTES);
    }

    static int codeBytes(byte[] a, int entry) {
        return get16(a, entry + CODE_BYTES);
    }

    static int size(byte[] a, int entry) {
        return get32(a, entry + SIZE);
    }

    static int hash(byte[] a, int entry) {
        return get32(a, entry + HASH);
    }

    /** Number of the last run that used it. */
    static int used(byte[] a, int entry) {
        return get32(a, entry + USED);
    }

    static void setUsed(byte[] a, int entry, int run) {
        put32(a, entry + USED, run);
    }

    /** The lengths in an entry agree with each other and with the array, and what refers to its code is in it. */
    static boolean plausible(byte[] a, int entry) {
        int room = a.length - entry;
        if (entry < 0 || room < ARRAYS) {
            return false;
        }
        int size = size(a, entry);
        int code = codeBytes(a, entry);
        int guest = guestOffset(a, entry);
        int n = get8(a, entry + COVERED);
        return size <= room && n > 0 && n <= get8(a, entry + INSNS)
                && (guest + get16(a, entry + GUEST_BYTES) + code + 7 & -8) == size
                && fits(get16(a, entry + TAKEN_SITE), code) && fits(get16(a, entry + NEXT_SITE), code)
                && get16(a, entry + ARRAYS + 2 * n) <= code && linksFit(a, entry, n, code);
    }

    private static boolean fits(int site, int code) {
        return site == NO_SITE || site + 4 <= code;
    }

    private static boolean linksFit(byte[] a, int entry, int n, int code) {
        int links = entry + ARRAYS + 2 * (n + 1) * ((get8(a, entry + KIND) & HAS_UNDEFINED) != 0 ? 2 : 1);
        for (int k = 0; k < get16(a, entry + LINKS); k++) {
            int link = get16(a, links + 2 * k);
            if (link < Translation.HEAD - 4 || link + 4 > code) {
                return false;
            }
        }
        return true;
    }

    // ---- little-endian numbers; plain array accesses are what a young JVM does fastest ----

    static int get8(byte[] a, int at) {
        return a[at] & 0xff;
    }

    static int get16(byte[] a, int at) {
        return a[at] & 0xff | (a[at + 1] & 0xff) << 8;
    }

    static int get32(byte[] a, int at) {
        return get16(a, at) | get16(a, at + 2) << 16;
    }

    static long get64(byte[] a, int at) {
        return get32(a, at) & 0xffff_ffffL | (long) get32(a, at + 4) << 32;
    }

    static void put16(byte[] a, int at, int v) {
        a[at] = (byte) v;
        a[at + 1] = (byte) (v >> 8);
    }

    static void put32(byte[] a, int at, int v) {
        put16(a, at, v);
        put16(a, at + 2, v >> 16);
    }

    private static void put64(byte[] a, int at, long v) {
        put32(a, at, (int) v);
        put32(a, at + 4, (int) (v >> 32));
    }
}

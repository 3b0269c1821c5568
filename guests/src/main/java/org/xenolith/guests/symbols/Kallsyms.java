package org.xenolith.guests.symbols;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.symbols.SymbolTable.Symbol;

/**
 * Finds and decodes the kallsyms tables in a 64-bit Linux kernel (scripts/kallsyms.c, kernel/kallsyms.c), without any
 * symbol that says where they are.
 *
 * <p>Each table starts at a multiple of 8. From Linux 4.20 on they are: offsets, relative base, number of symbols,
 * names, markers, token table, token index; from 6.2 on (and in the later 6.1.y), an order by name stands behind the
 * markers, three bytes a symbol; from 6.4 on, offsets, relative base and that order come last. The token table is found
 * by the digits in it and is confirmed by its index; the others are found backwards from there, and names and markers
 * confirm each other.
 */
public final class Kallsyms {
    private static final int TOKENS = 256;
    private static final int FIRST_DIGIT = '0';
    private static final int MAX_TOKEN = 512;
    private static final int MARKER_STEP = 256;
    private static final int MAX_SYMBOLS = 4_000_000;
    private static final int MAX_NAME = 1024;

    /** Steps of searching after which a token table is given up, for kernels that are made to keep us busy. */
    private static final int MAX_WORK = 50_000_000;

    private static final int MAX_TOKEN_TABLES = 16;
    private static final long KERNEL_START = 0xffff_ffff_8000_0000L;

    private final byte[] bytes;
    private final int tokenTable;
    private final String[] tokens = new String[TOKENS];
    private int tokenIndex;
    private int markers;
    private int markerCount;
    private int names;
    private int count;
    private int work = MAX_WORK;

    private Kallsyms(byte[] bytes, int tokenTable) {
        this.bytes = bytes;
        this.tokenTable = tokenTable;
    }

    /**
     * Finds and decodes the tables.
     *
     * @param bytes a kernel, as a file or as it lies in memory, so that a table's alignment can be seen
     * @return its symbols; empty where there are no tables, or they have a layout that is not known
     */
    public static Optional<SymbolTable> find(byte[] bytes) {
        int tried = 0;
        for (int at = digits(bytes, 0); at >= 0 && tried < MAX_TOKEN_TABLES; at = digits(bytes, at + 1)) {
            int start = back(bytes, at);
            if (start < 0) {
                continue;
            }
            Kallsyms tables = new Kallsyms(bytes, start);
            if (tables.readTokens()) {
                tried++;
                Optional<SymbolTable> symbols = tables.findNames() ? tables.decode() : Optional.empty();
                if (symbols.isPresent()) {
                    return symbols;
                }
            }
        }
        return Optional.empty();
    }

    /** The index of the next "0", "1", ..., "9", each with its zero. */
    private static int digits(byte[] bytes, int from) {
        int last = bytes.length - 20;
        for (int at = from; at <= last; at++) {
            if (bytes[at] == '0' && bytes[at + 1] == 0 && bytes[at + 2] == '1' && isDigits(bytes, at)) {
                return at;
            }
        }
        return -1;
    }

    private static boolean isDigits(byte[] bytes, int at) {
        for (int i = 0; i < 10; i++) {
            if (bytes[at + 2 * i] != '0' + i || bytes[at + 2 * i + 1] != 0) {
                return false;
            }
        }
        return true;
    }

    /** Steps back over the 48 tokens before the digits; the first starts at a multiple of 8. */
    private static int back(byte[] bytes, int digits) {
        int at = digits;
        for (int i = 0; i < FIRST_DIGIT; i++) {
            int end = at - 1;
            at = end;
            while (at > 0 && bytes[at - 1] != 0) {
                at--;
            }
            if (at <= 0 || end - at > MAX_TOKEN || end == at) {
                return -1;
            }
        }
        return (at & 7) == 0 ? at : -1;
    }

    private boolean readTokens() {
        int[] starts = new int[TOKENS];
        int at = tokenTable;
        for (int i = 0; i < TOKENS; i++) {
            int end = at;
            while (end < bytes.length && bytes[end] != 0 && end - at <= MAX_TOKEN) {
                end++;
            }
            if (end >= bytes.length || bytes[end] != 0) {
                return false;
            }
            starts[i] = at - tokenTable;
            tokens[i] = new String(bytes, at, end - at, StandardCharsets.ISO_8859_1);
            at = end + 1;
        }
        tokenIndex = align(at);
        if (tokenIndex + 2 * TOKENS > bytes.length) {
            return false;
        }
        for (int i = 0; i < TOKENS; i++) {
            if (u16(bytes, tokenIndex + 2 * i) != starts[i]) {
                return false;
            }
        }
        return true;
    }

    private boolean findNames() {
        return findMarkers(tokenTable) && findNames(0) || findBehindOrder();
    }

    /** The order by name, if it is there, is as long as the number of symbols says: try each number. */
    private boolean findBehindOrder() {
        for (int symbols = 1; symbols <= MAX_SYMBOLS; symbols++) {
            int order = tokenTable - align(3 * symbols);
            int at = order - align(4 * ((symbols + MARKER_STEP - 1) / MARKER_STEP));
            if (at < 16 || work < 0) {
                return false;
            }
            boolean first = i32(bytes, at) == 0;
            if (first && findMarkers(order) && markers == at && findNames(symbols)) {
                return true;
            }
        }
        return false;
    }

    /** Walks back over ascending numbers to the 0 that starts them. */
    private boolean findMarkers(int end) {
        int at = end - 4;
        if (at >= 0 && i32(bytes, at) == 0) {
            at -= 4;
        }
        markerCount = 1;
        while (at >= 4 && u32(bytes, at) != 0) {
            long step = u32(bytes, at) - u32(bytes, at - 4);
            if (step < MARKER_STEP || step > (long) MARKER_STEP * MAX_NAME) {
                return false;
            }
            at -= 4;
            markerCount++;
            work--;
        }
        markers = at;
        return at >= 16 && (at & 7) == 0 && i32(bytes, at) == 0;
    }

    /** The names end just before the markers; the number of symbols stands 8 bytes before them, and may be known. */
    private boolean findNames(int known) {
        long last = u32(bytes, markers + 4 * (markerCount - 1));
        long latest = markers - last;
        long earliest = latest - (long) MARKER_STEP * MAX_NAME;
        for (long at = latest & ~7L; at >= Math.max(8, earliest); at -= 8) {
            long symbols = u32(bytes, (int) at - 8);
            boolean plausible = i32(bytes, (int) at - 4) == 0
                    && (known == 0 || symbols == known)
                    && symbols > 0
                    && symbols <= MAX_SYMBOLS
                    && (symbols + MARKER_STEP - 1) / MARKER_STEP == markerCount;
            if (plausible) {
                names = (int) at;
                count = (int) symbols;
                if (namesAgreeWithMarkers()) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean namesAgreeWithMarkers() {
        long at = names;
        for (int i = 0; i < count; i++) {
            if (i % MARKER_STEP == 0 && at - names != u32(bytes, markers + 4 * (i / MARKER_STEP))) {
                return false;
            }
            if (at + 2 > markers || work < 0) {
                return false;
            }
            at += nameBytes((int) at);
            work--;
        }
        return at <= markers && markers - at < 8;
    }

    /** Length of a compressed name with its own length field, which takes two bytes from 128 on (Linux 6.1). */
    private int nameBytes(int at) {
        int length = u8(bytes, at);
        return length < 0x80 ? 1 + length : 2 + (length & 0x7f | u8(bytes, at + 1) << 7);
    }

    private Optional<SymbolTable> decode() {
        int before = names - 16;
        int offsetsBefore = before - align(4 * count);
        if (offsetsBefore >= 0 && i64(bytes, before) >= KERNEL_START && i64(bytes, before) < 0) {
            return decode(offsetsBefore, i64(bytes, before));
        }
        long offsetsBehind = align(tokenIndex + 2 * TOKENS);
        long behind = offsetsBehind + align(4 * count);
        if (behind + 8 <= bytes.length && i64(bytes, (int) behind) >= KERNEL_START && i64(bytes, (int) behind) < 0) {
            return decode((int) offsetsBehind, i64(bytes, (int) behind));
        }
        return Optional.empty();
    }

    /** A negative offset counts from the base; others are per-CPU offsets where there are negative ones at all. */
    private Optional<SymbolTable> decode(int offsets, long base) {
        boolean absolutePerCpu = false;
        for (int i = 0; i < count; i++) {
            absolutePerCpu |= i32(bytes, offsets + 4 * i) < 0;
        }
        List<Symbol> symbols = new ArrayList<>(count);
        int at = names;
        for (int i = 0; i < count; i++) {
            int offset = i32(bytes, offsets + 4 * i);
            int length = nameBytes(at);
            if (!absolutePerCpu || offset < 0) {
                long address = absolutePerCpu ? base - 1 - offset : base + Integer.toUnsignedLong(offset);
                String name = name(at, length);
                if (!name.isEmpty()) {
                    symbols.add(new Symbol(address, name));
                }
            }
            at += length;
        }
        return symbols.isEmpty() ? Optional.empty() : Optional.of(new SymbolTable(symbols));
    }

    /** Puts a name together; its first character is the type as nm prints it. */
    private String name(int at, int length) {
        StringBuilder out = new StringBuilder();
        int first = u8(bytes, at) < 0x80 ? at + 1 : at + 2;
        for (int i = first; i < at + length && out.length() <= MAX_NAME; i++) {
            out.append(tokens[u8(bytes, i)]);
        }
        return out.length() < 2 ? "" : out.substring(1);
    }

    private static int align(int value) {
        return value + 7 & ~7;
    }
}

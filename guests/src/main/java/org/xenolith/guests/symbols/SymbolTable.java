package org.xenolith.guests.symbols;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Symbols in order of their addresses (unsigned); among those of one address, the first given comes first. */
public final class SymbolTable {
    private static final Comparator<Symbol> BY_ADDRESS = (a, b) -> Long.compareUnsigned(a.address(), b.address());

    /** Beyond this distance from the last symbol of all, an address is no longer said to be in it. */
    private static final long LAST_SIZE = 1 << 20;

    private final List<Symbol> symbols;

    /**
     * A symbol.
     *
     * @param address its virtual address
     * @param name its name
     */
    public record Symbol(long address, String name) {}

    /**
     * Makes a table.
     *
     * @param symbols the symbols in any order
     */
    public SymbolTable(List<Symbol> symbols) {
        List<Symbol> sorted = new ArrayList<>(symbols);
        sorted.sort(BY_ADDRESS);
        this.symbols = List.copyOf(sorted);
    }

    /** {@return the symbols by address} */
    public List<Symbol> symbols() {
        return symbols;
    }

    /**
     * Finds what an address lies in.
     *
     * @param address a virtual address
     * @return the nearest symbol at or below it, if it is plausibly within
     */
    public Optional<Symbol> find(long address) {
        int above = firstAbove(address);
        if (above == 0) {
            return Optional.empty();
        }
        long start = symbols.get(above - 1).address();
        if (above == symbols.size() && address - start >= LAST_SIZE) {
            return Optional.empty();
        }
        int first = above - 1;
        while (first > 0 && symbols.get(first - 1).address() == start) {
            first--;
        }
        return Optional.of(symbols.get(first));
    }

    /**
     * Writes an address as Linux's own reports do.
     *
     * @param address a virtual address
     * @return for example {@code start_kernel+0x4c/0x5f0}: symbol, offset, and distance to the next symbol; empty where
     *     no symbol is near
     */
    public Optional<String> describe(long address) {
        return find(address).map(symbol -> {
            int above = firstAbove(address);
            String size = above < symbols.size()
                    ? "/0x" + Long.toHexString(symbols.get(above).address() - symbol.address())
                    : "";
            return symbol.name() + "+0x" + Long.toHexString(address - symbol.address()) + size;
        });
    }

    /**
     * The address of a name.
     *
     * @param name a symbol's name
     * @return the lowest address of that name
     */
    public OptionalLong address(String name) {
        return symbols.stream().filter(s -> s.name().equals(name)).mapToLong(Symbol::address).findFirst();
    }

    private int firstAbove(long address) {
        int low = 0;
        int high = symbols.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(symbols.get(middle).address(), address) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}

package org.xenolith.guests.symbols;

import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.ElfSection;
import org.xenolith.guests.symbols.SymbolTable.Symbol;

/** Reads an ELF symbol table (gABI, chapter 4): functions, objects and plain labels that are defined and named. */
public final class ElfSymbols {
    private static final int STT_FUNC = 2;
    private static final int SHN_LORESERVE = 0xff00;
    private static final int SHN_ABS = 0xfff1;
    private static final int MAX_SYMBOLS = 4_000_000;

    private ElfSymbols() {}

    /**
     * Reads the symbols of an image.
     *
     * @param elf the image
     * @return its symbols; empty where it is stripped
     */
    public static Optional<SymbolTable> of(ElfImage elf) {
        Optional<ElfSection> table = ofType(elf, ElfSection.SHT_SYMTAB).or(() -> ofType(elf, ElfSection.SHT_DYNSYM));
        if (table.isEmpty() || table.get().link() >= elf.sections().size()) {
            return Optional.empty();
        }
        ElfSection strings = elf.sections().get((int) table.get().link());
        int size = elf.is64() ? 24 : 16;
        long count = Math.min(MAX_SYMBOLS, table.get().size() / size);
        List<Symbol> symbols = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int at = (int) table.get().offset() + i * size;
            byte[] bytes = elf.bytes();
            int info = u8(bytes, at + (elf.is64() ? 4 : 12));
            int section = u16(bytes, at + (elf.is64() ? 6 : 14));
            long value = elf.is64() ? i64(bytes, at + 8) : u32(bytes, at + 4);
            boolean defined = section != 0 && (section < SHN_LORESERVE || section == SHN_ABS);
            if (defined && (info & 0xf) <= STT_FUNC) {
                String name = elf.string(strings, u32(bytes, at));
                if (!name.isEmpty()) {
                    symbols.add(new Symbol(value, name));
                }
            }
        }
        return symbols.isEmpty() ? Optional.empty() : Optional.of(new SymbolTable(symbols));
    }

    private static Optional<ElfSection> ofType(ElfImage elf, int type) {
        return elf.sections().stream().filter(s -> s.type() == type).findFirst();
    }
}

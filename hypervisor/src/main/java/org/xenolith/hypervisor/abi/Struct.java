package org.xenolith.hypervisor.abi;

import java.util.List;

/**
 * The layout of one structure of the public headers, for both guest ABIs, by the C compiler's rules.
 *
 * <p>Fields are named as C names them, {@code a.b} for members of nested structures and unions. Example:
 * {@code Struct.of("struct evtchn_send", u32("port"))}.
 */
public final class Struct {
    private enum Kind {
        U8(1), U16(2), U32(4), U64(8), WORD(0), OPAQUE(1);

        private final int bytes;

        Kind(int bytes) {
            this.bytes = bytes;
        }
    }

    /** One member; {@code count} is the length of an array of opaque bytes. */
    public static final class Field {
        private final String name;
        private final Kind kind;
        private final int count;
        private final int forcedAlign;

        private Field(String name, Kind kind, int count, int forcedAlign) {
            this.name = name;
            this.kind = kind;
            this.count = count;
            this.forcedAlign = forcedAlign;
        }

        private int bytes(GuestAbi abi) {
            return (kind == Kind.WORD ? abi.wordBytes() : kind.bytes) * count;
        }

        private int align(GuestAbi abi) {
            if (forcedAlign != 0) {
                return Math.min(forcedAlign, abi.wordBytes());
            }
            return kind == Kind.WORD ? abi.wordBytes() : Math.min(kind.bytes, abi.wordBytes());
        }
    }

    private final String cName;
    private final List<Field> fields;
    private final int[] offsets;
    private final int[] compatOffsets;
    private final int size;
    private final int compatSize;

    private Struct(String cName, List<Field> fields) {
        this.cName = cName;
        this.fields = fields;
        this.offsets = new int[fields.size()];
        this.compatOffsets = new int[fields.size()];
        this.size = layOut(GuestAbi.X86_64, offsets);
        this.compatSize = layOut(GuestAbi.X86_32, compatOffsets);
    }

    /**
     * Lays out a structure.
     *
     * @param cName its type in the public headers, such as {@code struct evtchn_send}
     */
    public static Struct of(String cName, Field... fields) {
        return new Struct(cName, List.of(fields));
    }

    public static Field u8(String name) {
        return new Field(name, Kind.U8, 1, 0);
    }

    public static Field u16(String name) {
        return new Field(name, Kind.U16, 1, 0);
    }

    public static Field u32(String name) {
        return new Field(name, Kind.U32, 1, 0);
    }

    /** A {@code uint64_t}: aligned to 8 for a 64-bit guest, to 4 for a 32-bit one. */
    public static Field u64(String name) {
        return new Field(name, Kind.U64, 1, 0);
    }

    /** An {@code unsigned long}, {@code xen_pfn_t} or guest handle. */
    public static Field word(String name) {
        return new Field(name, Kind.WORD, 1, 0);
    }

    /** A union that starts with a word-sized member but may hold more. */
    public static Field bytes(String name, int count) {
        return new Field(name, Kind.OPAQUE, count, 0);
    }

    /** Invisible start of a nested structure with word-sized alignment. */
    public static Field align(int alignment) {
        return new Field("", Kind.OPAQUE, 0, alignment);
    }

    private int layOut(GuestAbi abi, int[] out) {
        int at = 0;
        int largest = 1;
        for (int i = 0; i < out.length; i++) {
            Field f = fields.get(i);
            int align = f.align(abi);
            at = roundUp(at, align);
            out[i] = at;
            at += f.bytes(abi);
            largest = Math.max(largest, align);
        }
        return roundUp(at, largest);
    }

    private static int roundUp(int v, int to) {
        return (v + to - 1) / to * to;
    }

    public String cName() {
        return cName;
    }

    public int size(GuestAbi abi) {
        return abi == GuestAbi.X86_64 ? size : compatSize;
    }

    public List<String> fieldNames() {
        return fields.stream().map(f -> f.name).filter(n -> !n.isEmpty()).toList();
    }

    int index(String name) {
        for (int i = 0; i < fields.size(); i++) {
            if (fields.get(i).name.equals(name)) {
                return i;
            }
        }
        throw new IllegalArgumentException(cName + " has no field " + name);
    }

    /** Offset of a field in bytes. */
    public int offset(GuestAbi abi, String name) {
        int i = index(name);
        return abi == GuestAbi.X86_64 ? offsets[i] : compatOffsets[i];
    }

    /** Size of a field in bytes. */
    public int fieldSize(GuestAbi abi, String name) {
        return fields.get(index(name)).bytes(abi);
    }

    /** An empty (all-zero) instance. */
    public StructView view(GuestAbi abi) {
        return new StructView(this, abi, new byte[size(abi)]);
    }
}

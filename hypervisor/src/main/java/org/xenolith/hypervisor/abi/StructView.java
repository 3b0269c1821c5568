package org.xenolith.hypervisor.abi;

/** One copy of a guest structure, outside guest memory, with its fields by name. */
public final class StructView {
    private final Struct struct;
    private final GuestAbi abi;
    private final byte[] data;

    StructView(Struct struct, GuestAbi abi, byte[] data) {
        this.struct = struct;
        this.abi = abi;
        this.data = data;
    }

    public Struct struct() {
        return struct;
    }

    public GuestAbi abi() {
        return abi;
    }

    /** The bytes themselves, not a copy. */
    public byte[] data() {
        return data;
    }

    /** An integer field, zero-extended. */
    public long get(String field) {
        int at = struct.offset(abi, field);
        long v = 0;
        for (int i = struct.fieldSize(abi, field) - 1; i >= 0; i--) {
            v = v << 8 | data[at + i] & 0xff;
        }
        return v;
    }

    /** A field of at most 32 bits. */
    public int get32(String field) {
        return (int) get(field);
    }

    /** Stores the low bytes of a value. */
    public void set(String field, long value) {
        int at = struct.offset(abi, field);
        int n = struct.fieldSize(abi, field);
        for (int i = 0; i < n; i++) {
            data[at + i] = (byte) (value >>> 8 * i);
        }
    }
}

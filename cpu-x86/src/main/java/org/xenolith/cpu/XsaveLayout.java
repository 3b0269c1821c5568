package org.xenolith.cpu;

/** Sizes and offsets in bytes of the XSAVE area's components (SDM vol. 1, 13.4; CPUID.0Dh). */
public final class XsaveLayout {
    /** Component numbers. */
    public static final int AVX = 2;
    public static final int PKRU = 9;
    /** Legacy region and header. */
    public static final int BASE_SIZE = 576;
    public static final int HEADER = 512;
    private static final int PKRU_OFFSET = 2688;

    private XsaveLayout() {
    }

    public static int componentSize(int component) {
        return switch (component) {
            case AVX -> 256;
            case PKRU -> 8;
            default -> 0;
        };
    }

    /** Offset in the standard format. */
    public static int standardOffset(int component) {
        return switch (component) {
            case AVX -> BASE_SIZE;
            case PKRU -> PKRU_OFFSET;
            default -> 0;
        };
    }

    /** Bytes that an area with these components takes in the standard format. */
    public static int standardSize(long components) {
        if ((components >>> PKRU & 1) != 0) {
            return PKRU_OFFSET + 8;
        }
        return (components >>> AVX & 1) != 0 ? BASE_SIZE + 256 : BASE_SIZE;
    }

    /** Offset in the compacted format, of a component that is in {@code components}. */
    public static int compactOffset(long components, int component) {
        return component == AVX ? BASE_SIZE : BASE_SIZE + ((components >>> AVX & 1) != 0 ? 256 : 0);
    }

    /** Bytes that an area with these components takes in the compacted format. */
    public static int compactSize(long components) {
        return BASE_SIZE + ((components >>> AVX & 1) != 0 ? 256 : 0) + ((components >>> PKRU & 1) != 0 ? 8 : 0);
    }
}

package org.xenolith.guests.compress;

/** One Zstandard frame into an array that it fills, whatever lies behind the frame. */
public final class ZstdFrame {
    private ZstdFrame() {
    }

    /**
     * Decompresses frames until an array is full.
     *
     * @param src holds the data
     * @param from index of the first byte of the frame
     * @param to index behind the last byte that may belong to it
     * @param target filled from its start to its end
     * @throws CorruptDataException if the data is damaged or does not fill the array exactly
     */
    public static void decompress(byte[] src, int from, int to, byte[] target) throws CorruptDataException {
        Output out = new Output(target.length, target.length);
        try {
            Zstd.decompressPrefix(src, from, to, out, target.length);
        } catch (RuntimeException e) {
            throw new CorruptDataException("the Zstandard data is damaged", e);
        }
        if (out.size() != target.length) {
            throw new CorruptDataException("it ends after " + out.size() + " bytes");
        }
        System.arraycopy(out.data(), 0, target, 0, target.length);
    }
}

package org.xenolith.hypervisor.abi;

/**
 * The word size that a guest's structures are laid out for: {@code x86_64}, or the i386 layouts that Xen calls compat.
 */
public enum GuestAbi {
    X86_64(8), X86_32(4);

    private final int wordBytes;

    GuestAbi(int wordBytes) {
        this.wordBytes = wordBytes;
    }

    /**
     * Size of {@code unsigned long}, of a guest handle and of a bit-map word; also the alignment of {@code uint64_t}.
     */
    public int wordBytes() {
        return wordBytes;
    }

    public int wordBits() {
        return wordBytes * 8;
    }
}

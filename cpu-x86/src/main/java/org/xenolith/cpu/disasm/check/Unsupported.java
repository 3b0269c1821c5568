package org.xenolith.cpu.disasm.check;

/** Extensions that objdump decodes and no CPU model of ours has: their encodings are #UD here. */
final class Unsupported {
    private Unsupported() {
    }

    /** Name of the extension that the instruction belongs to; empty if we should know it. */
    static String extension(byte[] code, int at, int codeBits, String text) {
        return "";
    }
}

package org.xenolith.bus;

/**
 * A device's I/O ports. Calls come from the emulation thread, in the middle of the instruction. An access never raises a Java exception: the
 * answer to a bad one is what hardware does.
 */
public interface PortHandler {
    /**
     * IN.
     *
     * @param port absolute port number; the access may begin anywhere in the handler's range but does not leave it
     * @param size 1, 2 or 4 bytes
     * @return the value; bits above {@code size} bytes are ignored
     */
    long in(int port, int size);

    /** OUT; {@code value} has no bits above {@code size} bytes. */
    void out(int port, int size, long value);

    /** A handler of single bytes; wider accesses go to the ports one by one, as on an 8-bit ISA card. */
    interface Bytes extends PortHandler {
        int in8(int port);

        void out8(int port, int value);

        @Override
        default long in(int port, int size) {
            long v = 0;
            for (int i = 0; i < size; i++) {
                v |= (in8(port + i) & 0xffL) << 8 * i;
            }
            return v;
        }

        @Override
        default void out(int port, int size, long value) {
            for (int i = 0; i < size; i++) {
                out8(port + i, (int) (value >>> 8 * i) & 0xff);
            }
        }
    }
}

package org.xenolith.emulator;

/**
 * The host end of a guest console. Called from the emulation thread only.
 */
public interface Console {
    /** Bytes that the guest wrote. False when nobody reads any more (closed pipe): the run ends quietly. */
    boolean output(byte[] bytes, int offset, int length);

    /**
     * Takes up to {@code length} bytes of input that wait, without blocking.
     *
     * @return bytes stored, 0 when there are none
     */
    int input(byte[] into, int offset, int length);

    /** Blocks for at most {@code millis} until input may be there or {@link #interrupt} is called; used while the machine is idle. */
    void await(long millis);

    /** True when no input can come any more; then only timers can wake an idle machine. */
    default boolean inputEnded() {
        return true;
    }

    /** Wakes {@link #await}; from any thread. */
    void interrupt();
}

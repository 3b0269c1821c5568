package org.xenolith.emulator;

/** Hears what a machine is doing; for progress lines on stderr. All methods do nothing by default. */
public interface Progress {
    /** A step of building or starting, such as "loading kernel /boot/vmlinuz (7.1 MB, LZ4)". */
    default void step(String domain, String what) {
    }
}
